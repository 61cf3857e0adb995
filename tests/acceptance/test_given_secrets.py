"""`adopt: {id, client_secret}`: the secret of what somebody else made, told when it is needed."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.observing import FEW


def _robot(inside: Any) -> tuple[str, str]:
    made = inside.databricks("POST", "scim/v2/ServicePrincipals", {"displayName": "robot", "active": True})
    secret = inside.databricks("POST", f"servicePrincipals/{made['id']}/credentials/secrets", {})["secret"]
    return made["id"], secret


def _app(inside: Any) -> tuple[str, str]:
    redirect = f"{inside.env['CONNECT_SERVER']}/__oauth__/integrations/callback"
    made = inside.new_app(name="app", redirect_urls=[redirect])
    return made["integration_id"], made["client_secret"]


@pytest.fixture(params=["oauth_apps.app", "service_principals.robot"])
def given(request: Any, inside: Any) -> tuple[Any, str, str]:
    """A place whose spec wants an integration with the secret of what was made by hand."""
    is_app = request.param.startswith("oauth_apps")
    live_id, secret = (_app if is_app else _robot)(inside)
    lifecycle = {"adopt": {"id": live_id, "client_secret": "${env.THEIR_SECRET}"}}
    kind, key = request.param.split(".")
    made = (inside.app if is_app else inside.robot)(lifecycle=lifecycle)
    integration = inside.integration(request.param, "theirs")
    inside.write({kind: {key: made}, "connect_integrations": {"theirs": integration}})
    return inside, secret, request.param


def test_an_unset_secret_is_said_before_anything_is_changed(given: Any) -> None:
    place, _, _ = given
    assert place.actions()["connect_integrations.theirs"] == "create"
    with place.untouched():
        place.apply(code=1).says("THEIR_SECRET", "isn't set")


def test_a_given_secret_is_what_the_integration_gets(given: Any) -> None:
    place, secret, source = given
    place.run("apply", "specs/stack.yaml", "--yes", env={"THEIR_SECRET": secret})
    assert place.wiring()["theirs"]["valid"]
    assert place.is_settled()
    owner = f"{source}.client_secret" if source.startswith("service") else source
    assert place.remembered()[owner]["origin"] == "adopted"
    before = place.writes()
    place.apply()  # needs nothing more, and so no variable
    assert place.writes() == before


def test_an_adopted_principal_is_recorded_with_its_workspaces(inside: Any) -> None:
    live_id, _ = _robot(inside)
    there = f"workspaces/1234567890123456/permissionassignments/principals/{live_id}"
    inside.databricks("PUT", there, {"permissions": ["USER"]})
    wanted = {"workspaces": {"1234567890123456": "USER"}, "lifecycle": {"adopt": live_id}}
    inside.write({"service_principals": {"robot": wanted}})
    inside.apply()
    assert inside.is_settled()
    inside.databricks("DELETE", there)
    drifted = inside.run("drift", "specs/stack.yaml", "--format", "json", code=2).json
    assert "workspaces.1234567890123456" in str(drifted)
    causes = {f["path"]: f["cause"] for c in inside.plan()["changes"] for f in c["fields"]}
    assert causes == {"workspaces.1234567890123456": "drift"}


def test_a_principal_deactivated_by_hand_is_named_by_plan_and_drift(inside: Any) -> None:
    inside.write({"service_principals": {"robot": {}}})
    inside.apply()
    live_id = inside.principals()["robot"]["id"]
    operation = {"op": "replace", "path": "active", "value": False}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    inside.databricks("PATCH", f"scim/v2/ServicePrincipals/{live_id}", body)
    planned = inside.run("plan", "specs/stack.yaml")
    planned.says("is deactivated", "No changes. Not all of it was looked at, or works")
    inside.run("drift", "specs/stack.yaml").says("is deactivated")


def test_a_plan_says_that_it_took_secrets_on_trust(inside: Any) -> None:
    robots = {f"robot-{number}": inside.robot() for number in range(FEW + 1)}
    inside.write({"service_principals": robots})
    inside.apply()
    match = "No changes. The live systems match the spec"
    assert match in inside.run("plan", "specs/stack.yaml", "--refresh", "full").text
    trusting = inside.run("plan", "specs/stack.yaml", "--refresh", "everyday")
    assert match not in trusting.text
    trusting.says(f"{FEW + 1} secrets weren't looked at", "--refresh full", "Not all of it was looked at")
