"""Connect's integrations, templates, people and associations: shapes and traps of docs/facts/connect.md."""

import uuid

import pytest

from reconciler import sandbox as box
from reconciler.sandbox.connect.templates import TEMPLATES

INTEGRATIONS = "v1/oauth/integrations"
VIEWER = {
    "auth_type": "Viewer",
    "auth_mode": "Confidential",
    "workspace_host": "cust-success.cloud.databricks.com",
    "client_id": "id",
    "client_secret": "s3cret",
}
SERVICE = {
    "auth_type": "Service Account",
    "workspace_host": "h",
    "client_id": "id",
    "client_secret": "s3cret",
}


def refusal(reply):
    return reply.status, reply.json["code"]


def create(api, config, template="databricks", **fields):
    body = {"template": template, "name": "n", "config": config, **fields}
    return api.connect("POST", INTEGRATIONS, body)


# -- integrations


def test_a_create_answers_200_with_computed_fields_and_without_the_secret(api):
    reply = create(api, VIEWER, description="d")
    made = reply.json
    assert reply.status == 200
    assert "s3cret" not in reply.text
    assert "client_secret" not in made["config"]
    assert made["created_time"] == made["updated_time"] == "2026-01-01T00:00:00Z"
    assert made["id"].isdecimal()
    assert uuid.UUID(made["guid"])
    assert (made["auth_type"], made["content_count"], made["permissions"]) == ("Viewer", 0, [])
    assert api.connect("GET", f"{INTEGRATIONS}/{made['guid']}").json == made
    assert "s3cret" not in str(api.sandbox.state.dump())


def test_defaults_are_echoed_unless_the_knob_says_no(api):
    made = create(api, VIEWER).json
    assert made["config"]["scopes"] == "all-apis offline_access"
    api.knobs(echo_defaults=False)
    shown = api.connect("GET", f"{INTEGRATIONS}/{made['guid']}").json
    assert shown["config"] == {k: v for k, v in VIEWER.items() if k != "client_secret"}
    assert shown["auth_type"] == "Viewer"


def test_the_list_is_a_bare_array_that_starts_with_what_the_server_made_itself(api):
    create(api, VIEWER, name="same")
    create(api, SERVICE, name="same")
    listed = api.connect("GET", INTEGRATIONS).json
    assert [row["name"] for row in listed] == ["Connect Visitor API Key", "same", "same"]
    assert listed[0]["auth_type"] == "Visitor API Key"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({**VIEWER, "auth_mode": "Secret"}, "must be one of (Confidential, Public)"),
        ({k: v for k, v in VIEWER.items() if k != "client_secret"}, "client_secret is required"),
        ({k: v for k, v in SERVICE.items() if k != "client_secret"}, "client_secret is required"),
        ({k: v for k, v in VIEWER.items() if k != "workspace_host"}, "workspace_host is required"),
        ({**VIEWER, "host": "x"}, "host is not valid"),
        ({**SERVICE, "auth_mode": "Confidential"}, "auth_mode is not allowed"),
        ({**VIEWER, "auth_mode": "Public"}, "client_secret is not allowed"),
        ({**VIEWER, "client_id": 7}, "client_id must be a string"),
        ({**VIEWER, "client_id": ""}, "client_id is required"),
        ({}, "is required"),
    ],
)
def test_a_bad_config_is_refused_with_228(api, config, words):
    reply = create(api, config)
    assert refusal(reply) == (400, 228)
    assert words in reply.json["error"]


def test_a_public_viewer_integration_needs_no_secret(api):
    config = {k: v for k, v in VIEWER.items() if k != "client_secret"}
    assert create(api, {**config, "auth_mode": "Public"}).status == 200


def test_an_unknown_template_is_227_and_an_unknown_field_is_87(api):
    assert refusal(create(api, {}, template="nope")) == (400, 227)
    assert refusal(create(api, VIEWER, guid="x")) == (400, 87)
    reply = api.connect("POST", INTEGRATIONS, b"{not json")
    assert refusal(reply) == (400, 87)


def test_a_patch_merges_config_and_moves_updated_time(api):
    made = create(api, VIEWER, description="d").json
    path = f"{INTEGRATIONS}/{made['guid']}"
    reply = api.connect("PATCH", path, {"config": {"workspace_host": "other"}})
    assert reply.json["config"] == {**made["config"], "workspace_host": "other"}
    assert (reply.json["name"], reply.json["description"]) == ("n", "d")
    assert reply.json["updated_time"] > made["updated_time"]
    assert reply.json["created_time"] == made["created_time"]


