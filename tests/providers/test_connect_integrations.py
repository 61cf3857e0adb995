"""Connect integrations, and what the server says about itself before anything is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
import responses

from reconciler import errors
from reconciler.kinds import Scope
from reconciler.model import ProviderSpec
from reconciler.providers import KINDS, Pace, connect
from reconciler.providers.connect._api import ConnectServer
from reconciler.providers.connect.integration import Integrations
from reconciler.sandbox import (
    ADMINISTRATOR_KEY,
    PUBLISHER_KEY,
    VIEWER_KEY,
    Knobs,
    Sandbox,
    SandboxServer,
    environment,
)
from reconciler.secrets import Secret

KIND = KINDS["connect_integrations"]
assert isinstance(KIND, Integrations)
INTEGRATION: dict[str, Any] = {
    "name": "Databricks OAuth integration",
    "description": "Acts as the person who is looking.",
    "template": "databricks",
    "config": {
        "auth_type": "Viewer",
        "auth_mode": "Confidential",
        "workspace_host": "cust-success.cloud.databricks.com",
        "client_id": "cid",
        "client_secret": Secret("first-secret"),
    },
}
ROOT = "https://connect.test/__api__"
URL = f"{ROOT}/v1/oauth/integrations"
USER = {"username": "a", "user_role": "administrator"}


@pytest.fixture
def plain(moment: Any) -> ConnectServer:
    spec = ProviderSpec("connect", "connect", "https://connect.test", "", {"api_key": "k"})
    return ConnectServer(spec, {}, pace=moment.pace)


def ours(api: ConnectServer) -> list[Any]:
    return [live for live in KIND.observe(api, Scope()) if live.attributes["template"] != "connect"]


def sent(web: responses.RequestsMock) -> Any:
    return json.loads(web.calls[-1].request.body)


def visible(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "client_secret"}


def test_an_integration_is_created_observed_changed_and_deleted(server: ConnectServer) -> None:
    created = KIND.create(server, INTEGRATION)
    assert created.secret is None
    (live,) = ours(server)
    assert live == created.live
    assert live.computed["id"] == live.id
    assert live.name == INTEGRATION["name"]
    config = visible(INTEGRATION["config"])
    assert {key: live.attributes["config"][key] for key in config} == config
    assert "client_secret" not in live.attributes["config"]
    assert live.created_at == live.updated_at
    after = KIND.update(server, live.id, {"description": "new", "config": {"client_id": "other"}})
    assert after == KIND.read(server, live.id)
    assert after is not None
    assert after.attributes["description"] == "new"
    assert after.attributes["config"] == {**live.attributes["config"], "client_id": "other"}
    KIND.delete(server, live.id)
    KIND.delete(server, live.id)
    assert KIND.read(server, live.id) is None
    assert ours(server) == []


def test_a_secret_is_changed_alone_and_moves_the_time(server: ConnectServer) -> None:
    live = KIND.create(server, INTEGRATION).live
    after = KIND.update(server, live.id, {"config": {"client_secret": Secret("second")}})
    assert after is not None
    assert after.attributes == live.attributes
    assert after.updated_at != live.updated_at


def test_a_patch_holds_what_was_asked_for_and_nothing_else(
    plain: ConnectServer, web: responses.RequestsMock
) -> None:
    web.add("PATCH", f"{URL}/g", json={"guid": "g"})
    KIND.update(plain, "g", {"config": {"client_secret": Secret("v"), "scopes": None}})
    assert sent(web) == {"config": {"client_secret": "v", "scopes": None}}


@pytest.mark.parametrize("body", [{}, {"guid": "h"}, {"code": 1, "error": "no"}, []])
def test_a_patch_that_is_answered_with_another_object_is_in_doubt(
    plain: ConnectServer, web: responses.RequestsMock, body: Any
) -> None:
    web.add("PATCH", f"{URL}/g", json=body)
    with pytest.raises(errors.LostAnswerError):
        KIND.update(plain, "g", {"config": {"client_secret": Secret("v")}})


@pytest.mark.parametrize("attribute", ["template", "id", "auth_type"])
def test_what_cannot_be_changed_is_never_sent(plain: ConnectServer, attribute: str) -> None:
    with pytest.raises(errors.InternalError, match=attribute):
        KIND.update(plain, "g", {attribute: "x"})


def test_an_unknown_attribute_is_not_created(plain: ConnectServer, web: responses.RequestsMock) -> None:
    web.add("POST", URL, json={"guid": "g"})
    KIND.create(plain, {"name": "n", "template": "custom", "config": {}, "content_count": 3})
    assert sent(web) == {"name": "n", "template": "custom", "config": {}}


def test_a_frozen_field_wants_a_replace(server: ConnectServer, change_knobs: Callable[..., None]) -> None:
    live = KIND.create(server, INTEGRATION).live
    change_knobs(frozen_locator=True)
    with pytest.raises(errors.InvalidRequestError) as caught:
        KIND.update(server, live.id, {"config": {"workspace_host": "b.cloud.databricks.com"}})
    assert KIND.wants_replace(caught.value)


def test_a_refused_value_is_told_in_the_servers_words(server: ConnectServer) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        KIND.create(server, {**INTEGRATION, "config": {**INTEGRATION["config"], "auth_mode": "Wrong"}})
    assert caught.value.remote_code == "228"
    assert "auth_mode" in caught.value.message
    assert "first-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"template": "databricks", "auth_type": "Viewer", "config": {}}, {"auth_type": "Viewer"}),
        (
            {"template": "custom", "auth_type": "Service Account", "config": {"auth_type": "stale"}},
            {"auth_type": "Service Account"},
        ),
        ({"template": "github", "auth_type": "Viewer", "config": {"client_id": "c"}}, {"client_id": "c"}),
        ({"template": "new", "auth_type": "Viewer", "config": {"auth_type": "x"}}, {"auth_type": "Viewer"}),
        ({"template": "databricks", "config": {"auth_type": "Viewer"}}, {"auth_type": "Viewer"}),
        ({"template": "databricks", "config": None}, {}),
        ({"template": "openai", "config": {"api_key": "shown?", "client_secret": "****", "a": 1}}, {"a": 1}),
    ],
)
def test_the_auth_type_is_the_top_level_one_where_a_template_offers_a_choice(
    plain: ConnectServer, web: responses.RequestsMock, item: dict[str, Any], expected: dict[str, Any]
) -> None:
    web.add("GET", URL, json=[{"guid": "g", **item}])
    (live,) = KIND.observe(plain, Scope())
    assert live.attributes["config"] == expected


def test_nulls_and_old_servers_are_understood(plain: ConnectServer, web: responses.RequestsMock) -> None:
    web.add("GET", URL, json=[{"guid": "g", "name": None, "description": None, "template": "custom"}])
    (live,) = KIND.observe(plain, Scope())
    assert live.attributes == {"name": "", "description": "", "template": "custom", "config": {}}
    assert live.computed == {"id": "g"}


@pytest.mark.parametrize("body", [{"results": []}, None, "x", [1], [{"name": "no guid"}]])
def test_anything_but_a_bare_array_of_integrations_is_an_error(
    plain: ConnectServer, web: responses.RequestsMock, body: Any
) -> None:
    web.add("GET", URL, json=body)
    with pytest.raises(errors.UnreadableError):
        KIND.observe(plain, Scope())


ODD: list[tuple[dict[str, Any], str]] = [
    ({"config": [1]}, "config"),
    ({"config": "x"}, "config"),
    ({"config": {"client_id": {}}}, "config.client_id"),
    ({"config": {"client_id": 5}}, "config.client_id"),
    ({"config": {"scopes": ["a"]}}, "config.scopes"),
    ({"config": {"workspace_host": []}}, "config.workspace_host"),
    ({"config": {"auth_type": {"a": 1}}}, "config.auth_type"),
    ({"auth_type": ["Viewer"], "template": "custom"}, "auth_type"),
    ({"template": {"a": 1}}, "template"),
    ({"name": ["n"]}, "name"),
    ({"description": 5}, "description"),
]


@pytest.mark.parametrize(("fields", "named"), ODD)
def test_a_field_of_another_type_is_told_by_the_integrations_id(
    plain: ConnectServer, web: responses.RequestsMock, fields: dict[str, Any], named: str
) -> None:
    web.add("GET", URL, json=[{"guid": "guid-1", **fields}])
    web.add("GET", f"{URL}/guid-1", json={"guid": "guid-1", **fields})
    for call in (lambda: KIND.observe(plain, Scope()), lambda: KIND.read(plain, "guid-1")):
        with pytest.raises(errors.UnreadableError, match=rf"guid-1.* {named}"):
            call()


@pytest.mark.parametrize(("fields", "named"), ODD)
def test_a_create_whose_answer_has_a_field_of_another_type_is_a_lost_answer(
    plain: ConnectServer, web: responses.RequestsMock, fields: dict[str, Any], named: str
) -> None:
    web.add("POST", URL, json={"guid": "guid-1", **fields})
    with pytest.raises(errors.LostAnswerError, match=rf"guid-1.* {named}"):
        KIND.create(plain, INTEGRATION)


@pytest.mark.parametrize("guid", ["", ".", "..", ["g"], {"g": 1}, True])
def test_a_guid_that_is_no_step_in_a_path_fails_the_list(
    plain: ConnectServer, web: responses.RequestsMock, guid: Any
) -> None:
    web.add("GET", URL, json=[{"guid": guid}])
    with pytest.raises(errors.UnreadableError):
        KIND.observe(plain, Scope())


@pytest.mark.parametrize("guid", ["", ".", ".."])
def test_an_id_that_is_no_step_in_a_path_is_not_sent(plain: ConnectServer, guid: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: KIND.read(plain, guid),
        lambda: KIND.update(plain, guid, {"name": "n"}),
        lambda: KIND.delete(plain, guid),
        lambda: KIND.associations(plain, guid),
        lambda: KIND.confirm(plain, guid),
    ]
    for call in calls:
        with pytest.raises(errors.InternalError):
            call()
    assert plain.http.calls == 0


@pytest.mark.parametrize("answer", [{}, [], None, {"name": "n"}])
def test_a_create_without_a_guid_in_its_answer_is_a_lost_answer(
    plain: ConnectServer, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", URL, json=answer)
    with pytest.raises(errors.LostAnswerError):
        KIND.create(plain, INTEGRATION)


@pytest.mark.parametrize(
    ("status", "body"), [(404, {"code": 4}), (404, {}), (400, {"code": 4}), (400, {"code": 207})]
)
def test_an_unknown_guid_is_gone_whatever_the_server_calls_it(
    plain: ConnectServer, web: responses.RequestsMock, status: int, body: Any
) -> None:
    for method in ("GET", "DELETE"):
        web.add(method, f"{URL}/g", status=status, json=body)
    assert KIND.read(plain, "g") is None
    KIND.delete(plain, "g")


@pytest.mark.parametrize(("status", "body"), [(400, {"code": 2}), (403, {"code": 22})])
def test_another_refusal_is_not_taken_for_gone(
    plain: ConnectServer, web: responses.RequestsMock, status: int, body: Any
) -> None:
    for method in ("GET", "DELETE"):
        web.add(method, f"{URL}/g", status=status, json=body)
    with pytest.raises(errors.AnswerError):
        KIND.read(plain, "g")
    with pytest.raises(errors.AnswerError):
        KIND.delete(plain, "g")


@pytest.mark.parametrize("fault", ["do=reset", "do=502", "do=cut", "do=html", "do=hang", "do=nocode"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_whose_answer_gets_lost_is_not_sent_again(
    server: ConnectServer, sandbox: Sandbox, fault: str, when: str
) -> None:
    sandbox.faults.add(f"write=1,when={when},{fault}")
    with pytest.raises(errors.LostAnswerError):
        KIND.create(server, INTEGRATION)
    assert len(ours(server)) == (1 if when == "after" else 0)


def test_two_servers_on_one_host_are_told_apart_by_their_path(
    sandbox: Sandbox, server: ConnectServer, moment: Any
) -> None:
    spec = ProviderSpec("two", "connect", f"{server.address}/rsconnect")
    other = ConnectServer(spec, environment(spec.address), pace=moment.pace)
    KIND.create(other, INTEGRATION)
    assert ours(server) == []
    assert len(ours(other)) == 1


# -- content and verify


def test_the_number_of_associations_is_told(server: ConnectServer) -> None:
    live = KIND.create(server, INTEGRATION).live
    assert live.computed["content_count"] == "0"
    assert KIND.associations(server, live.id) == ()


def test_associations_of_old_and_new_servers_are_understood(
    plain: ConnectServer, web: responses.RequestsMock
) -> None:
    items = [{"app_guid": "b"}, {"content_guid": "a", "app_guid": "x"}, {}]
    web.add("GET", f"{URL}/g/associations", json=items)
    assert KIND.associations(plain, "g") == ("a", "b")


@pytest.mark.parametrize(("status", "body", "worked"), [(200, "", True), (400, '{"code": 240}', False)])
def test_verify_tells_what_worked_and_what_cannot_be_verified(
    plain: ConnectServer, web: responses.RequestsMock, status: int, body: str, *, worked: bool
) -> None:
    web.add("POST", f"{URL}/g/verify", status=status, body=body)
    assert KIND.confirm(plain, "g") is worked


@pytest.mark.parametrize(("status", "calls"), [(400, 1), (500, 2)])
def test_verify_raises_what_the_identity_provider_refused(
    plain: ConnectServer, web: responses.RequestsMock, status: int, calls: int
) -> None:
    web.add("POST", f"{URL}/g/verify", status=status, json={"code": 241, "error": "invalid_client"})
    with pytest.raises(errors.AnswerError, match="invalid_client"):
        KIND.confirm(plain, "g")
    assert len(web.calls) == calls


# -- before anything is done


def test_an_administrator_on_a_licensed_server_has_nothing_to_be_told(server: ConnectServer) -> None:
    assert server.preflight() == ()
    assert server.is_administrator is True


@pytest.mark.parametrize("key", [PUBLISHER_KEY, VIEWER_KEY])
def test_a_lesser_key_is_a_warning(sandbox: Sandbox, server: ConnectServer, key: str) -> None:
    lesser = connect(
        ProviderSpec("connect", "connect", server.address),
        {"CONNECT_API_KEY": key},
        pace=Pace(sleep=lambda _: None),
    )
    assert isinstance(lesser, ConnectServer)
    (problem,) = lesser.preflight()
    assert (problem.severity, problem.code) == (errors.Severity.WARNING, "not-administrator")
    assert "CONNECT_API_KEY" in problem.message
    assert lesser.is_administrator is False


def test_a_refused_key_is_an_error_that_names_its_variable(sandbox: Sandbox, server: ConnectServer) -> None:
    wrong = connect(ProviderSpec("connect", "connect", server.address), {"CONNECT_API_KEY": "wrong-key-1"})
    with pytest.raises(errors.UnauthorizedError) as caught:
        wrong.preflight()
    assert "API key from CONNECT_API_KEY" in caught.value.hint
    assert "wrong-key-1" not in str(caught.value) + caught.value.hint


def test_a_missing_licence_is_a_warning_and_later_an_error(
    server: ConnectServer, change_knobs: Callable[..., None]
) -> None:
    change_knobs(licensed=False)
    assert "unlicensed" in {problem.code for problem in server.preflight()}
    with pytest.raises(errors.UnlicensedError) as caught:
        KIND.create(server, INTEGRATION)
    assert "oauth-integrations" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({}, set()),
        ({"version": "", "license": {"oauth-integrations": "1"}, "oauth_integrations_enabled": True}, set()),
        ({"license": {"oauth-integrations": 0}}, {"unlicensed"}),
        ({"license": {"oauth-integrations": "false"}}, {"unlicensed"}),
        ({"license": "odd", "oauth_integrations_enabled": False}, {"integrations-disabled"}),
        ([], set()),
    ],
)
def test_server_settings_are_read_leniently(
    plain: ConnectServer, web: responses.RequestsMock, settings: Any, codes: set[str]
) -> None:
    web.add("GET", f"{ROOT}/server_settings", json=settings)
    web.add("GET", f"{ROOT}/v1/user", json=USER)
    assert {problem.code for problem in plain.preflight()} == codes
    plain.http.close()


def test_settings_that_are_hidden_are_no_obstacle(plain: ConnectServer, web: responses.RequestsMock) -> None:
    web.add("GET", f"{ROOT}/server_settings", status=403, json={"code": 22})
    web.add("GET", f"{ROOT}/v1/user", json=USER)
    assert plain.preflight() == ()
    plain.http.close()


def test_a_machines_key_without_a_user_is_of_unknown_role(
    plain: ConnectServer, web: responses.RequestsMock
) -> None:
    web.add("GET", f"{ROOT}/server_settings", json={})
    web.add("GET", f"{ROOT}/v1/user", status=403, json={"code": 22, "error": "no user"})
    assert plain.is_administrator is None
    assert [problem.code for problem in plain.preflight()] == ["not-administrator"]
    plain.http.close()


def test_a_page_instead_of_the_api_is_said_before_anything_is_done(
    plain: ConnectServer, web: responses.RequestsMock
) -> None:
    web.add("GET", f"{ROOT}/server_settings", body="<html>SSO</html>", content_type="text/html")
    web.add("GET", f"{ROOT}/v1/user", body="<html>SSO</html>", content_type="text/html")
    with pytest.raises(errors.UnreadableError) as caught:
        plain.preflight()
    assert "CONNECT_SERVER" in caught.value.hint
    plain.http.close()


# -- the key and the certificate


def test_the_key_goes_into_its_header(plain: ConnectServer, web: responses.RequestsMock) -> None:
    web.add("GET", URL, json=[])
    KIND.observe(plain, Scope())
    assert web.calls[0].request.headers["Authorization"] == "Key k"


@pytest.mark.parametrize("how", ["spec", "environment"])
def test_a_ca_file_is_trusted_instead_of_the_usual_authorities(
    web: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(certifi.where(), file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/else.pem")
    settings = {"ca_certificate": "~/ca.pem"} if how == "spec" else {}
    more = {"HOME": str(tmp_path)}
    more |= {"CONNECT_CA_CERTIFICATE": "~/ca.pem"} if how == "environment" else {}
    web.add("GET", URL, json=[])
    spec = ProviderSpec("connect", "connect", "https://connect.test", "", settings)
    api = connect(spec, {"CONNECT_API_KEY": "k", **more})
    KIND.observe(api, Scope())
    assert web.calls[0].request.req_kwargs["verify"] == str(file)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", ['{"code": 4, "error": "no such thing"}', "404 page not found"])
def test_a_server_that_lacks_the_endpoint_is_told_apart_from_a_lack_of_objects(
    plain: ConnectServer, web: responses.RequestsMock, status: int, body: str
) -> None:
    web.add("GET", URL, status=status, body=body)
    with pytest.raises(errors.AnswerError) as caught:
        KIND.observe(plain, Scope())
    assert ("/connect/" in caught.value.hint) == (status == 404)


@pytest.mark.parametrize("content", [None, "binary", "-----BEGIN CERTIFICATE-----"])
def test_an_unusable_ca_file_is_said(tmp_path: Path, content: str | None) -> None:
    name = str(tmp_path / "ca.pem")
    if content == "binary":
        Path(name).write_bytes(b"\x30\x82\x01")
    elif content:
        name = content
    spec = ProviderSpec("connect", "connect", "https://connect.test", "", {"ca_certificate": name})
    with pytest.raises(errors.CredentialError, match=r"ca_certificate|CA certificate|PEM"):
        connect(spec, {"CONNECT_API_KEY": "k"})


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "snow☃man"])
def test_a_key_that_no_header_takes_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(errors.CredentialError, match="API key from CONNECT_API_KEY") as caught:
        connect(ProviderSpec("connect", "connect", "https://c.test"), {"CONNECT_API_KEY": key})
    assert key not in str(caught.value)


def test_everything_works_over_a_socket_too() -> None:
    with SandboxServer(knobs=Knobs(page_size=3)) as running:
        api = connect(ProviderSpec("connect", "connect", running.url), running.env)
        account = connect(ProviderSpec("databricks", "databricks", running.url), running.env)
        assert running.env["CONNECT_API_KEY"] == ADMINISTRATOR_KEY
        KIND.create(api, INTEGRATION)
        assert len(KIND.observe(api, Scope())) == 2
        principals = KINDS["service_principals"]
        for number in range(10):
            principals.create(account, {"display_name": f"sp-{number}"})
        assert len(principals.observe(account, Scope())) == 10
        account.http.close()
