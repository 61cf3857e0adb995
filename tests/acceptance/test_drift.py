"""What somebody changed by hand: seen by drift and plan, told from edits of the spec, healed by apply."""

from __future__ import annotations

import re

SPEC = "specs/stack.yaml"


def test_a_change_by_hand_is_drift_and_is_healed(place):
    want = place.both()
    want["service_principals"]["robot"]["workspaces"] = {"1234567890123456": "USER"}
    place.write(want)
    place.apply()
    app = place.apps()["app"]["integration_id"]
    guid = place.integrations()["Viewer"]["guid"]
    robot = place.principals()["robot"]["id"]
    place.databricks("PATCH", f"oauth2/custom-app-integrations/{app}", {"scopes": ["all-apis"]})
    place.connect("PATCH", f"oauth/integrations/{guid}", {"description": "by hand"})
    place.databricks(
        "PUT",
        f"workspaces/1234567890123456/permissionassignments/principals/{robot}",
        {"permissions": ["ADMIN"]},
    )
    drifted = place.run("drift", SPEC, code=2)
    drifted.says("oauth_apps.app", "scopes", "service_principals.robot", "1234567890123456")
    changes = {change["address"]: change for change in place.plan()["changes"]}
    # a description that the spec leaves out isn't managed
    assert set(changes) == {"oauth_apps.app", "service_principals.robot"}
    assert {change["action"] for change in changes.values()} == {"update"}
    causes = {field["path"]: field["cause"] for change in changes.values() for field in change["fields"]}
    assert causes == {"scopes": "drift", "workspaces.1234567890123456": "drift"}
    place.apply()
    assert set(place.apps()["app"]["scopes"]) == {"all-apis", "offline_access"}
    assert place.assigned() == {robot: ["USER"]}
    place.run("drift", SPEC)


def test_an_edit_of_the_spec_is_no_drift_and_both_at_once_are_both(place):
    want = place.viewers()
    want["connect_integrations"]["viewer"]["description"] = "first"
    place.write(want)
    place.apply()
    want["connect_integrations"]["viewer"]["description"] = "second"
    want["oauth_apps"]["app"]["scopes"] = ["all-apis", "offline_access", "sql"]
    place.write(want)
    assert place.run("drift", SPEC).code == 0
    guid = place.integrations()["Viewer"]["guid"]
    place.connect("PATCH", f"oauth/integrations/{guid}", {"description": "by hand"})
    place.run("drift", SPEC, code=2).says("connect_integrations.viewer", "description")
    causes = {
        (change["address"], field["path"]): (field["cause"], field["before"])
        for change in place.plan()["changes"]
        for field in change["fields"]
    }
    assert causes["oauth_apps.app", "scopes"][0] == "spec"
    assert causes["connect_integrations.viewer", "description"] == ("both", "by hand")


def test_what_was_deleted_by_hand_is_made_again(place):
    want = place.both()
    place.write(want)
    place.apply()
    app = place.apps()["app"]["integration_id"]
    guid = place.integrations()["Viewer"]["guid"]
    robot = place.principals()["robot"]["id"]
    place.databricks("DELETE", f"oauth2/custom-app-integrations/{app}")
    place.run("drift", SPEC, code=2).says("oauth_apps.app")
    (secret,) = place.secrets_of(robot)
    place.databricks("DELETE", f"servicePrincipals/{robot}/credentials/secrets/{secret['id']}")
    # an everyday run trusts its ledger as to secrets, which are a call each
    done = place.apply("--refresh", "full", "--format", "json").json["results"]
    assert {result["address"]: result["action"] for result in done} == {
        "oauth_apps.app": "create",
        "connect_integrations.viewer": "update",
        "service_principals.robot.client_secret": "create",
        "connect_integrations.service": "update",
    }
    assert place.integrations()["Viewer"]["guid"] == guid
    assert {wire["valid"] for wire in place.wiring().values()} == {True}
    assert place.is_settled()


