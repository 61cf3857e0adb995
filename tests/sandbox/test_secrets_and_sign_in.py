"""Secrets of service principals, and what they and other credentials open: sections 4 and 8."""

import base64
from datetime import datetime
from urllib.parse import urlencode

import pytest

from reconciler import sandbox as box

TOKEN = f"/oidc/accounts/{box.ACCOUNT_ID}/v1/token"


def path(principal):
    return f"servicePrincipals/{principal['id']}/credentials/secrets"


def exchange(api, **fields):
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "sandbox-jwt-1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        **fields,
    }
    return api.call("POST", TOKEN, urlencode(form).encode())


def test_a_secret_is_shown_once_and_lasts_exactly_as_long_as_asked(api):
    robot = api.new_principal()
    made = api.new_secret(robot, lifetime="86321s")
    created, expires = (
        datetime.fromisoformat(made[name].replace("Z", "+00:00")) for name in ("create_time", "expire_time")
    )
    assert (expires - created).total_seconds() == 86321
    assert made["status"] == "ACTIVE"
    assert len(made["id"]) == 64
    listed = api.account("GET", path(robot)).json["secrets"]
    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    assert made["secret"] not in str(api.sandbox.state.dump())


def test_a_secret_lasts_730_days_by_default(api):
    made = api.new_secret(api.new_principal())
    assert made["create_time"] == "2026-01-01T00:00:00.123Z"
    assert made["expire_time"] == "2028-01-01T00:00:00.123Z"


@pytest.mark.parametrize("lifetime", ["86400", 86400, "0s", "63072001s", "1d", "-5s", ""])
def test_a_lifetime_that_is_no_duration_is_refused(api, lifetime):
    robot = api.new_principal()
    assert api.account("POST", path(robot), {"lifetime": lifetime}).status == 400


def test_a_principal_has_five_secrets_at_most_and_expired_ones_do_not_count(api):
    robot = api.new_principal()
    api.new_secret(robot, lifetime="60s")
    for _ in range(4):
        api.new_secret(robot)
    assert api.account("POST", path(robot), {}).status == 400
    api.clock.now += 61
    assert len(api.account("GET", path(robot)).json["secrets"]) == 4
    api.new_secret(robot)


def test_secrets_come_in_pages_and_an_empty_list_has_no_key(api):
    robot = api.new_principal()
    assert api.account("GET", path(robot)).json == {}
    ids = [api.new_secret(robot)["id"] for _ in range(3)]
    first = api.account("GET", path(robot), page_size=2).json
    rest = api.account("GET", path(robot), page_token=first["next_page_token"]).json
    assert [s["id"] for s in first["secrets"] + rest["secrets"]] == ids
    assert "next_page_token" not in rest


def test_a_live_secret_opens_and_a_revoked_one_does_not(api):
    robot = api.new_principal()
    made = api.new_secret(robot)
    assert api.token(robot["applicationId"], made["secret"]).status == 200
    assert api.token(robot["applicationId"], "wrong").json["error"] == "invalid_client"
    assert api.account("DELETE", f"{path(robot)}/{made['id']}").json == {}
    assert api.account("DELETE", f"{path(robot)}/{made['id']}").status == 404
    assert api.token(robot["applicationId"], made["secret"]).status == 401


def test_an_expired_secret_does_not_open(api):
    robot = api.new_principal()
    made = api.new_secret(robot, lifetime="60s")
    api.knobs(time_shift=61.0)
    assert api.token(robot["applicationId"], made["secret"]).status == 401


def test_an_inactive_principal_cannot_sign_in_and_its_token_stops_working(api):
    robot = api.new_principal(roles=[{"value": "account_admin"}])
    made = api.new_secret(robot)
    token = api.token(robot["applicationId"], made["secret"]).json["access_token"]
    assert api.account("GET", "workspaces", token=token).status == 200
    api.scim("PUT", f"ServicePrincipals/{robot['id']}", {"active": False})
    assert api.token(robot["applicationId"], made["secret"]).status == 401
    assert api.account("GET", "workspaces", token=token).status == 401


def test_a_principal_that_is_no_account_admin_is_told_so(api):
    robot = api.new_principal()
    token = api.token(robot["applicationId"], api.new_secret(robot)["secret"]).json["access_token"]
    reply = api.account("GET", "workspaces", token=token)
    assert reply.status == 403
    assert "without account admin status" in reply.json["message"]


def test_the_demo_credentials_open_by_form_and_by_basic(api):
    assert api.token(box.CLIENT_ID, box.CLIENT_SECRET).json["expires_in"] == 3600
    basic = base64.b64encode(f"{box.CLIENT_ID}:{box.CLIENT_SECRET}".encode()).decode()
    form = urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode()
    reply = api.call("POST", TOKEN, form, {"Authorization": f"Basic {basic}"})
    assert (reply.status, reply.json["token_type"]) == (200, "Bearer")


def test_tokens_expire(api):
    api.knobs(token_lifetime=10)
    token = api.token(box.CLIENT_ID, box.CLIENT_SECRET).json["access_token"]
    assert api.account("GET", "workspaces", token=token).status == 200
    api.clock.now += 11
    reply = api.account("GET", "workspaces", token=token)
    assert (reply.status, reply.json["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_foreign_token_is_exchanged_if_it_looks_like_one_of_the_sandbox(api):
    robot = api.new_principal()
    assert exchange(api).status == 200
    assert exchange(api, client_id=robot["applicationId"]).status == 200
    assert exchange(api, subject_token="other").json["error"] == "invalid_grant"
    assert exchange(api, client_id="nobody").json["error"] == "invalid_grant"


def test_two_administrators_leave_different_names_on_what_they_make(api):
    creators = set()
    for pair in (
        (box.CLIENT_ID, box.CLIENT_SECRET),
        (box.OTHER_CLIENT_ID, box.OTHER_CLIENT_SECRET),
    ):
        token = api.token(*pair).json["access_token"]
        body = {"name": "x", "scopes": ["a"]}
        made = api.account("POST", "oauth2/custom-app-integrations", body, token=token).json
        key = made["integration_id"]
        shown = api.account("GET", f"oauth2/custom-app-integrations/{key}").json
        assert shown["creator_username"] == pair[0]
        creators.add(shown["created_by"])
    assert len(creators) == 2


def test_other_accounts_are_out_of_reach(api):
    other = "11111111-2222-3333-4444-555555555555"
    headers = {"Authorization": f"Bearer {box.TOKEN}"}
    assert api.call("GET", f"/api/2.0/accounts/{other}/workspaces", headers=headers).status == 403
    assert api.call("POST", f"/oidc/accounts/{other}/v1/token").status == 404


def test_discovery_points_back_at_the_address_that_was_asked(api):
    found = api.call("GET", "/.well-known/databricks-config", headers={"Host": "box:1"}).json
    assert found["oidc_endpoint"] == "http://box:1/oidc/accounts/{account_id}"
    metadata = f"/oidc/accounts/{box.ACCOUNT_ID}/.well-known/oauth-authorization-server"
    endpoint = api.call("GET", metadata, headers={"Host": "box:1"}).json["token_endpoint"]
    assert endpoint == f"http://box:1{TOKEN}"


def test_an_unknown_path_is_404_json_or_like_the_real_console_200_html(api):
    reply = api.call("GET", "/api/2.0/nothing")
    assert (reply.status, reply.json["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    api.knobs(realistic=True)
    reply = api.call("GET", "/api/2.0/nothing")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
