"""Service principals, groups and workspace assignments: docs/facts/databricks.md, 3 and 6."""

import uuid

import pytest

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
WORKSPACE = "workspaces/1234567890123456/permissionassignments"


def operations(*ops):
    return {"schemas": [PATCH], "Operations": list(ops)}


def names(reply):
    return [row["displayName"] for row in reply.json.get("Resources", [])]


def test_a_create_answers_201_with_an_id_and_an_application_id(api):
    made = api.new_principal(displayName="ci", externalId="x", roles=[{"value": "account_admin"}])
    assert made["id"].isdecimal()
    assert uuid.UUID(made["applicationId"])
    assert made["active"] is True
    assert made["roles"] == [{"value": "account_admin"}]
    assert api.scim("GET", f"ServicePrincipals/{made['id']}").json == made


def test_display_names_may_repeat_and_ids_are_never_reused(api):
    first = api.new_principal()
    assert api.scim("DELETE", f"ServicePrincipals/{first['id']}").status == 204
    assert api.new_principal()["id"] != first["id"]


def test_a_listing_ends_with_an_empty_page_and_count_is_capped(api):
    api.knobs(page_size=2)
    for n in range(3):
        api.new_principal(displayName=f"p{n}")
    first = api.scim("GET", "ServicePrincipals", startIndex=1, count=10000)
    assert (names(first), first.json["totalResults"]) == (["p0", "p1"], 3)
    assert names(api.scim("GET", "ServicePrincipals", startIndex=3, count=10000)) == ["p2"]
    last = api.scim("GET", "ServicePrincipals", startIndex=4, count=10000)
    assert "Resources" not in last.json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('displayName eq "beta"', ["beta"]),
        ('displayName ne "beta"', ["alpha", "gamma"]),
        ('displayName co "a" and displayName sw "g"', ["gamma"]),
        ('displayName eq "alpha" or displayName eq "beta" and active eq false', ["alpha", "beta"]),
        ("active eq false", ["beta"]),
        ('externalId eq "x-1"', ["gamma"]),
        ('DISPLAYNAME EQ "Beta"', ["beta"]),
    ],
)
def test_filters_select(api, text, expected):
    api.new_principal(displayName="alpha")
    api.new_principal(displayName="beta", active=False)
    api.new_principal(displayName="gamma", externalId="x-1")
    assert names(api.scim("GET", "ServicePrincipals", filter=text)) == expected


def test_filters_find_by_either_id(api):
    made = api.new_principal(displayName="mine")
    api.new_principal(displayName="other")
    for name in ("id", "applicationId"):
        text = f'{name} eq "{made[name]}"'
        assert names(api.scim("GET", "ServicePrincipals", filter=text)) == ["mine"]


@pytest.mark.parametrize(
    "text",
    ["displayName eq 'x'", "displayName", 'shoe eq "x"', " or ".join(['id eq "1"'] * 201)],
)
def test_a_filter_that_cannot_be_read_is_a_scim_error(api, text):
    reply = api.scim("GET", "ServicePrincipals", filter=text)
    assert (reply.status, reply.json["scimType"]) == (400, "invalidFilter")
    assert reply.json["status"] == "400"


def test_attributes_can_be_chosen_and_left_out(api):
    api.new_principal(roles=[{"value": "account_admin"}])
    chosen = api.scim("GET", "ServicePrincipals", attributes="id,displayName").json
    assert set(chosen["Resources"][0]) == {"schemas", "id", "displayName"}
    without = api.scim("GET", "ServicePrincipals", excludedAttributes="roles,groups").json
    assert "roles" not in without["Resources"][0]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "active", "value": [{"value": "false"}]},
        {"op": "replace", "value": {"active": False}},
    ],
)
def test_each_client_may_deactivate_in_its_own_form(api, operation):
    key = api.new_principal()["id"]
    reply = api.scim("PATCH", f"ServicePrincipals/{key}", operations(operation))
    assert (reply.status, reply.json["active"]) == (200, False)


def test_roles_are_added_once_and_removed_by_value(api):
    path = f"ServicePrincipals/{api.new_principal()['id']}"
    add = {"op": "add", "path": "roles", "value": [{"value": "account_admin"}]}
    api.scim("PATCH", path, operations(add))
    assert len(api.scim("PATCH", path, operations(add)).json["roles"]) == 1
    remove = {"op": "remove", "path": 'roles[value eq "account_admin"]'}
    assert "roles" not in api.scim("PATCH", path, operations(remove)).json


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active"},
        {"op": "remove", "path": 'roles[value eq "a"]', "value": "a"},
        {"op": "move", "path": "active", "value": 1},
        {"op": "replace", "path": "applicationId", "value": "x"},
        {"op": "replace", "path": "externalId", "value": "x" * 65},
    ],
)
def test_a_bad_operation_changes_nothing(api, operation):
    made = api.new_principal()
    good = {"op": "replace", "path": "displayName", "value": "changed"}
    path = f"ServicePrincipals/{made['id']}"
    assert api.scim("PATCH", path, operations(good, operation)).status == 400
    assert api.scim("GET", path).json == made


