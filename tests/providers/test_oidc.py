"""Ready tokens, and tokens of elsewhere exchanged for one of Databricks."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import responses

from reconciler import errors
from tests.providers.sign_in import (
    Make,
    form_of,
    grant,
    jwt,
    sent_with,
    things,
)

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