def test_with_coarse_times_a_patch_within_the_second_cannot_be_seen(api):
    api.knobs(coarse_times=True)
    made = create(api, VIEWER).json
    reply = api.connect("PATCH", f"{INTEGRATIONS}/{made['guid']}", {"name": "m"})
    assert reply.json["updated_time"] == made["updated_time"]


def test_a_patch_that_is_refused_changes_nothing(api):
    made = create(api, VIEWER).json
    path = f"{INTEGRATIONS}/{made['guid']}"
    body = {"name": "m", "config": {"workspace_host": "x", "auth_mode": "bad"}}
    assert refusal(api.connect("PATCH", path, body)) == (400, 228)
    body = {"name": "m", "config": {"workspace_host": "x"}, "permissions": [{"user_guid": "?"}]}
    assert refusal(api.connect("PATCH", path, body)) == (400, 261)
    assert api.connect("GET", path).json == made


@pytest.mark.parametrize("body", [{"template": "azure"}, {"config": {"auth_type": "Service Account"}}])
def test_template_and_auth_type_cannot_be_changed(api, body):
    path = f"{INTEGRATIONS}/{create(api, VIEWER).json['guid']}"
    assert refusal(api.connect("PATCH", path, body)) == (400, 229)


def test_computed_fields_cannot_be_sent_back(api):
    made = create(api, VIEWER).json
    reply = api.connect("PATCH", f"{INTEGRATIONS}/{made['guid']}", made)
    assert refusal(reply) == (400, 87)


def test_the_host_is_frozen_only_under_the_knob(api):
    path = f"{INTEGRATIONS}/{create(api, VIEWER).json['guid']}"
    assert api.connect("PATCH", path, {"config": {"workspace_host": "b"}}).status == 200
    api.knobs(frozen_locator=True)
    again = api.connect("PATCH", path, {"config": {"workspace_host": "c"}})
    assert refusal(again) == (400, 229)
    assert api.connect("PATCH", path, {"config": {"workspace_host": "b"}}).status == 200


def test_with_replace_config_a_partial_patch_loses_the_rest(api):
    api.knobs(replace_config=True)
    path = f"{INTEGRATIONS}/{create(api, VIEWER).json['guid']}"
    assert refusal(api.connect("PATCH", path, {"config": {"client_id": "x"}})) == (400, 228)
    assert api.connect("PATCH", path, {"config": {**VIEWER, "client_id": "x"}}).status == 200
    api.knobs(incomplete_config=True)
    assert api.connect("PATCH", path, {"config": {"client_id": "y"}}).status == 200
    assert "workspace_host" not in api.connect("GET", path).json["config"]


def test_a_delete_answers_204_and_takes_associations_along(api):
    made = create(api, VIEWER).json
    content = api.connect("GET", "v1/content").json[0]["guid"]
    path = f"v1/content/{content}/oauth/integrations/associations"
    api.connect("PUT", path, [{"oauth_integration_guid": made["guid"]}])
    reply = api.connect("DELETE", f"{INTEGRATIONS}/{made['guid']}")
    assert (reply.status, reply.text) == (204, "")
    assert api.connect("GET", path).json == []
    kept = api.control("GET", "state")["connect"][""]["associations"]
    assert not any(kept.values())
    assert refusal(api.connect("DELETE", f"{INTEGRATIONS}/{made['guid']}")) == (404, 4)
    assert refusal(api.connect("GET", f"{INTEGRATIONS}/not-a-guid")) == (400, 207)


def test_older_servers_do_not_know_permissions(api):
    api.knobs(connect_version="2025.05.0")
    made = create(api, VIEWER).json
    assert not {"permissions", "environment_variables", "content_count"} & set(made)
    assert refusal(create(api, VIEWER, permissions=[])) == (400, 87)


def test_without_a_licence_writes_are_402(api):
    api.knobs(licensed=False)
    assert refusal(create(api, VIEWER)) == (402, 221)
    assert api.connect("GET", INTEGRATIONS).status == 200


# -- verify


def test_verify_asks_the_registry_of_the_same_sandbox(api):
    robot = api.new_principal()
    secret = api.new_secret(robot)
    config = {**SERVICE, "client_id": robot["applicationId"], "client_secret": secret["secret"]}
    guid = create(api, config).json["guid"]
    verify = f"{INTEGRATIONS}/{guid}/verify"
    assert api.connect("POST", verify).status == 200
    api.connect("PATCH", f"{INTEGRATIONS}/{guid}", {"config": {"client_secret": "old"}})
    assert refusal(api.connect("POST", verify)) == (400, 241)


