"""Signing in to Databricks: which credential is chosen, where it goes, how often it is fetched."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import certifi
import pytest
import requests
import responses
from requests import PreparedRequest

from reconciler import errors
from reconciler.model import ProviderSpec, SecretInput, Sourced
from reconciler.providers import connect
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.secrets import Secret

HOST = "https://accounts.cloud.databricks.com"
OTHER = "https://accounts.azuredatabricks.net"
TOKEN_URL = f"{HOST}/oidc/accounts/acc/v1/token"
M2M = {"DATABRICKS_CLIENT_ID": "cid", "DATABRICKS_CLIENT_SECRET": "dosesecret"}
Make = Callable[..., DatabricksAccount]


@pytest.fixture
def make(moment: Any, tmp_path: Path) -> Make:
    def made(
        environment: dict[str, str] | None = None,
        address: str = HOST,
        account_id: str = "acc",
        **settings: Any,
    ) -> DatabricksAccount:
        spec = ProviderSpec("databricks", "databricks", address, account_id, settings)
        home = {"HOME": str(tmp_path), **(environment or {})}
        return DatabricksAccount(spec, home, clock=moment.clock, sleep=moment.sleep)

    return made


@pytest.fixture
def profiles(tmp_path: Path) -> Callable[[str], None]:
    return lambda text: (tmp_path / ".databrickscfg").write_text(text) and None


def secret_from(variable: str, value: str | None = "dosevalue") -> SecretInput:
    return SecretInput(f"env {variable}", f"${{env.{variable}}}", Secret(value) if value else None)


def grant(web: responses.RequestsMock, url: str = TOKEN_URL, **more: Any) -> None:
    web.add("POST", url, json={"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, **more})


def things(web: responses.RequestsMock, host: str = HOST) -> None:
    web.add("GET", f"{host}/things", json={"ok": 1})


def sent_with(web: responses.RequestsMock, path: str = "/things") -> list[str]:
    return [call.request.headers["Authorization"] for call in web.calls if path in str(call.request.url)]


def form_of(request: PreparedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(str(request.body, "utf-8")).items()}  # type: ignore[arg-type]


def jwt(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"h.{middle}.s"


# -- client credentials


def test_client_credentials_fetch_one_token_for_many_calls(web: responses.RequestsMock, make: Make) -> None:
    grant(web)
    things(web)
    api = make(M2M)
    api.http.map(lambda _: api.http.get("/things"), range(20))
    assert sent_with(web) == ["Bearer at-1"] * 20
    assert sent_with(web, "/token") == ["Basic " + base64.b64encode(b"cid:dosesecret").decode()]
    assert form_of(web.calls[0].request) == {"grant_type": "client_credentials", "scope": "all-apis"}
    api.http.close()


def test_who_signs_in_is_named(make: Make) -> None:
    api = make(M2M)
    assert api.signed_in_as == "client_id cid"
    assert api.recognises("cid")
    assert not api.recognises("")


def test_a_token_near_its_end_is_renewed(web: responses.RequestsMock, make: Make, moment: Any) -> None:
    grant(web, expires_in=3600)
    things(web)
    api = make(M2M)
    api.http.get("/things")
    moment.now += 3600 - 61
    api.http.get("/things")
    assert len(sent_with(web, "/token")) == 1
    moment.now += 2
    api.http.get("/things")
    assert len(sent_with(web, "/token")) == 2


def test_a_refused_token_is_renewed_once(web: responses.RequestsMock, make: Make) -> None:
    grant(web)
    web.add("POST", f"{HOST}/things", status=401, json={"error_code": 401, "message": "expired"})
    web.add("POST", f"{HOST}/things", json={"ok": 1})
    assert make(M2M).http.post("/things", {}) == {"ok": 1}
    assert len(sent_with(web, "/token")) == 2


def test_a_token_that_stays_refused_is_not_renewed_for_every_call(
    web: responses.RequestsMock, make: Make
) -> None:
    grant(web)
    web.add("GET", f"{HOST}/things", status=401, json={"message": "no"})
    api = make(M2M)
    for _ in range(3):
        with pytest.raises(errors.UnauthorizedError) as caught:
            api.http.get("/things")
        assert "client_id cid" in caught.value.hint
    assert len(sent_with(web, "/token")) == 2


class ShortLived:
    """Tokens that last a second; a call takes as long as it is told to."""

    def __init__(self, web: responses.RequestsMock, moment: Any) -> None:
        self.moment = moment
        self.given: list[float] = []
        self.takes = 0.02
        web.add_callback("POST", TOKEN_URL, self.token)
        web.add_callback("GET", f"{HOST}/things", self.answer)

    def token(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.given.append(self.moment.now)
        token = {"access_token": f"at-{len(self.given)}", "expires_in": 1}
        return 200, {}, json.dumps(token)

    def answer(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.moment.now += self.takes
        number = int(request.headers["Authorization"].removeprefix("Bearer at-"))
        return (200 if self.moment.now < self.given[number - 1] + 1 else 401), {}, "{}"


def test_a_token_of_a_second_serves_for_most_of_it(
    web: responses.RequestsMock, make: Make, moment: Any
) -> None:
    tokens, began = ShortLived(web, moment), moment.now
    api = make(M2M)
    for _ in range(200):
        api.http.get("/things")
    assert len(tokens.given) <= (moment.now - began) / 0.75 + 1


def test_a_token_that_expires_on_the_way_is_renewed_every_time(
    web: responses.RequestsMock, make: Make, moment: Any
) -> None:
    tokens = ShortLived(web, moment)
    api = make(M2M)
    for _ in range(3):
        tokens.takes = 0.6
        api.http.get("/things")
        tokens.takes = 0.1
        api.http.get("/things")
        tokens.takes = 0.6  # begun in the token's last third, and refused at its end
        api.http.get("/things")


def test_many_refused_at_once_renew_together(web: responses.RequestsMock, make: Make) -> None:
    tokens = iter(f"at-{number}" for number in range(1, 100))
    web.add_callback(
        "POST", TOKEN_URL, lambda _: (200, {}, json.dumps({"access_token": next(tokens), "expires_in": 3600}))
    )
    ready = threading.Barrier(4, timeout=5)

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers["Authorization"] == "Bearer at-1":
            ready.wait()
            return 401, {}, "{}"
        return 200, {}, "{}"

    web.add_callback("GET", f"{HOST}/things", answer)
    api = make(M2M)
    api.http.map(lambda _: api.http.get("/things"), range(4))
    assert len(sent_with(web, "/token")) == 2
    api.http.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "invalid_client", "error_description": "Client authentication failed"}),
        (400, {"error": "invalid_request", "error_description": "bad dosesecret"}),
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such account"}),
    ],
)
def test_a_refused_credential_is_a_credential_error_that_names_the_identity(
    web: responses.RequestsMock, make: Make, status: int, body: Any
) -> None:
    web.add("POST", TOKEN_URL, status=status, json=body)
    with pytest.raises(errors.CredentialError, match=r"databricks: signing in .* as client_id cid") as caught:
        make(M2M).http.get("/things")
    shown = "".join(traceback.format_exception(caught.value))
    assert base64.b64encode(b"cid:dosesecret").decode() not in shown
    assert "dosesecret" not in shown.replace('b"cid:dosesecret"', "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {}),
        (503, {}),
        (400, {"error": "invalid_request", "error_description": "Temporarily throttled, too many requests"}),
    ],
)
def test_a_busy_token_endpoint_is_asked_again(
    web: responses.RequestsMock, make: Make, status: int, body: Any
) -> None:
    web.add("POST", TOKEN_URL, status=status, json=body)
    grant(web)
    things(web)
    assert make(M2M).http.get("/things") == {"ok": 1}


def test_a_token_endpoint_that_answers_no_token_is_said(web: responses.RequestsMock, make: Make) -> None:
    web.add("POST", TOKEN_URL, json={"token_type": "Bearer"})
    with pytest.raises(errors.CredentialError, match="no token"):
        make(M2M).preflight()


@pytest.mark.parametrize("body", [{}, {"access_token": ""}])
def test_a_secret_is_proved_by_a_token_and_by_nothing_less(
    web: responses.RequestsMock, make: Make, body: Any
) -> None:
    web.add("POST", TOKEN_URL, json=body)
    with pytest.raises(errors.UnreadableError, match="no token"):
        make(M2M).prove("cid", Secret("dosenew"))


def test_a_login_page_for_a_token_is_said(web: responses.RequestsMock, make: Make) -> None:
    web.add("POST", TOKEN_URL, body="<html>Log in</html>", content_type="text/html")
    with pytest.raises(errors.UnreadableError, match="HTML"):
        make(M2M).preflight()


def test_signing_in_passes_the_gate_of_writes(web: responses.RequestsMock, make: Make) -> None:
    grant(web)
    web.add("POST", f"{HOST}/things", json={})
    api = make(M2M)
    asked: list[int] = []
    api.http.gate = lambda: asked.append(1)
    api.http.post("/things", {})
    assert asked == [1]


def test_the_discovery_url_names_the_token_endpoint(web: responses.RequestsMock, make: Make) -> None:
    web.add("GET", "https://sso.test/.well-known/x", json={"token_endpoint": "https://sso.test/token"})
    grant(web, "https://sso.test/token")
    things(web)
    make({**M2M, "DATABRICKS_DISCOVERY_URL": "https://sso.test/.well-known/x"}).http.get("/things")
    assert sent_with(web) == ["Bearer at-1"]


@pytest.mark.parametrize("body", [{}, {"token_endpoint": "http://sso.test/token"}, []])
def test_a_useless_discovery_document_is_said(web: responses.RequestsMock, make: Make, body: Any) -> None:
    web.add("GET", "https://sso.test/x", json=body)
    with pytest.raises(errors.CredentialError):
        make({**M2M, "DATABRICKS_DISCOVERY_URL": "https://sso.test/x"}).preflight()


# -- tokens and OIDC


def test_a_ready_token_is_used_as_it_is(web: responses.RequestsMock, make: Make) -> None:
    things(web)
    api = make({"DATABRICKS_TOKEN": jwt(sub="admin@example.org")})
    api.http.get("/things")
    assert sent_with(web) == [f"Bearer {jwt(sub='admin@example.org')}"]
    assert api.signed_in_as == "token from DATABRICKS_TOKEN"
    assert api.recognises("admin@example.org")


@pytest.mark.parametrize("token", ["dapi123", "a.b.c", "a.!!.c", "a.e30.c"])
def test_a_token_that_names_nobody_leaves_the_identity_unknown(make: Make, token: str) -> None:
    assert not make({"DATABRICKS_TOKEN": token}).recognises("")


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "snow☃man"])
def test_a_token_that_no_header_takes_is_refused_without_showing_it(make: Make, token: str) -> None:
    with pytest.raises(errors.CredentialError, match="DATABRICKS_TOKEN holds") as caught:
        make({"DATABRICKS_TOKEN": token})
    assert token not in "".join(traceback.format_exception(caught.value))


def test_env_oidc_exchanges_the_token_of_the_default_variable(
    web: responses.RequestsMock, make: Make
) -> None:
    grant(web)
    things(web)
    api = make({"DATABRICKS_OIDC_TOKEN": "jwt-1", "DATABRICKS_CLIENT_ID": "cid"})
    api.http.get("/things")
    assert form_of(web.calls[0].request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "jwt-1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "scope": "all-apis",
        "client_id": "cid",
    }
    assert "Authorization" not in web.calls[0].request.headers
    assert api.signed_in_as == "OIDC token from DATABRICKS_OIDC_TOKEN for client_id cid"


def test_env_oidc_of_an_account_policy_sends_no_client_id_and_learns_who_it_is(
    web: responses.RequestsMock, make: Make
) -> None:
    grant(web, access_token=jwt(sub="app-id"))
    api = make({"DATABRICKS_OIDC_TOKEN_ENV": "CI_JWT", "CI_JWT": "jwt-2"})
    assert api.recognises("app-id")
    form = form_of(web.calls[0].request)
    assert form["subject_token"] == "jwt-2"
    assert "client_id" not in form


def test_file_oidc_reads_the_file_anew_for_every_exchange(
    web: responses.RequestsMock, make: Make, moment: Any, tmp_path: Path
) -> None:
    grant(web)
    things(web)
    file = tmp_path / "jwt"
    file.write_text("first\n")
    api = make({"DATABRICKS_OIDC_TOKEN_FILEPATH": str(file), "DATABRICKS_CLIENT_ID": "cid"})
    api.http.get("/things")
    file.write_text("second\n")
    moment.now += 3600
    api.http.get("/things")
    exchanges = [form_of(call.request) for call in web.calls if "/token" in str(call.request.url)]
    assert [form["subject_token"] for form in exchanges] == ["first", "second"]


@pytest.mark.parametrize("content", [None, "", b"\xff\xfe"])
def test_an_unusable_oidc_file_is_said(make: Make, tmp_path: Path, content: Any) -> None:
    file = tmp_path / "jwt"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(errors.CredentialError, match="OIDC token file"):
        make({"DATABRICKS_OIDC_TOKEN_FILEPATH": str(file)}).preflight()


def test_github_oidc_asks_for_a_token_for_the_account_and_exchanges_it_once(
    web: responses.RequestsMock, make: Make
) -> None:
    web.add("GET", "https://gh.test/token", json={"value": "gh-jwt"})
    grant(web)
    things(web)
    environment = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://gh.test/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh-bearer",
        "DATABRICKS_CLIENT_ID": "cid",
    }
    api = make(environment)
    for _ in range(3):
        api.http.get("/things")
    asked = web.calls[0].request
    assert str(asked.url) == "https://gh.test/token?api-version=2.0&audience=acc"
    assert asked.headers["Authorization"] == "Bearer gh-bearer"
    assert form_of(web.calls[1].request)["subject_token"] == "gh-jwt"
    assert len(web.calls) == 5


def test_github_oidc_by_name_needs_the_jobs_permission(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match="ACTIONS_ID_TOKEN_REQUEST_URL") as caught:
        make(auth_type="github-oidc").preflight()
    assert "id-token: write" in caught.value.hint


# -- which one is chosen


def test_nothing_to_sign_in_with_names_the_provider_and_the_variables(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match="provider databricks: no credential") as caught:
        make()
    assert "DATABRICKS_CLIENT_ID" in caught.value.message
    assert "DATABRICKS_TOKEN" in caught.value.message


def test_half_a_pair_is_said(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match="only half of a pair"):
        make({"DATABRICKS_CLIENT_ID": "cid"})


def test_two_ways_to_sign_in_are_an_error_that_names_both(make: Make) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make({**M2M, "DATABRICKS_TOKEN": "t"})
    assert "oauth-m2m (DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET)" in caught.value.message
    assert "pat (DATABRICKS_TOKEN)" in caught.value.message


@pytest.mark.parametrize("chosen", ["spec", "environment"])
def test_auth_type_chooses_between_two(make: Make, chosen: str) -> None:
    environment = {**M2M, "DATABRICKS_TOKEN": "t"}
    if chosen == "environment":
        api = make({**environment, "DATABRICKS_AUTH_TYPE": "pat"})
    else:
        api = make(environment, auth_type="pat")
    assert api.signed_in_as == "token from DATABRICKS_TOKEN"


def test_what_the_spec_states_is_meant_whatever_else_is_set(make: Make) -> None:
    api = make(M2M, token=secret_from("OTHER_TOKEN"))
    assert api.signed_in_as == "token from OTHER_TOKEN"


def test_a_variable_of_the_spec_that_is_unset_is_named(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match="client_secret comes from env B, which is unset"):
        make(client_id=Sourced("env A", "cid", "${env.A}"), client_secret=secret_from("B", None))


def test_auth_type_without_its_parts_names_them(make: Make) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_CLIENT_ID": "cid"}, auth_type="oauth-m2m")
    assert "client_secret is missing" in caught.value.message
    assert "client_id, client_secret" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "account_id", "words"), [("", "acc", "DATABRICKS_HOST"), (HOST, "", "DATABRICKS_ACCOUNT_ID")]
)
def test_a_missing_host_or_account_is_said(make: Make, address: str, account_id: str, words: str) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make(M2M, address, account_id)
    assert words in caught.value.hint


def test_host_and_account_come_from_the_environment(make: Make) -> None:
    api = make({**M2M, "DATABRICKS_HOST": "accounts.x.test/", "DATABRICKS_ACCOUNT_ID": "a2"}, "", "")
    assert (api.address, api.account_id) == ("https://accounts.x.test", "a2")


# -- profiles

PROFILES = f"""
[__settings__]
default_profile = usual

