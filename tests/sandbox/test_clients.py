"""Unmodified clients against the sandbox: databricks-sdk, posit-sdk, and requests in process."""

import pytest
import requests
import responses

from reconciler import sandbox as box

WORKSPACE = 1234567890123456


# -- databricks-sdk


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


def test_the_sdk_manages_apps_through_their_whole_life(account):
    from databricks.sdk.errors import BadRequest, NotFound
    from databricks.sdk.service.oauth2 import TokenAccessPolicy

    apps = account.custom_app_integration
    made = [apps.create(name=f"sdk-{n}", confidential=True, scopes=["all-apis"]) for n in range(7)]
    ids = {app.integration_id for app in made}
    listed = list(apps.list(include_creator_username=True))
    assert ids <= {app.integration_id for app in listed}
    assert {app.creator_username for app in listed} == {box.CLIENT_ID}
    key = made[0].integration_id
    policy = TokenAccessPolicy(access_token_ttl_in_minutes=30, refresh_token_ttl_in_minutes=600)
    apps.update(key, scopes=["sql"], redirect_urls=["https://x/y"], token_access_policy=policy)
    shown = apps.get(key)
    assert (shown.scopes, shown.redirect_urls) == (["sql"], ["https://x/y"])
    assert shown.token_access_policy.access_token_ttl_in_minutes == 30
    with pytest.raises(BadRequest, match="valid scope"):
        apps.create(name="no scopes")
    for each in ids:
        apps.delete(each)
    with pytest.raises(NotFound):
        apps.get(key)


def test_the_sdk_manages_principals_secrets_and_assignments(account):
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.iam import Patch, PatchOp, PatchSchema, WorkspacePermission

    principals, secrets = account.service_principals, account.service_principal_secrets
    made = [principals.create(display_name=f"sp-{n}", active=True) for n in range(7)]
    ids = {sp.id for sp in made}
    assert ids <= {sp.id for sp in principals.list()}
    assert ids <= {sp.id for sp in account.service_principals_v2.list()}
    (found,) = principals.list(filter='displayName eq "sp-3"')
    principals.patch(
        found.id,
        operations=[Patch(op=PatchOp.REPLACE, value={"active": False})],
        schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    assert principals.get(found.id).active is False
    secret = secrets.create(service_principal_id=found.id, lifetime="86400s")
    (listed,) = secrets.list(service_principal_id=found.id)
    assert (listed.id, listed.secret_hash) == (secret.id, secret.secret_hash)
    secrets.delete(service_principal_id=found.id, secret_id=secret.id)
    assert list(secrets.list(service_principal_id=found.id)) == []
    assigned = account.workspace_assignment
    assigned.update(WORKSPACE, int(found.id), permissions=[WorkspacePermission.ADMIN])
    (one,) = assigned.list(WORKSPACE)
    assert (one.principal.principal_id, one.permissions) == (
        int(found.id),
        [WorkspacePermission.ADMIN],
    )
    assigned.delete(WORKSPACE, int(found.id))
    assert list(assigned.list(WORKSPACE)) == []
    assert WORKSPACE in {space.workspace_id for space in account.workspaces.list()}
    for each in ids:
        principals.delete(each)
    with pytest.raises(NotFound):
        principals.get(found.id)


def test_the_sdk_finds_groups(account):
    (group,) = account.groups.list(filter='displayName eq "data-readers"')
    assert account.groups.get(group.id).display_name == "data-readers"


# -- posit-sdk


@pytest.fixture
def connect(running):
    from posit import connect

    client = connect.Client(f"{running.url}/posit", running.env["CONNECT_API_KEY"])
    yield client
    client.session.close()


def test_posit_sdk_manages_integrations_through_their_whole_life(connect):
    config = {"workspace_host": "h", "client_id": "c", "client_secret": "s3cret"}
    integrations = connect.oauth.integrations
    made = integrations.create(name="a", template="databricks", config=config)
    assert "s3cret" not in str(made)
    assert made == integrations.get(made["guid"])
    before = made["updated_time"]
    made.update(name="b", config={"client_secret": "new"})
    assert (made["name"], made["updated_time"] > before) == ("b", True)
    assert {row["template"] for row in integrations.find()} == {"connect", "databricks"}
    item = connect.content.find_one(name="churn-api") or connect.content.find()[0]
    item.oauth.associations.update([made["guid"]])
    assert [a["oauth_integration_guid"] for a in item.oauth.associations.find()] == [made["guid"]]
    assert len(made.associations.find()) == 1
    made.delete()
    assert item.oauth.associations.find() == []


def test_posit_sdk_reads_people_version_and_errors(connect):
    from posit.connect.errors import ClientError

    assert connect.version == "2026.06.1"
    assert connect.me["user_role"] == "administrator"
    assert {user["username"] for user in connect.users.find()} == {"ada", "pat", "vic"}
    with pytest.raises(ClientError) as caught:
        connect.oauth.integrations.create(name="x", template="nope", config={})
    assert caught.value.error_code == 227


# -- in process, through responses


@pytest.fixture
def mounted(api):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        box.mount(
            mock,
            api.sandbox,
            lost=requests.ConnectionError,
            timed_out=requests.ReadTimeout,
        )
        yield api


def get(path):
    headers = {"Authorization": f"Bearer {box.TOKEN}"}
    return requests.get(f"http://sandbox.test{path}", headers=headers, timeout=5)


def test_requests_reach_the_sandbox_without_a_socket(mounted):
    account = f"/api/2.0/accounts/{box.ACCOUNT_ID}"
    mounted.new_app(name="here")
    listed = get(f"{account}/oauth2/custom-app-integrations?page_size=5").json()
    assert [app["name"] for app in listed["apps"]] == ["here"]
    key = {"Authorization": f"Key {box.ADMINISTRATOR_KEY}"}
    body = {"template": "connect", "name": "n", "config": {"max_role": "Viewer"}}
    url = "http://sandbox.test/dev/__api__/v1/oauth/integrations"
    made = requests.post(url, json=body, headers=key, timeout=5).json()
    gone = requests.delete(f"{url}/{made['guid']}", headers=key, timeout=5)
    assert (gone.status_code, gone.content) == (204, b"")


def test_faults_in_process_look_as_they_do_over_a_socket(mounted):
    mounted.fault("request=1,do=reset")
    mounted.fault("request=2,do=hang")
    mounted.fault("request=3,do=429,retry_after=1")
    with pytest.raises(requests.ConnectionError):
        get("/x")
    with pytest.raises(requests.ReadTimeout):
        get("/x")
    assert get("/x").headers["Retry-After"] == "1"