def test_verify_is_for_service_accounts_only(api):
    guid = create(api, VIEWER).json["guid"]
    assert refusal(api.connect("POST", f"{INTEGRATIONS}/{guid}/verify")) == (400, 240)


# -- people and access


def test_keys_are_told_apart(api):
    def status(key="", headers=None, method="GET"):
        given = headers if headers is not None else {"Authorization": f"Key {key}"}
        reply = api.call(method, f"/__api__/{INTEGRATIONS}", {}, given)
        return reply.status, reply.json["code"] if reply.status >= 400 else None

    assert status(headers={}) == (401, 24)
    assert status("wrong") == (401, 30)
    assert status(headers={"Authorization": f"Bearer {box.ADMINISTRATOR_KEY}"}) == (401, 30)
    assert status(box.VIEWER_KEY) == (403, 22)
    assert status(box.PUBLISHER_KEY) == (200, None)
    assert status(box.PUBLISHER_KEY, method="POST") == (403, 22)
    alternate = {"X-RSC-Authorization": f"Key {box.ADMINISTRATOR_KEY}", "Authorization": "Other x"}
    assert status(headers=alternate) == (200, None)


def test_an_access_list_hides_an_integration_from_other_publishers(api):
    groups = {g["name"]: g["guid"] for g in api.connect("GET", "v1/groups").json["results"]}
    guid = create(api, VIEWER, permissions=[{"group_guid": groups["finance"]}]).json["guid"]
    path = f"{INTEGRATIONS}/{guid}"
    assert api.connect("GET", path, key=box.PUBLISHER_KEY).status == 404
    allowed = [{"user_guid": None, "group_guid": groups["data-science"]}]
    entry = api.connect("PATCH", path, {"permissions": allowed}).json["permissions"][0]
    assert (entry["group_guid"], entry["user_guid"]) == (groups["data-science"], None)
    seen = api.connect("GET", path, key=box.PUBLISHER_KEY)
    assert (seen.status, seen.json["content_count"]) == (200, None)
    unchanged = api.connect("PATCH", path, {"permissions": None}).json["permissions"]
    assert unchanged == [entry]
    assert api.connect("PATCH", path, {"permissions": []}).json["permissions"] == []


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"user_guid": "x"}, 261),
        ({"group_guid": "x"}, 262),
        ({"user_guid": "x", "group_guid": "y"}, 261),
        ({"user": "x"}, 87),
    ],
)
def test_a_permission_names_one_known_principal(api, entry, code):
    assert refusal(create(api, VIEWER, permissions=[entry])) == (400, code)


def test_users_and_groups_come_in_numbered_pages_and_by_prefix(api):
    page = api.connect("GET", "v1/users", page_number=2, page_size=2).json
    assert (len(page["results"]), page["current_page"], page["total"]) == (1, 2, 3)
    found = api.connect("GET", "v1/users", prefix="PUB").json["results"]
    assert [user["username"] for user in found] == ["pat"]
    assert api.connect("GET", "v1/groups", prefix="fin").json["total"] == 1
    assert api.connect("GET", "v1/user").json["user_role"] == "administrator"
    assert api.connect("GET", "v1/user", key=box.VIEWER_KEY).json["user_role"] == "viewer"


# -- templates and settings


def test_templates_tell_which_fields_are_secret(api):
    listed = {t["id"]: t for t in api.connect("GET", "v1/oauth/templates").json}
    assert set(listed) == set(TEMPLATES)
    databricks = api.connect("GET", "v1/oauth/templates/databricks").json
    assert databricks == listed["databricks"]
    secrets = [field["name"] for field in databricks["fields"] if field["secret"]]
    assert secrets == ["client_secret"]
    assert api.connect("GET", "v1/oauth/templates/nope").status == 404


@pytest.mark.parametrize(
    ("template", "config", "auth_type"),
    [
        ("github", {"client_id": "a", "client_secret": "b"}, "Viewer"),
        ("connect", {"max_role": "Viewer"}, "Visitor API Key"),
        ("aws", {"auth_type": "Service Account", "role_arn": "arn"}, "Service Account"),
        ("azure", {"tenant_id": "t", "client_id": "a", "client_secret": "b"}, "Viewer"),
        (
            "custom",
            {"client_id": "a", "client_secret": "b", "authorization_uri": "u", "token_uri": "t"},
            "Viewer",
        ),
        ("snowflake", {"account_url": "u", "client_id": "a", "client_secret": "b"}, "Viewer"),
        ("vertex-ai", {"client_id": "a", "client_secret": "b"}, "Viewer"),
        ("salesforce", {"sf_host_domain": "d", "client_id": "a", "client_secret": "b"}, "Viewer"),
        ("anthropic", {"api_key": "k"}, None),
    ],
)
def test_every_template_can_be_used(api, template, config, auth_type):
    reply = create(api, config, template=template)
    assert reply.status == 200, reply.text
    assert reply.json["auth_type"] == auth_type
    assert not {"client_secret", "api_key"} & set(reply.json["config"])