def test_a_mass_disappearance_needs_an_approval(place):
    place.write({"oauth_apps": {name: place.app() for name in ("one", "two", "three")}})
    place.apply()
    for app in place.apps().values():
        place.databricks("DELETE", f"oauth2/custom-app-integrations/{app['integration_id']}")
    with place.untouched():
        place.apply(code=3).says("gone")
    place.approve()
    assert len(place.apps()) == 3


def test_a_new_secret_by_hand_in_connect_is_a_warning_and_never_a_rotation(place):
    place.write(place.both())
    place.apply()
    for row in place.integrations().values():
        config = {"client_id": row["config"]["client_id"], "client_secret": "written-by-hand-0000001"}
        place.connect("PATCH", f"oauth/integrations/{row['guid']}", {"config": config})
    plan = place.plan()
    assert plan["changes"] == []
    assert {finding["code"] for finding in plan["findings"]} == {"secret-unverified"}


def test_a_secret_is_renewed_before_its_end_and_the_old_one_goes(place):
    want = place.both()
    place.write(want)
    place.apply()
    robot = place.principals()["robot"]["id"]
    (old,) = place.secrets_of(robot)
    want["service_principals"]["robot"]["client_secret"] = {"lifetime": "400d", "rotate_before": "399d"}
    place.write(want)
    results = place.apply("--format", "json").json["results"]
    assert {result["address"]: result["action"] for result in results} == {
        "service_principals.robot.client_secret": "rotate",
        "connect_integrations.service": "update",
    }
    (new,) = place.secrets_of(robot)
    assert new["id"] != old["id"]
    assert place.wiring()["Service"]["valid"]


def test_a_credential_is_rotated_on_demand(place):
    place.write(place.both())
    place.apply()
    robot, app, before = place.principals()["robot"]["id"], place.apps()["app"], place.integrations()
    (old,) = place.secrets_of(robot)
    place.run("rotate", "service_principals.robot", SPEC, code=3).says("--yes")
    place.run("rotate", "service_principals.robot", SPEC, "--yes")
    (new,) = place.secrets_of(robot)
    assert new["id"] != old["id"]
    refused = place.run("rotate", "oauth_apps.app", SPEC, "--yes", "--format", "json", code=3)
    digest = re.search(r"sha256:[0-9a-f]{64}", refused.out)[0]
    place.run("rotate", "oauth_apps.app", SPEC, "--approve", digest)
    assert [row["integration_id"] for row in place.apps().values()] != [app["integration_id"]]
    assert {name: row["guid"] for name, row in place.integrations().items()} == {
        name: row["guid"] for name, row in before.items()
    }
    assert {wire["valid"] for wire in place.wiring().values()} == {True}
    assert place.is_settled()


def test_workspaces_are_named_by_host_and_others_are_left_alone(place):
    want = {"service_principals": {"robot": {"workspaces": {"acme-dev.cloud.databricks.com": "ADMIN"}}}}
    place.write(want)
    place.apply()
    robot = place.principals()["robot"]["id"]
    assert place.assigned("1111111111111111") == {robot: ["ADMIN"]}
    place.databricks(
        "PUT",
        f"workspaces/2222222222222222/permissionassignments/principals/{robot}",
        {"permissions": ["USER"]},
    )
    assert place.is_settled()
    want["service_principals"]["robot"]["workspaces"] = {}
    place.write(want)
    place.apply()
    assert (place.assigned("1111111111111111"), place.assigned("2222222222222222")) == ({}, {robot: ["USER"]})
    # half a success: the principal is made, its assignment refused; the next run goes on from there
    place.fault("method=PUT,path=permissionassignments,do=403,request=1")
    want["service_principals"]["robot"]["workspaces"] = {"acme-dev.cloud.databricks.com": "USER"}
    place.write(want)
    place.apply(code=1).says("service_principals.robot")
    place.apply()
    assert place.assigned("1111111111111111") == {robot: ["USER"]}