[usual]
host = {HOST}
account_id = acc
client_id = usual-id
client_secret = 100%usual

[other]
host = {OTHER}
account_id = acc
token = other-token

[cli]
host = {HOST}
account_id = acc
auth_type = databricks-cli
"""


def test_the_default_profile_serves_when_nothing_else_is_set(
    make: Make, profiles: Callable[[str], None], web: responses.RequestsMock
) -> None:
    profiles(PROFILES)
    grant(web)
    api = make({}, "", "")
    assert (api.address, api.account_id, api.signed_in_as) == (HOST, "acc", "client_id usual-id")
    api.preflight()
    assert sent_with(web, "/token") == ["Basic " + base64.b64encode(b"usual-id:100%usual").decode()]


def test_the_file_is_skipped_when_a_host_is_set_and_no_profile_is_named(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(PROFILES)
    with pytest.raises(errors.CredentialError, match="no credential"):
        make()


@pytest.mark.parametrize("named", ["spec", "environment"])
def test_a_named_profile_is_used(make: Make, profiles: Callable[[str], None], named: str) -> None:
    profiles(PROFILES)
    if named == "spec":
        api = make({}, OTHER, "acc", profile="other")
    else:
        api = make({"DATABRICKS_CONFIG_PROFILE": "other"}, "", "")
    assert (api.address, api.signed_in_as) == (OTHER, "token from profile other")


def test_the_environment_wins_over_a_profile_that_it_names_itself(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(PROFILES)
    api = make({"DATABRICKS_CONFIG_PROFILE": "usual", "DATABRICKS_CLIENT_ID": "env-id"})
    assert api.signed_in_as == "client_id env-id"


def test_a_profile_that_the_spec_names_wins_over_the_environment(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(PROFILES)
    api = make({"DATABRICKS_CLIENT_ID": "env-id", "DATABRICKS_TOKEN": "t"}, profile="usual")
    assert api.signed_in_as == "client_id usual-id"


def test_an_unknown_profile_names_those_that_exist(make: Make, profiles: Callable[[str], None]) -> None:
    profiles(PROFILES)
    with pytest.raises(errors.CredentialError, match="no profile 'nope'") as caught:
        make(profile="nope")
    assert caught.value.hint == "it has: cli, other, usual"


def test_a_bare_default_section_serves_when_nothing_else_is_set(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(f"[DEFAULT]\nhost = {HOST}\naccount_id = acc\ntoken = t\n")
    assert make({}, "", "").signed_in_as == "token from profile DEFAULT"


@pytest.mark.parametrize(
    "text", ["client_secret = dosehidden\n", "[a]\n[a]\n", "[a]\nline\n", b"[a]\nhost = \xff\n"]
)
def test_a_profile_file_that_is_not_needed_is_not_read(make: Make, tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / ".databrickscfg").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert make({**M2M, "DATABRICKS_HOST": HOST, "DATABRICKS_ACCOUNT_ID": "acc"}, "", "").address == HOST
    assert make(M2M).signed_in_as == "client_id cid"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff[p]\nhost = {}\ntoken = t-1\n",
        "[p]\r\nhost = {}\r\ntoken = t-1\r\n",
        '[p]\nhost = "{}"\ntoken = "t-1"\n',
        "[p]\nhost = '{}'\ntoken = 't-1'\n",
        "[p]\nhost = {} ; of the account\ntoken = t-1 # mine\n",
        "[p]\nhost = {}/login?account_id=acc\ntoken = t-1\n",
        "[p]\nhost = {}/#/users\ntoken = t-1\n",
    ],
)
def test_a_profile_is_read_as_the_databricks_cli_reads_it(
    web: responses.RequestsMock, make: Make, profiles: Callable[[str], None], text: str
) -> None:
    profiles(text.format(HOST))
    things(web)
    api = make({"DATABRICKS_CONFIG_PROFILE": "p"}, "", "acc")
    api.http.get("/things")
    assert sent_with(web) == ["Bearer t-1"]


def test_a_host_that_is_no_address_is_told_with_its_file_and_profile(
    make: Make, profiles: Callable[[str], None], tmp_path: Path
) -> None:
    profiles("[p]\nhost = https://\n  token = x y\ntoken = t\n")
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_CONFIG_PROFILE": "p"}, "", "acc")
    for word in ("provider databricks", "profile p", str(tmp_path / ".databrickscfg")):
        assert word in caught.value.message


@pytest.mark.parametrize(
    "address", [f"{HOST}/login?account_id=acc", f"{HOST}/#/users", f"{HOST}/api/2.0", f"{HOST}/"]
)
def test_the_browsers_address_of_an_account_is_cut_to_its_origin(
    web: responses.RequestsMock, make: Make, address: str
) -> None:
    things(web)
    make({"DATABRICKS_HOST": address, "DATABRICKS_TOKEN": "t"}, "").http.get("/things")
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [404, 405])
def test_a_host_without_the_accounts_token_endpoint_is_told_so(
    web: responses.RequestsMock, make: Make, status: int
) -> None:
    web.add("POST", TOKEN_URL, status=status, json={"error_code": "ENDPOINT_NOT_FOUND", "message": "no"})
    with pytest.raises(errors.CredentialError) as caught:
        make(M2M).preflight()
    assert "not a workspace's" in caught.value.hint


# -- certificates

BUNDLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]


@pytest.mark.parametrize("variable", BUNDLES)
def test_a_private_authority_is_trusted_for_tokens_and_calls(
    web: responses.RequestsMock, make: Make, tmp_path: Path, variable: str
) -> None:
    shutil.copy(certifi.where(), tmp_path / "ca.pem")
    grant(web)
    things(web)
    make({**M2M, variable: "~/ca.pem"}).http.get("/things")
    used = {call.request.req_kwargs["verify"] for call in web.calls}  # type: ignore[attr-defined]
    assert used == {str(tmp_path / "ca.pem")}


@pytest.mark.parametrize("variable", BUNDLES)
@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "can't be read"), (b"\x30\x82", "isn't a PEM"), (b"-----BEGIN CERTIFICATE-----\n", "damaged")],
)
def test_a_bundle_that_is_of_no_use_is_told_by_its_variable(
    make: Make, tmp_path: Path, variable: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(errors.CredentialError, match=words) as caught:
        make({**M2M, variable: str(tmp_path / "ca.pem")})
    assert variable in caught.value.message


def test_an_untrusted_certificate_names_the_variables(web: responses.RequestsMock, make: Make) -> None:
    web.add("GET", f"{HOST}/things", body=requests.exceptions.SSLError(ssl.SSLCertVerificationError("no")))
    with pytest.raises(errors.UnreachableError) as caught:
        make({"DATABRICKS_TOKEN": "t"}).http.get("/things")
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_damaged_profile_file_is_said_without_quoting_it(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles("client_secret = dosehidden\n")
    with pytest.raises(errors.CredentialError, match="can't be read") as caught:
        make(profile="usual")
    assert "dosehidden" not in "".join(traceback.format_exception(caught.value))


def test_a_profile_goes_to_its_own_host_only(make: Make, profiles: Callable[[str], None]) -> None:
    profiles(PROFILES)
    with pytest.raises(errors.CredentialError) as caught:
        make({}, "https://evil.test", "acc", profile="usual")
    assert caught.value.code == "credential-elsewhere"


HOSTLESS = """
[pat]
account_id = acc
token = dosehidden

