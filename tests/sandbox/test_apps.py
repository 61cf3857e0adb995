"""Custom OAuth apps: shapes and traps of docs/facts/databricks.md, 1."""

import pytest

from reconciler import sandbox as box

APPS = "oauth2/custom-app-integrations"


def test_a_create_answers_200_with_two_ids_and_the_secret_and_nothing_else(api):
    app = api.new_app()
    assert set(app) == {"integration_id", "client_id", "client_secret"}
    assert app["integration_id"] != app["client_id"]
    assert app["client_secret"].startswith("dose")
    assert len(app["client_secret"]) == 36


def test_a_public_app_has_no_secret(api):
    assert set(api.new_app(confidential=False)) == {"integration_id", "client_id"}


def test_the_secret_is_never_shown_again_and_not_kept(api):
    app = api.new_app()
    key = app["integration_id"]
    for reply in (api.account("GET", APPS), api.account("GET", f"{APPS}/{key}")):
        assert app["client_secret"] not in reply.text
    assert app["client_secret"] not in str(api.sandbox.state.dump())


@pytest.mark.parametrize("scopes", [None, []])
def test_an_app_needs_a_scope_although_the_schema_says_otherwise(api, scopes):
    reply = api.account("POST", APPS, {"name": "x", "scopes": scopes})
    assert reply.status == 400
    assert reply.json["error_code"] == "BAD_REQUEST"
    assert "at least one valid scope" in reply.json["message"]


def test_get_shows_what_the_server_filled_in_where_the_knob_says_so(api):
    api.knobs(fill_policies=True)
    key = api.new_app()["integration_id"]
    shown = api.account("GET", f"{APPS}/{key}").json
    assert shown["token_access_policy"] == {
        "access_token_ttl_in_minutes": 60,
        "refresh_token_ttl_in_minutes": 10080,
        "enable_single_use_refresh_tokens": False,
        "absolute_session_lifetime_in_minutes": 129600,
    }
    assert shown["created_by"] > 0
    assert shown["creator_username"] == box.TOKEN_USERNAME
    assert shown["create_time"] == "2026-01-01T00:00:00.123Z"


def test_a_policy_shows_only_what_was_sent(api):
    key = api.new_app()["integration_id"]
    assert "token_access_policy" not in api.account("GET", f"{APPS}/{key}").json
    policy = {"access_token_ttl_in_minutes": 30}
    api.account("PATCH", f"{APPS}/{key}", {"token_access_policy": policy})
    assert api.account("GET", f"{APPS}/{key}").json["token_access_policy"] == policy
    assert api.account("GET", APPS).json["apps"][0]["token_access_policy"] == policy


def test_a_list_names_the_creator_only_when_asked_to(api):
    api.new_app()
    assert "creator_username" not in api.account("GET", APPS).json["apps"][0]
    asked = api.account("GET", APPS, include_creator_username="true").json
    assert asked["apps"][0]["creator_username"] == box.TOKEN_USERNAME


def test_an_empty_list_has_no_apps_key(api):
    assert api.account("GET", APPS).json == {}


def test_pages_end_with_an_absent_token_and_miss_nothing_when_something_is_deleted(api):
    keys = [api.new_app(name=f"a{n}")["integration_id"] for n in range(7)]
    first = api.account("GET", APPS, page_size=3).json
    api.account("DELETE", f"{APPS}/{keys[0]}")
    second = api.account("GET", APPS, page_size=3, page_token=first["next_page_token"]).json
    third = api.account("GET", APPS, page_size=3, page_token=second["next_page_token"]).json
    assert "next_page_token" not in third
    seen = [app["integration_id"] for page in (first, second, third) for app in page["apps"]]
    assert seen == keys


def test_a_page_is_never_larger_than_the_server_allows(api):
    api.knobs(page_size=2)
    for _ in range(3):
        api.new_app()
    assert len(api.account("GET", APPS, page_size=100).json["apps"]) == 2


def test_a_wrong_page_token_is_refused(api):
    assert api.account("GET", APPS, page_token="nonsense").status == 400


