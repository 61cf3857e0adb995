"""OAuth apps, against the sandbox and against answers that docs/facts/ leaves open."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import responses

from reconciler import errors
from reconciler.kinds import Scope
from reconciler.model import ProviderSpec
from reconciler.providers import KINDS
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.sandbox import CLIENT_ID, OTHER_CLIENT_ID, OTHER_CLIENT_SECRET, Sandbox, environment
from reconciler.secrets import Secret

KIND = KINDS["oauth_apps"]
APP: dict[str, Any] = {
    "name": "posit-connect",
    "confidential": True,
    "redirect_urls": ["https://connect.example.org/__oauth__/integrations/callback"],
    "scopes": ["all-apis", "offline_access"],
}
SESSION = "absolute_session_lifetime_in_minutes"
SINGLE = "enable_single_use_refresh_tokens"
URL = "https://accounts.test/api/2.0/accounts/acc/oauth2/custom-app-integrations"


@pytest.fixture
def plain(moment: Any) -> DatabricksAccount:
    spec = ProviderSpec("databricks", "databricks", "https://accounts.test", "acc", {"token": "t"})
    return DatabricksAccount(spec, {}, pace=moment.pace)


def sent(web: responses.RequestsMock) -> Any:
    return json.loads(web.calls[-1].request.body)


def test_an_app_is_created_observed_changed_and_deleted(account: DatabricksAccount) -> None:
    created = KIND.create(account, APP)
    assert isinstance(created.secret, Secret)
    assert created.secret.reveal().startswith("dose")
    (live,) = KIND.observe(account, Scope())
    assert live.id == created.live.id
    assert live.name == "posit-connect"
    assert live.computed == created.live.computed
    assert live.computed["client_id"] != live.computed["id"]
    assert {key: live.attributes[key] for key in APP} == APP
    assert live.created_at
    assert KIND.update(account, live.id, {"scopes": ["sql"]}) is None
    again = KIND.read(account, live.id)
    assert again is not None
    assert again.attributes == {**live.attributes, "scopes": ["sql"]}
    KIND.delete(account, live.id)
    KIND.delete(account, live.id)
    assert KIND.read(account, live.id) is None
    assert KIND.observe(account, Scope()) == []


def test_a_public_app_has_no_secret(account: DatabricksAccount) -> None:
    created = KIND.create(account, {**APP, "confidential": False})
    assert created.secret is None
    assert created.live.attributes["confidential"] is False


def test_many_apps_come_page_by_page(account: DatabricksAccount, change_knobs: Callable[..., None]) -> None:
    change_knobs(page_size=3)
    made = {KIND.create(account, {**APP, "name": f"app-{number}"}).live.id for number in range(10)}
    assert {live.id for live in KIND.observe(account, Scope())} == made


def test_our_own_apps_show_who_we_are_and_others_a_number(account: DatabricksAccount, moment: Any) -> None:
    KIND.create(account, APP)
    spec = ProviderSpec(
        "databricks",
        "databricks",
        account.address,
        account.account_id,
        {"client_id": OTHER_CLIENT_ID, "client_secret": OTHER_CLIENT_SECRET},
    )
    other = DatabricksAccount(spec, environment(account.address), pace=moment.pace)
    KIND.create(other, {**APP, "name": "theirs"})
    assert account.identity() == ""
    by = {live.name: live.created_by for live in KIND.observe(account, Scope())}
    assert by["posit-connect"] == account.identity() == CLIENT_ID
    assert by["theirs"].isdigit()
    assert {live.name: live.by_other for live in KIND.observe(account, Scope())} == {
        "posit-connect": False,
        "theirs": True,
    }


def test_a_creator_by_another_name_leaves_our_identity_unknown(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    item = {"integration_id": "i", "created_by": 42, "creator_username": "display name of the principal"}
    web.add("GET", URL, json={"apps": [item]})
    (live,) = KIND.observe(plain, Scope())
    assert live.created_by == "42"
    assert not live.by_other
    assert plain.identity() == ""


@pytest.mark.parametrize("username", ["someone@example.org", "0b5c1d0e-0000-4000-8000-00000000000f"])
def test_a_creator_that_is_somebody_else_for_certain_is_known_before_anything_of_ours_is_seen(
    account: DatabricksAccount, monkeypatch: pytest.MonkeyPatch, username: str
) -> None:
    assert account.is_another(username)
    assert not account.is_another(CLIENT_ID.upper())
    assert not account.is_another("")
    assert not account.is_another("display name of the principal")
    monkeypatch.setitem(account._ourselves, "name", "")  # a token that doesn't tell whose it is
    assert not account.is_another(username)


def test_a_list_that_is_not_found_asks_for_an_account_admin(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, status=404, json={"error_code": "NOT_FOUND", "message": "Not Found"})
    with pytest.raises(errors.NotFoundError) as caught:
        KIND.observe(plain, Scope())
    assert "account admin" in caught.value.hint


def test_the_servers_defaults_are_observed_but_the_idle_session_lifetime_is_not(
    account: DatabricksAccount,
) -> None:
    policy = {"access_token_ttl_in_minutes": 30, "refresh_token_ttl_in_minutes": 60}
    live_id = KIND.create(account, {**APP, "token_access_policy": policy}).live.id
    live = KIND.read(account, live_id)
    assert live is not None
    assert {key: live.attributes["token_access_policy"][key] for key in policy} == policy
    assert SESSION not in live.attributes["token_access_policy"]


def test_the_session_lifetime_is_observed_where_it_has_an_effect(account: DatabricksAccount) -> None:
    policy = {"access_token_ttl_in_minutes": 30, "refresh_token_ttl_in_minutes": 60, SINGLE: True}
    live_id = KIND.create(account, {**APP, "token_access_policy": policy}).live.id
    live = KIND.read(account, live_id)
    assert live is not None
    assert isinstance(live.attributes["token_access_policy"][SESSION], int)


def test_switching_single_use_off_takes_the_session_lifetime_out_of_the_patch(
    account: DatabricksAccount,
) -> None:
    policy = {
        "access_token_ttl_in_minutes": 30,
        "refresh_token_ttl_in_minutes": 60,
        SINGLE: True,
        SESSION: 5000,
    }
    live_id = KIND.create(account, {**APP, "token_access_policy": policy}).live.id
    KIND.update(account, live_id, {"token_access_policy": {**policy, SINGLE: False}})
    live = KIND.read(account, live_id)
    assert live is not None
    assert live.attributes["token_access_policy"][SINGLE] is False


@pytest.mark.parametrize("policy", [{SINGLE: True, SESSION: 60}, {SESSION: 60}])
def test_a_session_lifetime_that_the_user_set_is_sent(
    plain: DatabricksAccount, web: responses.RequestsMock, policy: dict[str, Any]
) -> None:
    web.add("PATCH", f"{URL}/a", json={})
    KIND.update(plain, "a", {"token_access_policy": policy})
    assert sent(web) == {"token_access_policy": policy}


def test_an_update_sends_only_what_it_was_given(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("PATCH", f"{URL}/a", json={})
    KIND.update(plain, "a", {"redirect_urls": []})
    assert sent(web) == {"redirect_urls": []}


@pytest.mark.parametrize("body", [{"integration_id": "b"}, {"error_code": "INTERNAL", "message": "no"}, [1]])
def test_an_update_that_is_answered_with_another_app_is_in_doubt(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    web.add("PATCH", f"{URL}/a", json=body)
    with pytest.raises(errors.LostAnswerError):
        KIND.update(plain, "a", {"redirect_urls": []})


@pytest.mark.parametrize("attribute", ["name", "confidential"])
def test_what_is_fixed_for_life_is_never_sent_in_an_update(plain: DatabricksAccount, attribute: str) -> None:
    with pytest.raises(errors.InternalError, match=attribute):
        KIND.update(plain, "a", {attribute: "x"})


@pytest.mark.parametrize(
    "answer",
    [
        {"integration_id": "i", "client_id": "c"},
        {"integration_id": "i", "client_id": "c", "client_secret": ""},
        {"integration_id": "i", "client_id": "c", "client_secret": 5},
        {"client_id": "c", "client_secret": "s"},
        {},
        [],
        None,
    ],
)
def test_a_create_whose_answer_lacks_something_is_a_lost_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", URL, json=answer)
    with pytest.raises(errors.LostAnswerError):
        KIND.create(plain, APP)


def test_a_secret_shown_once_is_not_in_the_error_about_the_rest_of_its_answer(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("POST", URL, json={"client_id": "c", "client_secret": "dose-hidden"})
    with pytest.raises(errors.LostAnswerError) as caught:
        KIND.create(plain, APP)
    assert caught.value.__traceback__ is not None
    below = caught.value.__traceback__.tb_next
    seen = traceback.TracebackException(LookupError, LookupError(), below, capture_locals=True)
    assert "(sensitive)" in "".join(seen.format())
    assert "dose-hidden" not in "".join(seen.format())


def test_a_bare_app_is_observed_with_what_the_spec_would_leave_out(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("GET", URL, json={"apps": [{"integration_id": "i", "created_by": 42}]})
    (live,) = KIND.observe(plain, Scope())
    assert live.attributes == {
        "name": "",
        "confidential": False,
        "redirect_urls": [],
        "scopes": [],
        "user_authorized_scopes": [],
        "token_access_policy": {},
    }
    assert live.created_by == "42"


def test_an_app_without_an_id_fails_the_list(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    web.add("GET", URL, json={"apps": [{"name": "x"}]})
    with pytest.raises(errors.UnreadableError):
        KIND.observe(plain, Scope())


def test_ids_cannot_leave_their_place_in_the_path(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("DELETE", f"{URL}/..%2F..%2Fother%3Fx", json={})
    KIND.delete(plain, "../../other?x")


@pytest.mark.parametrize("live_id", ["", ".", ".."])
def test_an_id_that_is_no_step_in_a_path_is_not_sent(plain: DatabricksAccount, live_id: str) -> None:
    with pytest.raises(errors.InternalError):
        KIND.read(plain, live_id)
    with pytest.raises(errors.InternalError):
        KIND.update(plain, live_id, {"scopes": ["x"]})
    with pytest.raises(errors.InternalError):
        KIND.delete(plain, live_id)
    assert plain.http.calls == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_access_policy", [1]),
        ("token_access_policy", "x"),
        ("scopes", 5),
        ("scopes", "all-apis"),
        ("scopes", {"a": 1}),
        ("scopes", [{"a": 1}]),
        ("redirect_urls", [5]),
        ("user_authorized_scopes", True),
        ("client_id", {"a": 1}),
        ("name", ["x"]),
    ],
)
def test_a_field_of_another_type_is_told_by_the_apps_id(
    plain: DatabricksAccount, web: responses.RequestsMock, field: str, value: Any
) -> None:
    item = {"integration_id": "int-1", field: value}
    web.add("GET", URL, json={"apps": [item]})
    web.add("GET", f"{URL}/int-1", json=item)
    for call in (lambda: KIND.observe(plain, Scope()), lambda: KIND.read(plain, "int-1")):
        with pytest.raises(errors.UnreadableError, match=rf"int-1.* {field}"):
            call()


@pytest.mark.parametrize(
    "answer",
    [
        {"integration_id": "..", "client_id": "c", "client_secret": "s"},
        {"integration_id": ["i"], "client_id": "c", "client_secret": "s"},
        {"integration_id": "i", "client_id": {"c": 1}, "client_secret": "s"},
        {"integration_id": True, "client_id": "c", "client_secret": "s"},
    ],
)
def test_a_create_whose_answer_has_something_else_for_an_id_is_a_lost_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", URL, json=answer)
    with pytest.raises(errors.LostAnswerError):
        KIND.create(plain, APP)


@pytest.mark.parametrize("fault", ["do=reset", "do=502", "do=cut", "do=html", "do=hang"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_whose_answer_gets_lost_is_not_sent_again(
    account: DatabricksAccount, sandbox: Sandbox, fault: str, when: str
) -> None:
    sandbox.faults.add(f"write=1,when={when},{fault}")
    with pytest.raises(errors.LostAnswerError):
        KIND.create(account, APP)
    assert len(KIND.observe(account, Scope())) == (1 if when == "after" else 0)


def test_an_app_without_scopes_is_refused_in_the_servers_words(account: DatabricksAccount) -> None:
    with pytest.raises(errors.InvalidRequestError, match="at least one valid scope"):
        KIND.create(account, {**APP, "scopes": []})
