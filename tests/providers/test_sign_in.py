"""Signing in to Databricks: tokens, how often they are fetched, and which credential is chosen."""

from __future__ import annotations

import base64
import json
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from reconciler import errors
from reconciler.model import Sourced
from reconciler.secrets import Secret
from tests.providers.sign_in import (
    HOST,
    M2M,
    PROFILES,
    TOKEN_URL,
    Make,
    form_of,
    grant,
    jwt,
    secret_from,
    sent_with,
    things,
)

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


def test_nobody_signs_in_for_what_is_not_read_any_more(web: responses.RequestsMock, make: Make) -> None:
    grant(web)
    things(web)
    api = make(M2M)

    def stop() -> None:
        raise errors.StoppedError

    api.http.before_read = stop
    with pytest.raises(errors.StoppedError):
        api.http.get("/things")
    assert len(web.calls) == 0


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