def test_a_patch_replaces_the_lists_it_names_and_answers_an_empty_object(api):
    key = api.new_app(scopes=["a", "b"], redirect_urls=["https://x/y"])["integration_id"]
    reply = api.account("PATCH", f"{APPS}/{key}", {"scopes": ["c"]})
    assert (reply.status, reply.json) == (200, {})
    shown = api.account("GET", f"{APPS}/{key}").json
    assert (shown["scopes"], shown["redirect_urls"]) == (["c"], ["https://x/y"])


@pytest.mark.parametrize("field", [{"name": "other"}, {"confidential": False}, {"nmae": 1}])
def test_a_patch_of_what_cannot_change_is_refused(api, field):
    key = api.new_app()["integration_id"]
    assert api.account("PATCH", f"{APPS}/{key}", field).status == 400


def test_a_session_lifetime_is_refused_while_refresh_tokens_are_not_single_use(api):
    key = api.new_app()["integration_id"]
    policy = {"absolute_session_lifetime_in_minutes": 100}
    assert api.account("PATCH", f"{APPS}/{key}", {"token_access_policy": policy}).status == 400
    policy["enable_single_use_refresh_tokens"] = True
    assert api.account("PATCH", f"{APPS}/{key}", {"token_access_policy": policy}).status == 200


@pytest.mark.parametrize(
    "policy",
    [
        {"access_token_ttl_in_minutes": 4},
        {"refresh_token_ttl_in_minutes": 129601},
        {"access_token_ttl_in_minutes": 600, "refresh_token_ttl_in_minutes": 500},
        {"access_token_ttl_in_minutes": "60"},
        {"unknown": 1},
    ],
)
def test_a_policy_out_of_bounds_is_refused(api, policy):
    body = {"name": "x", "scopes": ["a"], "token_access_policy": policy}
    assert api.account("POST", APPS, body).status == 400


def test_what_a_policy_leaves_out_is_reset_unless_the_knob_says_merge(api):
    policy = {"access_token_ttl_in_minutes": 30, "refresh_token_ttl_in_minutes": 600}
    key = api.new_app(token_access_policy=policy)["integration_id"]

    def patched() -> int:
        only = {"refresh_token_ttl_in_minutes": 700}
        api.account("PATCH", f"{APPS}/{key}", {"token_access_policy": only})
        shown = api.account("GET", f"{APPS}/{key}").json["token_access_policy"]
        return shown.get("access_token_ttl_in_minutes", 60)

    api.knobs(merge_policy=True)
    assert patched() == 30
    api.knobs(merge_policy=False)
    assert patched() == 60


def test_a_deleted_app_is_gone_and_its_credential_with_it(api):
    app = api.new_app()
    credential = {name: app[name] for name in ("client_id", "client_secret")}
    works = {"valid": True, "kind": "oauth_app"}
    assert api.control("POST", "check-credential", credential) == works
    path = f"{APPS}/{app['integration_id']}"
    assert (api.account("DELETE", path).status, api.account("DELETE", path).status) == (200, 404)
    assert api.account("GET", path).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    gone = {"valid": False, "kind": None}
    assert api.control("POST", "check-credential", credential) == gone


def test_names_may_repeat_unless_the_knob_forbids_it(api):
    api.new_app()
    api.new_app()
    api.knobs(unique_app_names=True)
    reply = api.account("POST", APPS, {"name": "app", "scopes": ["a"]})
    assert (reply.status, reply.json["error_code"]) == (409, "ALREADY_EXISTS")


def test_user_authorized_scopes_are_a_subset_of_scopes(api):
    body = {"name": "x", "scopes": ["a"], "user_authorized_scopes": ["b"]}
    assert api.account("POST", APPS, body).status == 400


def test_shuffled_lists_come_in_another_order_but_pages_still_cover_everything(api):
    keys = {api.new_app(name=f"a{n}")["integration_id"] for n in range(30)}
    api.knobs(shuffle=True, page_size=7)
    orders = []
    for _ in range(2):
        seen, token = [], ""
        while True:
            page = api.account("GET", APPS, page_token=token).json
            seen += [app["integration_id"] for app in page["apps"]]
            token = page.get("next_page_token", "")
            if not token:
                break
        assert len(seen) == 30
        assert set(seen) == keys
        orders.append(seen)
    assert orders[0] != orders[1]