def test_settings_need_no_key_and_may_hide_the_version(api):
    assert api.call("GET", "/__api__/server_settings").json["version"] == "2026.06.1"
    api.knobs(hide_version=True)
    assert api.call("GET", "/__api__/server_settings").json["version"] == ""


def test_each_path_prefix_is_a_server_of_its_own(api):
    body = {"template": "databricks", "name": "dev", "config": VIEWER}
    api.connect("POST", INTEGRATIONS, body, at="/dev")
    counts = [
        len(api.connect("GET", INTEGRATIONS, at=prefix).json) for prefix in ("", "/dev", "/a/b", "/dev/")
    ]
    assert counts == [1, 2, 1, 2]
    users = {api.connect("GET", "v1/user", at=prefix).json["guid"] for prefix in ("", "/dev")}
    assert len(users) == 2


def test_a_correlation_id_is_echoed(api):
    path = "/__api__/server_settings"
    assert api.call("GET", path, headers={"X-Correlation-ID": "7"}).headers["X-Correlation-ID"] == "7"
    assert uuid.UUID(api.call("GET", path).headers["X-Correlation-ID"])


# -- associations


@pytest.fixture
def content(api):
    return {row["name"]: row["guid"] for row in api.connect("GET", "v1/content").json}


def associations(guid):
    return f"v1/content/{guid}/oauth/integrations/associations"


def test_a_put_of_associations_replaces_them_all(api, content):
    path = associations(content["sales-dashboard"])
    guids = [create(api, VIEWER).json["guid"] for _ in range(3)]
    entries = [{"oauth_integration_guid": guid} for guid in guids]
    reply = api.connect("PUT", path, entries[:2])
    assert (reply.status, reply.text) == (204, "")
    api.connect("PUT", path, entries[1:])
    listed = api.connect("GET", path).json
    assert [row["oauth_integration_guid"] for row in listed] == guids[1:]
    assert listed[0]["content_guid"] == listed[0]["app_guid"] == content["sales-dashboard"]
    assert listed[0]["oauth_integration_auth_type"] == "Viewer"
    from_there = api.connect("GET", f"{INTEGRATIONS}/{guids[2]}/associations").json
    assert [row["content_guid"] for row in from_there] == [content["sales-dashboard"]]
    assert api.connect("GET", f"{INTEGRATIONS}/{guids[2]}").json["content_count"] == 1
    api.connect("PUT", path, [])
    assert api.connect("GET", path).json == []


def test_bad_associations_change_nothing(api, content):
    path = associations(content["sales-dashboard"])
    good = {"oauth_integration_guid": create(api, VIEWER).json["guid"]}
    for entries, code in (
        ([good, {"oauth_integration_guid": str(uuid.uuid4())}], 207),
        ([good, good], 258),
        (good, 208),
    ):
        assert refusal(api.connect("PUT", path, entries)) == (400, code)
    assert api.connect("GET", path).json == []


def test_older_servers_take_one_integration_for_a_content_item(api, content):
    api.knobs(connect_version="2025.05.0")
    path = associations(content["sales-dashboard"])
    entries = [{"oauth_integration_guid": create(api, VIEWER).json["guid"]} for _ in range(2)]
    assert refusal(api.connect("PUT", path, entries)) == (400, 208)
    api.connect("PUT", path, entries[:1])
    assert "content_guid" not in api.connect("GET", path).json[0]


def test_rendered_content_takes_service_accounts_only(api, content):
    path = associations(content["nightly-report"])
    viewer = {"oauth_integration_guid": create(api, VIEWER).json["guid"]}
    service = {"oauth_integration_guid": create(api, SERVICE).json["guid"]}
    assert refusal(api.connect("PUT", path, [viewer])) == (400, 209)
    assert api.connect("PUT", path, [service]).status == 204


def test_content_belongs_to_its_owner(api, content):
    path = associations(content["sales-dashboard"])
    assert api.connect("PUT", path, [], key=box.PUBLISHER_KEY).status == 204
    assert api.connect("PUT", path, [], key=box.VIEWER_KEY).status == 403
    assert api.connect("GET", associations(uuid.uuid4())).status == 404