[cli]
account_id = acc
auth_type = azure-cli

[bare]
account_id = acc
"""


@pytest.mark.parametrize("environment", [{}, {"DATABRICKS_HOST": HOST}])
@pytest.mark.parametrize("profile", ["pat", "cli"])
@pytest.mark.parametrize("named", ["spec", "environment"])
def test_a_profile_without_a_host_goes_to_no_host_that_the_spec_thinks_up(
    make: Make, profiles: Callable[[str], None], environment: dict[str, str], profile: str, named: str
) -> None:
    profiles(HOSTLESS)
    settings = {"profile": profile} if named == "spec" else {}
    variables = {"DATABRICKS_CONFIG_PROFILE": profile} if named == "environment" else {}
    with pytest.raises(errors.CredentialError, match=f"profile {profile}") as caught:
        make({**environment, **variables}, "https://evil.test", "acc", **settings)
    assert caught.value.code == "credential-elsewhere"
    assert "DATABRICKS_HOST" in f"{caught.value.message} {caught.value.hint}"
    assert "dosehidden" not in str(caught.value)


@pytest.mark.parametrize("address", ["", HOST])
def test_a_profile_without_a_host_goes_to_the_host_of_the_environment(
    make: Make, profiles: Callable[[str], None], address: str
) -> None:
    profiles(HOSTLESS)
    api = make({"DATABRICKS_HOST": HOST}, address, "acc", profile="pat")
    assert (api.address, api.signed_in_as) == (HOST, "token from profile pat")


def test_a_profile_without_anything_to_send_may_stand_beside_a_host_of_the_spec(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(HOSTLESS)
    api = make({"DATABRICKS_HOST": HOST}, OTHER, "", profile="bare", token=secret_from("SECOND"))
    assert (api.account_id, api.signed_in_as) == ("acc", "token from SECOND")


def test_what_a_bare_profile_leaves_to_the_sdk_goes_to_the_environments_host_only(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(HOSTLESS)
    with pytest.raises(errors.CredentialError, match="belongs to DATABRICKS_HOST") as caught:
        make({"DATABRICKS_HOST": HOST}, OTHER, "acc", profile="bare", auth_type="azure-cli")
    assert caught.value.code == "credential-elsewhere"


def test_a_profile_with_a_host_is_at_home_there_whatever_the_environment_says(
    make: Make, profiles: Callable[[str], None]
) -> None:
    profiles(PROFILES)
    api = make({"DATABRICKS_HOST": OTHER}, HOST, "acc", profile="cli")
    assert api.signed_in_as == "databricks-cli profile cli"


def test_a_profile_of_another_account_is_refused(make: Make, profiles: Callable[[str], None]) -> None:
    profiles(PROFILES)
    with pytest.raises(errors.CredentialError, match="for account acc, not another"):
        make({}, HOST, "another", profile="usual")


# -- credentials stay at home


def test_the_environments_credential_goes_to_the_environments_host_only(make: Make) -> None:
    with pytest.raises(errors.CredentialError, match=f"DATABRICKS_HOST {HOST}") as caught:
        make({**M2M, "DATABRICKS_HOST": HOST}, OTHER)
    assert caught.value.code == "credential-elsewhere"
    assert "DATABRICKS_CLIENT_SECRET" in caught.value.message


@pytest.mark.parametrize(
    "variable", ["DATABRICKS_CLIENT_SECRET", "DATABRICKS_TOKEN", "CONNECT_API_KEY", "AWS_SECRET_ACCESS_KEY"]
)
def test_naming_a_conventional_variable_does_not_take_its_credential_elsewhere(
    make: Make, variable: str
) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_HOST": HOST}, OTHER, token=secret_from(variable))
    assert caught.value.code == "credential-elsewhere"
    assert "dosevalue" not in str(caught.value)


def test_a_conventional_variable_inside_longer_text_is_found_as_well(make: Make) -> None:
    hidden = SecretInput("env X", "x${env.X}${env.DATABRICKS_TOKEN}", Secret("v"))
    with pytest.raises(errors.CredentialError) as caught:
        make({"DATABRICKS_HOST": HOST}, OTHER, token=hidden)
    assert caught.value.code == "credential-elsewhere"


def test_a_second_account_signs_in_with_variables_of_its_own(make: Make) -> None:
    api = make({**M2M, "DATABRICKS_HOST": HOST}, OTHER, client_id="c2", client_secret=secret_from("SECOND"))
    assert api.signed_in_as == "client_id c2"


def test_the_same_host_in_other_words_is_the_same_host(make: Make) -> None:
    api = make({**M2M, "DATABRICKS_HOST": "ACCOUNTS.cloud.databricks.com:443/"})
    assert api.signed_in_as == "client_id cid"


@pytest.mark.parametrize("auth_type", ["github-oidc", "env-oidc", "azure-cli"])
def test_an_ambient_identity_stays_at_home_even_if_the_spec_asks_for_it(make: Make, auth_type: str) -> None:
    environment = {
        "DATABRICKS_HOST": HOST,
        "DATABRICKS_OIDC_TOKEN": "jwt",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://gh.test/",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    }
    with pytest.raises(errors.CredentialError) as caught:
        make(environment, OTHER, auth_type=auth_type)
    assert caught.value.code == "credential-elsewhere"


@pytest.mark.parametrize(
    ("allowed", "fits"),
    [
        ("accounts.cloud.databricks.com", True),
        ("a.test, ACCOUNTS.cloud.databricks.com", True),
        ("accounts.cloud.databricks.com:443", True),
        ("cloud.databricks.com", False),
        ("a.test", False),
    ],
)
def test_only_allowed_hosts_get_a_credential(make: Make, allowed: str, *, fits: bool) -> None:
    environment = {**M2M, "RECONCILE_ALLOWED_HOSTS": allowed}
    if fits:
        make(environment)
        return
    with pytest.raises(errors.CredentialError) as caught:
        make(environment)
    assert caught.value.code == "host-not-allowed"


@pytest.mark.parametrize(
    "address",
    [
        "http://accounts.cloud.databricks.com",
        "https://user:dosepw@accounts.test",
        "ftp://x",
        "https://",
        "https://evil.test\\@accounts.test",
        "https://evil.test\\.accounts.test",
        "https://evil .test",
        "https://evil\t.test",
        "https://evil\x00.test",
    ],
)
def test_an_address_that_no_credential_should_go_to_is_refused(make: Make, address: str) -> None:
    with pytest.raises(errors.CredentialError) as caught:
        make(M2M, address)
    assert "dosepw" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["https://evil.test\\@sso.test/token", "https://sso.test /", "http://[x"]
)
def test_a_discovered_token_endpoint_that_two_readers_read_differently_gets_nothing(
    web: responses.RequestsMock, make: Make, endpoint: str
) -> None:
    web.add("GET", "https://sso.test/x", json={"token_endpoint": endpoint})
    with pytest.raises(errors.CredentialError):
        make({**M2M, "DATABRICKS_DISCOVERY_URL": "https://sso.test/x"}).preflight()
    assert len(web.calls) == 1


@pytest.mark.parametrize("address", ["http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:9"])
def test_plain_http_is_fine_on_this_machine(make: Make, address: str) -> None:
    assert make(M2M, address).address == address


# -- everything else is the SDK's


def test_another_way_to_sign_in_is_left_to_the_sdk(
    make: Make, monkeypatch: pytest.MonkeyPatch, web: responses.RequestsMock
) -> None:
    import types

    asked: list[dict[str, Any]] = []

    class Config:
        def __init__(self, **given: Any) -> None:
            asked.append(given)

        def authenticate(self) -> dict[str, str]:
            return {"Authorization": f"Bearer {jwt(sub='me@example.org')}", "X-Databricks-Extra": "x"}

    core = types.ModuleType("databricks.sdk.core")
    core.Config = Config  # type: ignore[attr-defined]
    for name in ("databricks", "databricks.sdk"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "databricks.sdk.core", core)
    things(web)
    api = make(auth_type="azure-cli")
    assert asked == []
    api.http.get("/things")
    assert web.calls[0].request.headers["X-Databricks-Extra"] == "x"
    assert len(asked) == 1
    assert {key: asked[0][key] for key in ("host", "account_id", "auth_type")} == {
        "host": HOST,
        "account_id": "acc",
        "auth_type": "azure-cli",
    }
    assert api.recognises("me@example.org")


def test_a_missing_sdk_names_the_extra_to_install(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databricks.sdk.core", None)
    with pytest.raises(errors.CredentialError, match="needs databricks-sdk") as caught:
        make(auth_type="azure-cli").preflight()
    assert caught.value.hint == "pip install 'reconcile-connect[sign-in]'"


def test_a_cli_profile_is_left_to_the_sdk(make: Make, profiles: Callable[[str], None]) -> None:
    profiles(PROFILES)
    assert make({}, HOST, "acc", profile="cli").signed_in_as == "databricks-cli profile cli"


# -- Connect and other types


@pytest.mark.parametrize(
    "server",
    ["https://connect.test/rsconnect/", "https://CONNECT.test:443/rsconnect", "connect.test/rsconnect"],
)
def test_connects_key_goes_to_its_own_address(server: str) -> None:
    spec = ProviderSpec("connect", "connect", "https://connect.test/rsconnect/__api__")
    api = connect(spec, {"CONNECT_SERVER": server, "CONNECT_API_KEY": "k"})
    assert api.address == "https://connect.test/rsconnect"
    assert api.http.base == "https://connect.test/rsconnect/__api__"
    assert api.signed_in_as == "API key from CONNECT_API_KEY"


FOREIGN = (
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_TOKEN",
    "DATABRICKS_PASSWORD",
    "DATABRICKS_OIDC_TOKEN",
    "OUR_OIDC",
    "DATABRICKS_AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "CONNECT_API_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "RECONCILE_AGE_KEY",
)


@pytest.mark.parametrize("variable", FOREIGN)
@pytest.mark.parametrize("kind", ["databricks", "connect"])
def test_no_credential_of_the_tool_goes_to_a_host_that_only_the_spec_names(variable: str, kind: str) -> None:
    key = "token" if kind == "databricks" else "api_key"
    spec = ProviderSpec("p", kind, "https://evil.test", "acc", {key: secret_from(variable)})
    homes = {"DATABRICKS_HOST": HOST, "CONNECT_SERVER": "https://connect.test"}
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {**homes, variable: "canary", "DATABRICKS_OIDC_TOKEN_ENV": "OUR_OIDC"})
    assert caught.value.code == "credential-elsewhere"
    assert "canary" not in str(caught.value)


def test_allowed_hosts_may_be_all_below_a_domain() -> None:
    environment = {"CONNECT_API_KEY": "k", "RECONCILE_ALLOWED_HOSTS": "*.example.org, other.test"}
    assert connect(ProviderSpec("c", "connect", "https://a.b.example.org"), environment)
    for host in ("example.org", "example.org.evil.test", "badexample.org"):
        with pytest.raises(errors.CredentialError) as caught:
            connect(ProviderSpec("c", "connect", f"https://{host}"), environment)
        assert caught.value.code == "host-not-allowed"


@pytest.mark.parametrize(
    "server",
    [
        "https://connect.test:8443",
        "http://connect.test",
        "https://other.test",
        "https://connect.test/content/xyz",
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_connects_key_goes_to_no_other_origin(server: str, *, stated: bool) -> None:
    settings = {"api_key": secret_from("CONNECT_API_KEY")} if stated else {}
    spec = ProviderSpec("connect", "connect", "https://connect.test", "", settings)
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {"CONNECT_SERVER": server, "CONNECT_API_KEY": "k"})
    assert caught.value.code == "credential-elsewhere"


def test_a_second_server_has_a_key_of_its_own() -> None:
    spec = ProviderSpec("c2", "connect", "https://two.test", "", {"api_key": secret_from("KEY_TWO")})
    api = connect(spec, {"CONNECT_SERVER": "https://one.test", "CONNECT_API_KEY": "k"})
    assert api.signed_in_as == "API key from KEY_TWO"


def test_a_databricks_credential_never_goes_to_connect() -> None:
    spec = ProviderSpec(
        "connect", "connect", "https://c.test", "", {"api_key": secret_from("DATABRICKS_TOKEN")}
    )
    with pytest.raises(errors.CredentialError) as caught:
        connect(spec, {})
    assert caught.value.code == "credential-elsewhere"


def test_a_missing_key_or_address_of_connect_is_said() -> None:
    with pytest.raises(errors.CredentialError, match="CONNECT_API_KEY"):
        connect(ProviderSpec("connect", "connect", "https://c.test"), {})
    with pytest.raises(errors.CredentialError) as caught:
        connect(ProviderSpec("connect", "connect", ""), {"CONNECT_API_KEY": "k"})
    assert "CONNECT_SERVER" in caught.value.hint


def test_a_workbench_has_no_api() -> None:
    with pytest.raises(errors.UsageError):
        connect(ProviderSpec("workbench", "workbench", "https://w.test"), {})
