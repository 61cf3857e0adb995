"""Whole estates put into a sandbox at once: in process, and through the control endpoint."""

import json

import pytest

from reconciler import sandbox as box

APP = {
    "integration_id": "app-1",
    "client_id": "client-1",
    "name": "posit",
    "confidential": True,
    "scopes": ["sql"],
    "created_by": 7,
    "creator_username": "ann@example.org",
    "create_time": "2024-05-06T07:08:09.000Z",
}
PRINCIPAL = {"id": "9000000000000001", "applicationId": "robot-1", "displayName": "robot"}
SECRET = {
    "id": "secret-1",
    "create_time": "2024-05-06T07:08:09Z",
    "expire_time": "2999-01-01T00:00:00Z",
    "secret_hash": "hash",
}
ROBOT = {"auth_type": "Service Account", "workspace_host": "h", "client_id": "robot-1"}
INTEGRATION = {
    "id": "41",
    "guid": "84f0f0ae-e328-44b0-98ba-aee6e775b5f0",
    "name": "robot",
    "template": "databricks",
    "config": ROBOT,
    "created_time": "2024-05-06T07:08:09Z",
    "updated_time": "2024-06-06T07:08:09Z",
    "permissions": [{"id": "9", "guid": "p", "user_guid": None, "group_guid": "group-1"}],
}
SERVER = box.ServerEstate(
    users=[{"guid": "user-1", "username": "uma", "first_name": "Uma"}],
    groups=[{"guid": "group-1", "name": "team", "members": ["user-1"]}],
    content=[{"guid": "content-1", "name": "board"}],
    integrations=[INTEGRATION],
    associations={"content-1": [INTEGRATION["guid"]]},
)
RULES = f"accounts/{box.ACCOUNT_ID}/servicePrincipals/robot-1/ruleSets/default"
ESTATE = box.Estate(
    box.AccountEstate(
        apps=[APP],
        service_principals=[PRINCIPAL],
        users=[{"userName": "ann@example.org"}],
        groups=[{"id": "77", "displayName": "team", "members": [{"value": PRINCIPAL["id"]}]}],
        secrets={PRINCIPAL["id"]: [SECRET]},
        federation_policies={"": [{"policy_id": "wide", "oidc_policy": {"issuer": "https://idp"}}]},
        rule_sets={RULES: [{"role": "roles/servicePrincipal.user", "principals": ["groups/team"]}]},
        workspaces=[{"workspace_id": 5, "workspace_name": "five"}],
        assignments={"5": {PRINCIPAL["id"]: ["USER"]}},
    ),
    {"": SERVER, "/dev": box.ServerEstate()},
    fresh=True,
)
INTEGRATIONS = "v1/oauth/integrations"


def test_ids_times_and_creators_are_those_that_were_given(api):
    box.load(api.sandbox, ESTATE)
    (app,) = api.account("GET", "oauth2/custom-app-integrations", include_creator_username="true").json[
        "apps"
    ]
    assert app == APP
    (robot,) = api.scim("GET", "ServicePrincipals").json["Resources"]
    assert (robot["id"], robot["applicationId"]) == (PRINCIPAL["id"], "robot-1")
    assert robot["groups"] == [{"value": "77", "display": "team", "type": "direct"}]
    path = f"servicePrincipals/{PRINCIPAL['id']}/credentials/secrets"
    (secret,) = api.account("GET", path).json["secrets"]
    assert SECRET.items() - {("expire_time", SECRET["expire_time"])} <= secret.items()
    (shown,) = api.connect("GET", INTEGRATIONS).json
    for name in ("id", "guid", "created_time", "updated_time", "name"):
        assert shown[name] == INTEGRATION[name]
    assert ([e["group_guid"] for e in shown["permissions"]], shown["content_count"]) == (["group-1"], 1)
    assert [u["username"] for u in api.connect("GET", "v1/groups/group-1/members").json["results"]] == ["uma"]
    assert [w["workspace_id"] for w in api.account("GET", "workspaces").json] == [5]
    (assigned,) = api.account("GET", "workspaces/5/permissionassignments").json["permission_assignments"]
    assert assigned["permissions"] == ["USER"]
    assert api.connect("GET", INTEGRATIONS, at="/dev").json == []


def test_what_comes_later_gets_other_ids(api):
    box.load(api.sandbox, ESTATE)
    assert int(api.new_principal()["id"]) > int(PRINCIPAL["id"])
    assert int(api.new_integration()["id"]) > 41