def test_a_put_drops_roles_and_groups_that_are_not_sent_again(api):
    made = api.new_principal(roles=[{"value": "account_admin"}], externalId="x")
    group = api.scim("GET", "Groups").json["Resources"][0]
    add = {"op": "add", "path": "members", "value": [{"value": made["id"]}]}
    api.scim("PATCH", f"Groups/{group['id']}", operations(add))
    path = f"ServicePrincipals/{made['id']}"
    assert api.scim("GET", path).json["groups"][0]["display"] == group["displayName"]
    assert api.scim("PUT", path, {"displayName": "new"}).status == 200
    assert not {"roles", "groups", "externalId"} & set(api.scim("GET", path).json)


def test_an_application_id_may_be_sent_on_azure_only_and_must_be_new(api):
    body = {"displayName": "x", "applicationId": str(uuid.uuid4())}
    assert api.scim("POST", "ServicePrincipals", body).status == 400
    api.knobs(azure=True)
    assert api.scim("POST", "ServicePrincipals", body).json["applicationId"] == body["applicationId"]
    again = api.scim("POST", "ServicePrincipals", body)
    assert (again.status, again.json["scimType"]) == (409, "uniqueness")
    assert "already exists" in again.json["detail"]


def test_deleting_a_principal_takes_secrets_memberships_and_assignments_along(api):
    made = api.new_principal()
    secret = api.new_secret(made)
    group = api.scim("POST", "Groups", {"displayName": "g", "members": [{"value": made["id"]}]}).json
    api.account("PUT", f"{WORKSPACE}/principals/{made['id']}", {"permissions": ["USER"]})
    assert api.scim("DELETE", f"ServicePrincipals/{made['id']}").status == 204
    assert api.scim("DELETE", f"ServicePrincipals/{made['id']}").status == 404
    assert "members" not in api.scim("GET", f"Groups/{group['id']}").json
    assert api.account("GET", WORKSPACE).json == {}
    assert api.control("GET", "state")["databricks"]["secrets"] == {}
    assert api.token(made["applicationId"], secret["secret"]).status == 401
    path = f"servicePrincipals/{made['id']}/credentials/secrets"
    assert api.account("GET", path).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_groups_are_found_by_name_and_members_come_and_go(api):
    made = api.new_principal()
    group = api.scim("GET", "Groups", filter='displayName eq "data-readers"').json["Resources"][0]
    path = f"Groups/{group['id']}"
    add = {"op": "add", "path": "members", "value": [{"value": made["id"]}]}
    api.scim("PATCH", path, operations(add))
    api.scim("PATCH", path, operations(add))
    members = api.scim("GET", path, attributes="members").json["members"]
    assert [member["value"] for member in members] == [made["id"]]
    remove = {"op": "remove", "path": f'members[value eq "{made["id"]}"]'}
    assert "members" not in api.scim("PATCH", path, operations(remove)).json


def test_a_group_name_is_taken_only_once(api):
    reply = api.scim("POST", "Groups", {"displayName": "data-readers"})
    assert (reply.status, reply.json["scimType"]) == (409, "uniqueness")


def test_an_assignment_is_an_upsert_and_admin_wins(api):
    made = api.new_principal()
    path = f"{WORKSPACE}/principals/{made['id']}"
    assert api.account("GET", WORKSPACE).json == {}
    api.account("PUT", path, {"permissions": ["USER"]})
    reply = api.account("PUT", path, {"permissions": ["USER", "ADMIN"]})
    assert reply.json["permissions"] == ["ADMIN"]
    listed = api.account("GET", WORKSPACE).json["permission_assignments"]
    assert listed == [reply.json]
    assert listed[0]["principal"] == {
        "principal_id": int(made["id"]),
        "service_principal_name": made["applicationId"],
        "display_name": "robot",
    }


@pytest.mark.parametrize("body", [{}, {"permissions": []}, {"permissions": ["OWNER"]}])
def test_a_put_without_a_known_permission_removes_the_access(api, body):
    path = f"{WORKSPACE}/principals/{api.new_principal()['id']}"
    api.account("PUT", path, {"permissions": ["USER"]})
    assert api.account("PUT", path, body).status == 200
    assert api.account("GET", WORKSPACE).json == {}


def test_removing_an_assignment_twice_is_fine(api):
    path = f"{WORKSPACE}/principals/{api.new_principal()['id']}"
    assert [api.account("DELETE", path).status for _ in range(2)] == [200, 200]


def test_assignments_need_a_workspace_with_identity_federation(api):
    assert api.account("GET", "workspaces/9/permissionassignments").status == 404
    api.knobs(unfederated="1111111111111111")
    reply = api.account("GET", "workspaces/1111111111111111/permissionassignments")
    assert reply.status == 400
    assert "not available for this workspace" in reply.json["message"]


def test_workspaces_are_a_bare_array(api):
    spaces = api.account("GET", "workspaces").json
    assert (spaces[0]["workspace_id"], spaces[0]["deployment_name"]) == (
        1234567890123456,
        "cust-success",
    )
    levels = api.account("GET", f"{WORKSPACE}/permissions").json["permissions"]
    assert [level["permission_level"] for level in levels] == ["USER", "ADMIN"]
