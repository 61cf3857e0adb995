"""Profiles of the Databricks CLI, and the certificates that are trusted."""

from __future__ import annotations

import base64
import shutil
import ssl
import traceback
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest
import requests
import responses

from reconciler import errors
from tests.providers.sign_in import (
    HOST,
    M2M,
    OTHER,
    PROFILES,
    TOKEN_URL,
    Make,
    grant,
    secret_from,
    sent_with,
    things,
)

# -- profiles


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