def test_a_copied_credential_works_where_it_did_until_it_is_revoked(api):
    box.load(api.sandbox, ESTATE)
    (wire,) = api.control("GET", "wiring")["integrations"]
    assert wire["valid"]
    verify = f"{INTEGRATIONS}/{INTEGRATION['guid']}/verify"
    assert api.connect("POST", verify).status == 200
    renamed = api.connect("PATCH", f"{INTEGRATIONS}/{INTEGRATION['guid']}", {"config": {"scopes": "sql"}})
    assert renamed.status == 200
    # nobody can sign in with what stands there in place of a hash
    assert api.token("robot-1", "copied:robot-1").status == 401
    api.account("DELETE", f"servicePrincipals/{PRINCIPAL['id']}/credentials/secrets/secret-1")
    assert api.connect("POST", verify).status == 400


def test_a_value_that_is_given_is_the_secret_and_is_kept_as_its_hash(api):
    secret = {**SECRET, "secret": "dose-given"}
    account = box.AccountEstate(service_principals=[PRINCIPAL], secrets={PRINCIPAL["id"]: [secret]})
    box.load(api.sandbox, box.Estate(account))
    assert api.token("robot-1", "dose-given").status == 200
    assert "dose-given" not in json.dumps(api.sandbox.state.dump())


def test_a_template_that_only_the_copied_server_has_is_taken_as_it_is(api):
    row = {"template": "new", "name": "n", "config": {"place": "x", "apiKey": "hush"}}
    box.load(api.sandbox, box.Estate(connect={"": box.ServerEstate(integrations=[row])}))
    made = api.connect("GET", INTEGRATIONS).json[-1]
    assert made["config"] == {"place": "x"}
    assert api.connect("PATCH", f"{INTEGRATIONS}/{made['guid']}", {"config": {"a": "b"}}).status == 200
    assert "hush" not in json.dumps(api.sandbox.state.dump())


def test_an_estate_is_kept_in_the_state_and_whoever_signed_in_stays_signed_in(api):
    token = api.token(box.CLIENT_ID, box.CLIENT_SECRET).json["access_token"]
    box.load(api.sandbox, ESTATE)
    assert api.account("GET", "workspaces", token=token).status == 200
    before = json.loads(json.dumps(api.sandbox.state.dump()))
    restored = type(api.sandbox.state).restored(api.sandbox.world, before)
    assert json.loads(json.dumps(restored.dump())) == before


@pytest.mark.parametrize(
    "estate",
    [
        {"databricks": {"nothing": []}},
        {"databricks": {"apps": [APP, APP]}},
        {"databricks": {"secrets": {"1": [SECRET]}}},
        {"connect": {"": {"integrations": [INTEGRATION]}}},
        {"connect": {"": {"associations": {"c": ["i"]}}}},
    ],
)
def test_an_estate_that_does_not_hold_together_leaves_everything_as_it_was(api, estate):
    api.connect("GET", "v1/user")
    before = api.sandbox.state.dump()
    good = {"databricks": {"service_principals": [PRINCIPAL]}}
    both = {**estate, "databricks": {**good["databricks"], **estate.get("databricks", {})}}
    reply = api.call("POST", "/_sandbox/seed", both)
    assert reply.status in (400, 404), reply.text
    assert api.sandbox.state.dump() == before


def test_hundreds_are_put_in_without_a_request(api):
    apps = [{"name": f"a{n}", "scopes": ["sql"]} for n in range(300)]
    principals = [{"displayName": f"p{n}"} for n in range(300)]
    rows = [{"template": "databricks", "name": f"i{n}", "config": ROBOT} for n in range(600)]
    account = box.AccountEstate(apps=apps, service_principals=principals)
    box.load(api.sandbox, box.Estate(account, {"": box.ServerEstate(integrations=rows)}, fresh=True))
    assert api.control("GET", "stats")["requests"] == 0
    assert api.scim("GET", "ServicePrincipals").json["totalResults"] == 300
    assert len(api.connect("GET", INTEGRATIONS).json) == 600


def test_people_and_content_leave_by_the_control_endpoint(api):
    box.load(api.sandbox, ESTATE)
    assert api.control("POST", "gone", {"guids": ["group-1", "content-1", "no"]}) == {"removed": 2}
    assert api.connect("GET", "v1/groups").json["total"] == 0
    assert api.connect("GET", "v1/content").json == []


def test_the_state_of_an_older_sandbox_gets_what_it_had_not(api):
    api.connect("GET", "v1/user")
    whole = json.loads(json.dumps(api.sandbox.state.dump()))
    older = json.loads(json.dumps(whole))
    for name in ("users", "rule_sets", "federation", "published", "workspaces"):
        del older["databricks"][name]
    for name in ("people", "content"):
        del older["connect"][""][name]
    restored = type(api.sandbox.state).restored(api.sandbox.world, older)
    assert json.loads(json.dumps(restored.dump())) == whole
