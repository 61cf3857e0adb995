"""Users, groups, rule sets, federation policies and published apps: through databricks-sdk, and raw."""

import base64
import json

import pytest

from reconciler import sandbox as box

RULE_SETS = f"/api/2.0/preview/accounts/{box.ACCOUNT_ID}/access-control/rule-sets"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ISSUER = "https://token.actions.githubusercontent.com"
OIDC = {"issuer": ISSUER, "subject": "repo:o/r:environment:prod"}


@pytest.fixture(scope="module")
def running():
    with box.SandboxServer(knobs=box.Knobs(page_size=3)) as server:
        yield server


@pytest.fixture(scope="module")
def account(running):
    from databricks.sdk import AccountClient

    names = ("host", "account_id", "client_id", "client_secret")
    return AccountClient(
        **{name: running.env[f"DATABRICKS_{name.upper()}"] for name in names}, auth_type="oauth-m2m"
    )


def patch(api, path, *operations):
    return api.scim("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


def rule_set(api, name, etag=""):
    query = {"name": name, "etag": etag}
    return api.call("GET", RULE_SETS, None, {"Authorization": f"Bearer {box.TOKEN}"}, **query)


def put_rules(api, name, etag, rules):
    body = {"name": name, "rule_set": {"name": name, "etag": etag, "grant_rules": rules}}
    return api.call("PUT", RULE_SETS, body, {"Authorization": f"Bearer {box.TOKEN}"})


# -- users and groups


def test_the_sdk_manages_users_and_the_members_of_groups(account):
    from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp, PatchSchema

    schema = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
    users = [account.users.create(user_name=f"u{n}@sandbox.example") for n in range(5)]
    assert {user.id for user in users} <= {user.id for user in account.users.list()}
    (found,) = account.users.list(filter='userName eq "u3@sandbox.example"')
    robot = account.service_principals.create(display_name="robot")
    group = account.groups.create(display_name="team", members=[ComplexValue(value=found.id)])
    add = Patch(op=PatchOp.ADD, path="members", value=[{"value": robot.id}])
    account.groups.patch(group.id, operations=[add], schemas=schema)
    shown = account.groups.get(group.id)
    assert {(m.value, m.ref) for m in shown.members} == {
        (found.id, f"Users/{found.id}"),
        (robot.id, f"ServicePrincipals/{robot.id}"),
    }
    (listed,) = account.groups.list(filter='displayName eq "team"')
    assert not listed.members
    remove = Patch(op=PatchOp.REMOVE, path=f'members[value eq "{robot.id}"]')
    account.groups.patch(group.id, operations=[remove], schemas=schema)
    assert [m.value for m in account.groups.get(group.id).members] == [found.id]
    account.users.delete(found.id)
    assert not account.groups.get(group.id).members


def test_members_go_by_scim_id_and_an_unknown_one_is_refused(api):
    robot = api.new_principal()
    group = api.scim("POST", "Groups", {"displayName": "g"}).json
    path = f"Groups/{group['id']}"
    for value in (robot["applicationId"], "77"):
        add = {"op": "add", "path": "members", "value": [{"value": value}]}
        assert patch(api, path, add).status == 400
    pathless = {"op": "add", "value": {"members": [{"value": robot["id"]}]}}
    assert patch(api, path, pathless).status == 200
    assert patch(api, path, pathless).status == 200
    assert [m["value"] for m in api.scim("GET", path).json["members"]] == [robot["id"]]
    api.knobs(strict_members=True)
    assert patch(api, path, pathless).status == 409
    stranger = {"op": "remove", "path": 'members[value eq "99"]'}
    assert patch(api, path, stranger).status == 404


def test_a_put_of_a_group_drops_what_is_not_sent_again(api):
    robot = api.new_principal()
    body = {"displayName": "g", "members": [{"value": robot["id"]}], "roles": [{"value": "r"}]}
    group = api.scim("POST", "Groups", body).json
    assert group["roles"] == [{"value": "r"}]
    path = f"Groups/{group['id']}"
    assert api.scim("PUT", path, {"displayName": "h", "entitlements": [{}]}).status == 200
    shown = api.scim("GET", path).json
    assert (shown["displayName"], shown["meta"]) == ("h", {"resourceType": "Group"})
    assert not {"members", "roles"} & set(shown)


@pytest.mark.parametrize("sort", ["ServicePrincipals", "Users"])
def test_entitlements_of_nothing_are_taken_and_without_effect(api, sort):
    body = {"displayName": "x", "userName": "x@sandbox.example"}
    if sort == "ServicePrincipals":
        del body["userName"]
    made = api.scim("POST", sort, {**body, "entitlements": [{}]}).json
    path = f"{sort}/{made['id']}"
    replaced = api.scim("PUT", path, {**body, "displayName": "y", "entitlements": [{}]})
    assert (replaced.status, replaced.json["displayName"]) == (200, "y")
    assert patch(api, path, {"op": "replace", "path": "entitlements", "value": [{}]}).status == 200
    assert "entitlements" not in api.scim("GET", path).json


def test_a_users_name_is_taken_only_once(api):
    again = api.scim("POST", "Users", {"userName": box.TOKEN_USERNAME.upper()})
    assert again.status == 409
    assert "already exists in this account" in again.json["detail"]


# -- rule sets


def test_the_sdk_changes_rule_sets_by_etag(account):
    from databricks.sdk.errors import ResourceConflict
    from databricks.sdk.service.iam import GrantRule, RuleSetUpdateRequest

    robot = account.service_principals.create(display_name="governed")
    name = f"accounts/{box.ACCOUNT_ID}/servicePrincipals/{robot.application_id}/ruleSets/default"
    control = account.access_control
    first = control.get_rule_set(name=name, etag="")
    (manager,) = first.grant_rules
    assert (manager.role, manager.principals) == (
        "roles/servicePrincipal.manager",
        [f"servicePrincipals/{box.CLIENT_ID}"],
    )
    use = GrantRule(role="roles/servicePrincipal.user", principals=["groups/data-readers"])
    wanted = RuleSetUpdateRequest(name=name, etag=first.etag, grant_rules=[manager, use])
    second = control.update_rule_set(name=name, rule_set=wanted)
    assert second.etag != first.etag
    with pytest.raises(ResourceConflict, match="Conflict with another RuleSet operation"):
        control.update_rule_set(name=name, rule_set=wanted)
    assert control.get_rule_set(name=name, etag=second.etag).grant_rules == [manager, use]
    for resource in (robot.application_id, robot.id):
        path = f"accounts/{box.ACCOUNT_ID}/servicePrincipals/{resource}"
        roles = control.get_assignable_roles_for_resource(path).roles
        assert {role.name for role in roles} == {manager.role, use.role}
    assert control.get_assignable_roles_for_resource(f"accounts/{box.ACCOUNT_ID}").roles


@pytest.mark.parametrize("principal", ["groups/", "groups/nobody", "users/x@y", "servicePrincipals/1"])
def test_a_grantee_that_is_unknown_is_refused(api, principal):
    name = f"accounts/{box.ACCOUNT_ID}/ruleSets/default"
    etag = rule_set(api, name).json["etag"]
    rules = [{"role": "roles/billing.admin", "principals": [principal]}]
    assert put_rules(api, name, etag, rules).status == 400
    assert rule_set(api, name).json["etag"] == etag


def test_an_etag_is_needed_and_has_to_be_encoded(api):
    name = f"accounts/{box.ACCOUNT_ID}/ruleSets/default"
    head = {"Authorization": f"Bearer {box.TOKEN}"}
    assert api.call("GET", RULE_SETS, None, head, name=name).status == 400
    etag = rule_set(api, name).json["etag"]
    assert api.call("GET", f"{RULE_SETS}?name={name}&etag={etag}", None, head).status == 400
    assert rule_set(api, name, etag).status == 200
    assert put_rules(api, name, "", []).status == 400


def test_rule_sets_follow_the_names_of_groups_and_forget_who_is_gone(api):
    group = api.scim("POST", "Groups", {"displayName": "old"}).json
    name = f"accounts/{box.ACCOUNT_ID}/ruleSets/default"
    rules = [{"role": "roles/billing.admin", "principals": ["groups/old"]}]
    before = put_rules(api, name, rule_set(api, name).json["etag"], rules).json["etag"]
    patch(api, f"Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "new"})
    shown = rule_set(api, name).json
    assert shown["grant_rules"][0]["principals"] == ["groups/new"]
    assert shown["etag"] != before
    api.scim("DELETE", f"Groups/{group['id']}")
    assert "grant_rules" not in rule_set(api, name).json


# -- federation policies


def test_the_sdk_manages_federation_policies_of_principals_and_of_the_account(account):
    from databricks.sdk.errors import AlreadyExists, NotFound
    from databricks.sdk.service.oauth2 import FederationPolicy, OidcFederationPolicy

    robot = account.service_principals.create(display_name="federated")
    owner, mine = int(robot.id), account.service_principal_federation_policy
    policy = FederationPolicy(oidc_policy=OidcFederationPolicy(**OIDC), description="d")
    made = mine.create(owner, policy, policy_id="github-main")
    assert made.service_principal_id == owner
    assert made.name.endswith(f"/servicePrincipals/{owner}/federationPolicies/github-main")
    with pytest.raises(AlreadyExists):
        mine.create(owner, policy, policy_id="github-main")
    changed = FederationPolicy(oidc_policy=OidcFederationPolicy(issuer=ISSUER, audiences=["a"]))
    after = mine.update(owner, "github-main", changed, update_mask="oidc_policy.audiences")
    assert (after.oidc_policy.audiences, after.oidc_policy.subject) == (["a"], OIDC["subject"])
    assert after.description == "d"
    for _ in range(4):
        mine.create(owner, policy)
    assert len(list(mine.list(owner))) == 5
    wide = account.federation_policy
    whole = wide.create(FederationPolicy(oidc_policy=OidcFederationPolicy(issuer="https://idp")))
    assert [p.uid for p in wide.list()] == [whole.uid]
    wide.delete(whole.policy_id)
    account.service_principals.delete(robot.id)
    with pytest.raises(NotFound):
        mine.get(owner, "github-main")


@pytest.mark.parametrize(
    ("policy_id", "oidc", "text"),
    [
        ("Main", OIDC, "Must contain only 0-9, a-z, and hyphen"),
        ("m" * 64, OIDC, "Must contain only 0-9, a-z, and hyphen"),
        ("main", {"issuer": ISSUER}, "subject is required"),
        ("main", {"subject": "s"}, "issuer is required"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(api, policy_id, oidc, text):
    path = f"servicePrincipals/{api.new_principal()['id']}/federationPolicies"
    reply = api.account("POST", path, {"oidc_policy": oidc}, policy_id=policy_id)
    assert reply.status == 400
    assert text in reply.json["message"]
    assert api.account("GET", path).json == {}


def test_there_are_twenty_policies_at_most_and_none_of_the_account_has_a_subject(api):
    path = f"servicePrincipals/{api.new_principal()['id']}/federationPolicies"
    codes = [api.account("POST", path, {"oidc_policy": OIDC}).status for _ in range(21)]
    assert codes == [200] * 20 + [400]
    assert api.account("POST", "federationPolicies", {"oidc_policy": OIDC}).status == 400
    api.knobs(all_policies=True)
    assert len(api.account("GET", "federationPolicies").json["policies"]) == 20


def test_a_foreign_token_is_exchanged_where_a_policy_takes_it(api):
    robot = api.new_principal()
    path = f"servicePrincipals/{robot['id']}/federationPolicies"
    api.account("POST", path, {"oidc_policy": OIDC}, policy_id="main")

    def exchanged(**claims):
        said = {"iss": ISSUER, "sub": OIDC["subject"], "aud": box.ACCOUNT_ID, **claims}
        part = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        form = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
        form += f"&subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token=x.{part}.y"
        form += f"&client_id={robot['applicationId']}"
        return api.call("POST", f"/oidc/accounts/{box.ACCOUNT_ID}/v1/token", form.encode()).status

    assert exchanged() == 200
    assert exchanged(aud=["other", box.ACCOUNT_ID]) == 200
    assert [exchanged(sub="s"), exchanged(iss="i"), exchanged(aud="a"), exchanged(exp=1)] == [400] * 4
    api.account("DELETE", f"{path}/main")
    assert exchanged() == 400


# -- published apps, workspaces, and what all have in common


def test_the_sdk_switches_published_apps_off_and_on(account):
    from databricks.sdk.service.oauth2 import TokenAccessPolicy

    offered = {app.app_id for app in account.o_auth_published_apps.list()}
    on = account.published_app_integration
    assert {app.app_id for app in on.list()} < offered
    on.delete("power-bi")
    made = on.create(app_id="power-bi")
    on.update(made.integration_id, token_access_policy=TokenAccessPolicy(access_token_ttl_in_minutes=30))
    shown = on.get(made.integration_id)
    assert (shown.name, shown.token_access_policy.access_token_ttl_in_minutes) == ("Power BI", 30)


def test_the_sdk_reads_one_workspace_and_assigns_a_user(account):
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.iam import WorkspacePermission

    space = account.workspaces.get(1111111111111111)
    assert space.workspace_name == "acme-dev"
    user = account.users.create(user_name="assigned@sandbox.example")
    levels = [WorkspacePermission.USER]
    made = account.workspace_assignment.update(space.workspace_id, int(user.id), permissions=levels)
    assert made.principal.user_name == user.user_name
    with pytest.raises(NotFound):
        account.workspaces.get(1)


def test_what_was_made_is_kept_in_the_state(api):
    robot = api.new_principal()
    user = api.scim("POST", "Users", {"userName": "u@sandbox.example"}).json
    api.scim("POST", "Groups", {"displayName": "g", "members": [{"value": user["id"]}]})
    api.account("POST", "federationPolicies", {"oidc_policy": {"issuer": "https://idp"}})
    api.account("DELETE", "oauth2/published-app-integrations/power-bi")
    name = f"accounts/{box.ACCOUNT_ID}/servicePrincipals/{robot['applicationId']}/ruleSets/default"
    put_rules(api, name, rule_set(api, name).json["etag"], [])
    before = api.sandbox.state.dump()
    kept = json.loads(json.dumps(before))
    api.sandbox.state = type(api.sandbox.state).restored(api.sandbox.world, kept)
    assert api.sandbox.state.dump() == before


def test_numbers_come_as_texts_where_the_knob_says_so(api):
    path = f"servicePrincipals/{api.new_principal()['id']}/federationPolicies"
    api.account("POST", path, {"oidc_policy": OIDC})
    api.new_app()
    api.knobs(numbers_as_text=True)
    (policy,) = api.account("GET", path).json["policies"]
    (app,) = api.account("GET", "oauth2/custom-app-integrations").json["apps"]
    assert isinstance(policy["service_principal_id"], str)
    assert isinstance(app["created_by"], str)
