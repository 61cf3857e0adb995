"""Service principals, their workspaces and their secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import responses

from reconciler import errors
from reconciler.kinds import Scope
from reconciler.model import Live, ProviderSpec
from reconciler.providers import KINDS
from reconciler.providers.databricks._api import DatabricksAccount
from reconciler.sandbox import Sandbox
from reconciler.secrets import Secret

KIND = KINDS["service_principals"]
SECRETS = KINDS["service_principals.client_secret"]
WORKSPACE, EMPTY = "1234567890123456", "1111111111111111"
ROOT = "https://accounts.test/api/2.0/accounts/acc"
PRINCIPALS = f"{ROOT}/scim/v2/ServicePrincipals"
ASSIGNMENT = f"{ROOT}/workspaces/7/permissionassignments/principals/5"
FLAKY = {"error_code": "BAD_REQUEST", "message": "Principal 5 not in workspace 7"}


@pytest.fixture
def plain(moment: Any) -> DatabricksAccount:
    spec = ProviderSpec("databricks", "databricks", "https://accounts.test", "acc", {"token": "t"})
    return DatabricksAccount(spec, {}, pace=moment.pace)


def made(account: DatabricksAccount, name: str = "nightly") -> Live:
    return KIND.create(account, {"display_name": name}).live


def sent(web: responses.RequestsMock) -> Any:
    return json.loads(web.calls[-1].request.body)


def test_a_service_principal_is_created_observed_changed_and_deleted(account: DatabricksAccount) -> None:
    created = KIND.create(account, {"display_name": "nightly", "active": True})
    assert created.secret is None
    assert created.live.computed["client_id"] == created.live.attributes["application_id"]
    (live,) = KIND.observe(account, Scope())
    assert live.attributes == {**created.live.attributes, "roles": {}}
    assert live.computed == created.live.computed
    KIND.update(account, live.id, {"display_name": "daily"})
    again = KIND.read(account, live.id)
    assert again is not None
    assert (again.name, again.active) == ("daily", True)
    KIND.delete(account, live.id)
    KIND.delete(account, live.id)
    assert KIND.read(account, live.id) is None
    assert KIND.observe(account, Scope()) == []


@pytest.mark.parametrize("page_size", [100, 7])
def test_many_service_principals_are_all_observed(
    account: DatabricksAccount, change_knobs: Callable[..., None], page_size: int
) -> None:
    change_knobs(page_size=page_size)
    names = {made(account, f"sp-{number}").name for number in range(30)}
    assert {live.name for live in KIND.observe(account, Scope())} == names


def test_deactivating_and_activating_keeps_everything_else(account: DatabricksAccount) -> None:
    live = made(account)
    for active in (False, True):
        KIND.update(account, live.id, {"active": active})
        again = KIND.read(account, live.id)
        assert again is not None
        assert again.active is active
        assert again.attributes["active"] is active
        assert again.name == live.name


def test_an_update_is_one_patch_of_replace_operations(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("PATCH", f"{PRINCIPALS}/5", status=200)
    assert KIND.update(plain, "5", {"display_name": "n", "active": False}) is None
    assert sent(web) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "replace", "path": "displayName", "value": "n"},
            {"op": "replace", "path": "active", "value": [{"value": "false"}]},
        ],
    }


def test_the_application_id_is_sent_only_when_it_is_given(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("POST", PRINCIPALS, status=201, json={"id": "5", "applicationId": "a", "displayName": "n"})
    KIND.create(plain, {"display_name": "n", "application_id": ""})
    assert "applicationId" not in sent(web)
    KIND.create(plain, {"display_name": "n", "application_id": "a"})
    assert sent(web)["applicationId"] == "a"


@pytest.mark.parametrize("attribute", ["application_id", "workspaces"])
def test_an_update_refuses_what_it_cannot_set(plain: DatabricksAccount, attribute: str) -> None:
    with pytest.raises(errors.InternalError, match=attribute):
        KIND.update(plain, "5", {attribute: "x"})


@pytest.mark.parametrize("answer", [{}, {"id": "5"}, [], None])
def test_a_create_whose_answer_lacks_an_id_is_a_lost_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", PRINCIPALS, status=201, json=answer)
    with pytest.raises(errors.LostAnswerError):
        KIND.create(plain, {"display_name": "n"})


def test_a_throttled_create_is_made_once(account: DatabricksAccount, sandbox: Sandbox) -> None:
    sandbox.faults.add("write=1,do=scim500")
    made(account)
    assert len(KIND.observe(account, Scope())) == 1


# -- workspaces


def test_assignments_are_observed_for_the_workspaces_of_the_scope_only(
    account: DatabricksAccount,
) -> None:
    live, other = made(account), made(account, "other")
    KIND.grant(account, live.id, "workspaces", WORKSPACE, "ADMIN")
    KIND.grant(account, live.id, "workspaces", EMPTY, "USER")
    found = {one.id: one.attributes for one in KIND.observe(account, Scope(workspaces=[WORKSPACE]))}
    assert found[live.id]["workspaces"] == {WORKSPACE: "ADMIN"}
    assert found[other.id]["workspaces"] == {}


def test_granting_again_changes_the_level_and_revoking_again_is_done(account: DatabricksAccount) -> None:
    live = made(account)
    for level in ("ADMIN", "USER"):
        KIND.grant(account, live.id, "workspaces", WORKSPACE, level)
        (seen,) = KIND.observe(account, Scope(workspaces=[WORKSPACE]))
        assert seen.attributes["workspaces"] == {WORKSPACE: level}
    for _ in range(2):
        KIND.revoke(account, live.id, "workspaces", WORKSPACE)
    (seen,) = KIND.observe(account, Scope(workspaces=[WORKSPACE]))
    assert seen.attributes["workspaces"] == {}


def test_a_workspace_that_refuses_is_noted_and_the_rest_is_observed(
    account: DatabricksAccount, change_knobs: Callable[..., None]
) -> None:
    change_knobs(unfederated=EMPTY)
    live = made(account)
    KIND.grant(account, live.id, "workspaces", WORKSPACE, "USER")
    (seen,) = KIND.observe(account, Scope(workspaces=[WORKSPACE, EMPTY, "999"]))
    assert seen.attributes["workspaces"] == {WORKSPACE: "USER"}
    assert set(account.troubles) == {f"workspace {EMPTY}", "workspace 999"}
    assert "not available for this workspace" in account.troubles[f"workspace {EMPTY}"]
    change_knobs(unfederated="")
    KIND.observe(account, Scope(workspaces=[EMPTY]))
    assert f"workspace {EMPTY}" not in account.troubles


@pytest.mark.parametrize("fault", ["do=503", "do=html", "do=401", "do=redirect"])
def test_a_workspace_list_that_fails_for_everybody_fails_the_observation(
    account: DatabricksAccount, sandbox: Sandbox, fault: str
) -> None:
    sandbox.faults.add(f"path=permissionassignments,{fault}")
    with pytest.raises(errors.RemoteError):
        KIND.observe(account, Scope(workspaces=[WORKSPACE]))


@pytest.mark.parametrize("value", [None, "", "UNKNOWN", [], "user"])
def test_no_grant_can_silently_take_access_away(plain: DatabricksAccount, value: Any) -> None:
    with pytest.raises(errors.InternalError):
        KIND.grant(plain, "5", "workspaces", "7", value)


@pytest.mark.parametrize("status", [400, 404])
def test_a_grant_gets_over_the_flaky_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, status: int
) -> None:
    web.add("PUT", ASSIGNMENT, status=status, json=FLAKY)
    web.add("PUT", ASSIGNMENT, json={"principal": {"principal_id": 5}, "permissions": ["USER"]})
    KIND.grant(plain, "5", "workspaces", "7", "USER")
    assert sent(web) == {"permissions": ["USER"]}
    assert len(web.calls) == 2


@pytest.mark.parametrize(
    "body", [{}, {"error": "no such principal"}, {"permissions": ["ADMIN"]}, {"permissions": []}]
)
def test_a_grant_that_is_answered_with_another_assignment_is_in_doubt(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    web.add("PUT", ASSIGNMENT, json=body)
    with pytest.raises(errors.LostAnswerError):
        KIND.grant(plain, "5", "workspaces", "7", "USER")


def test_an_update_that_is_answered_with_another_principal_is_in_doubt(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("PATCH", f"{PRINCIPALS}/5", json={"id": "6", "displayName": "n"})
    with pytest.raises(errors.LostAnswerError):
        KIND.update(plain, "5", {"display_name": "n"})


def test_a_grant_that_stays_refused_is_an_error(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("PUT", ASSIGNMENT, status=400, json=FLAKY)
    with pytest.raises(errors.InvalidRequestError, match="not in workspace"):
        KIND.grant(plain, "5", "workspaces", "7", "USER")
    assert len(web.calls) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_a_revoke_tries_again_and_then_believes_the_flaky_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, status: int
) -> None:
    web.add("DELETE", ASSIGNMENT, status=status, json=FLAKY)
    KIND.revoke(plain, "5", "workspaces", "7")
    assert len(web.calls) == 4


def test_a_revoke_of_what_is_gone_is_done_at_once(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("DELETE", ASSIGNMENT, status=404, json={"error_code": "RESOURCE_DOES_NOT_EXIST"})
    KIND.revoke(plain, "5", "workspaces", "7")
    assert len(web.calls) == 1


def test_another_refusal_of_a_revoke_is_an_error(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    web.add("DELETE", ASSIGNMENT, status=400, json={"message": "no such thing"})
    with pytest.raises(errors.InvalidRequestError):
        KIND.revoke(plain, "5", "workspaces", "7")


def test_of_two_levels_the_higher_counts_and_odd_items_are_passed_over(
    plain: DatabricksAccount, web: responses.RequestsMock
) -> None:
    items = [
        {"principal": {"principal_id": 5}, "permissions": ["USER", "ADMIN"]},
        {"principal": {"principal_id": 6}, "permissions": [], "error": "broken"},
        {"principal": None, "permissions": ["USER"]},
        {"error": "nothing at all"},
    ]
    web.add("GET", f"{ROOT}/workspaces/7/permissionassignments", json={"permission_assignments": items})
    page = {"totalResults": 2, "Resources": [{"id": "5"}, {"id": "6"}]}
    web.add("GET", PRINCIPALS, json=page)
    found = KIND.observe(plain, Scope(workspaces=["7"]))
    assert [live.attributes["workspaces"] for live in found] == [{"7": "ADMIN"}, {}]
    plain.http.close()


@pytest.mark.parametrize(
    "body",
    [
        {"message": "temporarily unavailable"},
        {"permission_assignments": None},
        {"permission_assignments": [{"principal": "x", "permissions": ["USER"]}]},
        {"permission_assignments": [{"principal": {"principal_id": 5}, "permissions": 5}]},
        {"permission_assignments": [{"principal": {"principal_id": 5}, "permissions": "USER"}]},
        {"permission_assignments": [{"principal": {"principal_id": [5]}, "permissions": ["USER"]}]},
    ],
)
def test_an_odd_list_of_assignments_is_not_taken_for_no_access(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    web.add("GET", f"{ROOT}/workspaces/7/permissionassignments", json=body)
    web.add("GET", PRINCIPALS, json={"totalResults": 1, "Resources": [{"id": "5"}]})
    with pytest.raises(errors.UnreadableError, match="permission"):
        KIND.observe(plain, Scope(workspaces=["7"]))
    plain.http.close()


@pytest.mark.parametrize("live_id", ["", ".", ".."])
def test_an_id_that_is_no_step_in_a_path_is_not_sent(
    plain: DatabricksAccount, web: responses.RequestsMock, live_id: str
) -> None:
    web.add("GET", PRINCIPALS, json={"totalResults": 0})
    calls: list[Callable[[], object]] = [
        lambda: KIND.read(plain, live_id),
        lambda: KIND.update(plain, live_id, {"active": True}),
        lambda: KIND.delete(plain, live_id),
        lambda: KIND.grant(plain, live_id, "workspaces", "7", "USER"),
        lambda: KIND.revoke(plain, "5", "workspaces", live_id),
        lambda: KIND.observe(plain, Scope(workspaces=[live_id])),
        lambda: SECRETS.create(plain, {}, live_id),
        lambda: SECRETS.delete(plain, live_id, "5"),
    ]
    for call in calls:
        with pytest.raises(errors.InternalError):
            call()
    assert plain.http.calls <= 1  # the list of all, which goes out beside that of a workspace
    plain.http.close()


@pytest.mark.parametrize("item", [{"id": ".."}, {"id": "."}])
def test_a_service_principal_with_an_id_that_is_no_step_in_a_path_fails_the_list(
    plain: DatabricksAccount, web: responses.RequestsMock, item: Any
) -> None:
    web.add("GET", PRINCIPALS, json={"totalResults": 1, "Resources": [item]})
    with pytest.raises(errors.UnreadableError):
        KIND.observe(plain, Scope())


@pytest.mark.parametrize(
    "answer", [{"id": ["5"], "applicationId": "a"}, {"id": "5", "applicationId": {"a": 1}}]
)
def test_a_create_whose_answer_has_something_else_for_an_id_is_a_lost_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", PRINCIPALS, status=201, json=answer)
    with pytest.raises(errors.LostAnswerError):
        KIND.create(plain, {"display_name": "n"})


# -- secrets


@pytest.mark.parametrize("body", [{"message": "busy"}, {"secrets": None}, {"secrets": [{"id": {"x": 1}}]}])
def test_an_odd_list_of_secrets_is_not_taken_for_none(
    plain: DatabricksAccount, web: responses.RequestsMock, body: Any
) -> None:
    web.add("GET", f"{ROOT}/servicePrincipals/5/credentials/secrets", json=body)
    with pytest.raises(errors.UnreadableError):
        SECRETS.observe(plain, Scope(parents=["5"]))
    plain.http.close()


def test_a_secret_is_issued_observed_and_revoked(account: DatabricksAccount) -> None:
    parent = made(account).id
    created = SECRETS.create(account, {"lifetime_seconds": 86400 - 75}, parent)
    assert isinstance(created.secret, Secret)
    assert created.secret.reveal().startswith("dose")
    (live,) = SECRETS.observe(account, Scope(parents=[parent]))
    assert live == created.live == SECRETS.read(account, created.live.id, parent)
    assert live.parent == parent
    assert live.name == ""
    assert live.created_at
    assert live.expires_at > live.created_at
    SECRETS.delete(account, live.id, parent)
    SECRETS.delete(account, live.id, parent)
    assert SECRETS.read(account, live.id, parent) is None


def test_the_lifetime_is_a_text_with_an_s(plain: DatabricksAccount, web: responses.RequestsMock) -> None:
    url = f"{ROOT}/servicePrincipals/5/credentials/secrets"
    web.add("POST", url, json={"id": "x", "secret": "dose1"})
    SECRETS.create(plain, {"lifetime_seconds": 86325}, "5")
    assert sent(web) == {"lifetime": "86325s"}
    SECRETS.create(plain, {}, "5")
    assert sent(web) == {}


@pytest.mark.parametrize("answer", [{"id": "x"}, {"secret": "s"}, {}, None])
def test_a_secret_that_the_answer_lacks_is_a_lost_answer(
    plain: DatabricksAccount, web: responses.RequestsMock, answer: Any
) -> None:
    web.add("POST", f"{ROOT}/servicePrincipals/5/credentials/secrets", json=answer)
    with pytest.raises(errors.LostAnswerError):
        SECRETS.create(plain, {}, "5")


def test_a_sixth_secret_is_refused_with_a_word_about_the_cap(account: DatabricksAccount) -> None:
    parent = made(account).id
    for _ in range(5):
        SECRETS.create(account, {"lifetime_seconds": 3600}, parent)
    with pytest.raises(errors.InvalidRequestError) as caught:
        SECRETS.create(account, {"lifetime_seconds": 3600}, parent)
    assert "at most five" in caught.value.hint
    assert len(SECRETS.observe(account, Scope(parents=[parent]))) == 5


def test_secrets_of_many_parents_come_page_by_page(
    account: DatabricksAccount, change_knobs: Callable[..., None]
) -> None:
    change_knobs(page_size=2)
    parents = [made(account, f"sp-{number}").id for number in range(6)]
    for parent in parents:
        for _ in range(3):
            SECRETS.create(account, {"lifetime_seconds": 3600}, parent)
    found = SECRETS.observe(account, Scope(parents=parents[:5]))
    assert sorted(live.parent for live in found) == sorted(parents[:5] * 3)


def test_a_parent_that_is_gone_has_no_secrets(account: DatabricksAccount) -> None:
    live = made(account)
    KIND.delete(account, live.id)
    assert SECRETS.observe(account, Scope(parents=[live.id])) == []


def test_a_parent_that_exists_and_whose_secrets_are_not_found_is_an_error(
    account: DatabricksAccount, sandbox: Sandbox
) -> None:
    parent = made(account).id
    sandbox.faults.add("path=credentials/secrets,do=404")
    with pytest.raises(errors.NotFoundError):
        SECRETS.observe(account, Scope(parents=[parent]))


def test_a_secret_cannot_be_updated(plain: DatabricksAccount) -> None:
    with pytest.raises(errors.InternalError):
        SECRETS.update(plain, "x", {}, "5")
