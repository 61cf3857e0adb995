"""What an interrupted run left open outlives its resource, its provider and its kind, and breaks nothing."""

from __future__ import annotations

import json

import pytest

SPEC = "specs/stack.yaml"
RUNNER = {"owner": "o", "host": "h", "boot": "b", "pid": 1, "start": "s"}
COMMANDS = {
    "plan": ("plan", SPEC),
    "drift": ("drift", SPEC),
    "verify": ("verify", SPEC),
    "apply": ("apply", SPEC, "--yes"),
    "ledger show": ("ledger", "show", SPEC),
}


def intent(kind, provider):
    return {
        "id": "i",
        "kind": kind,
        "provider": provider,
        "at": "2026-01-01T00:00:00Z",
        "runner": RUNNER,
        "why": "create",
        "sent": {"name": "gone"},
    }


def leave(place, **pending):
    """Puts open ends into the ledger, as an interrupted run would have left them."""
    document = json.loads(place.ledger.read_text())
    document["pending"].update(pending)
    place.ledger.write_text(json.dumps(document))


def tombstone(place, kind, provider):
    address = f"{kind}.gone"
    given_up = "2999-01-01T00:00:00Z"
    leave(place, given_up=[{"address": address, "given_up": given_up, "intent": intent(kind, provider)}])


def only_app(place):
    """A stack whose integrations have left, and with them all that it wants of Connect."""
    app = place.app(redirect_urls=["https://connect.example.org/__oauth__/integrations/callback"])
    place.write({"oauth_apps": {"app": app}})
    place.apply()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_intent_whose_kind_has_left_the_spec_is_settled(inside, command):
    only_app(inside)
    leave(inside, intents={"connect_integrations.gone": intent("connect_integrations", "connect")})
    inside.run(*COMMANDS[command])
    assert inside.is_settled()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("kind", "provider"),
    [("connect_integrations", "connect"), ("connect_integrations", "left"), ("dashboards", "databricks")],
)
def test_a_tombstone_of_what_has_left_breaks_no_command(inside, command, kind, provider):
    only_app(inside)
    tombstone(inside, kind, provider)
    inside.run(*COMMANDS[command])
    assert inside.is_settled()


def test_an_open_create_goes_with_its_provider_when_it_is_forgotten(inside):
    only_app(inside)
    leave(inside, intents={"connect_integrations.gone": intent("connect_integrations", "left")})
    inside.run("plan", SPEC, code=1).says("connect_integrations.gone", "forget")
    app = inside.app(redirect_urls=["https://connect.example.org/__oauth__/integrations/callback"])
    inside.write({"oauth_apps": {"app": app}}, forget=["connect_integrations.gone"])
    assert inside.actions() == {"connect_integrations.gone": "forget"}
    inside.apply()
    assert "intents" not in json.loads(inside.ledger.read_text())["pending"]
    inside.write({"oauth_apps": {"app": app}})
    assert inside.is_settled()


def test_objects_of_an_unknown_kind_are_named_and_can_be_forgotten(inside):
    only_app(inside)
    document = json.loads(inside.ledger.read_text())
    entry = {"provider": "databricks", "id": "7", "name": "d", "origin": "created"}
    document["resources"]["dashboards.d"] = entry
    inside.ledger.write_text(json.dumps(document))
    with inside.untouched():
        for command in ("plan", "drift", "verify"):
            inside.run(command, SPEC, code=1).says("dashboards.d", "ledger forget dashboards.d")
    inside.run("ledger", "forget", "dashboards.d", SPEC)
    assert inside.is_settled()


def test_a_principal_that_a_list_leaves_out_keeps_its_workspaces(inside):
    inside.write({"service_principals": {"robot": {"workspaces": {"1234567890123456": "USER"}}}})
    inside.apply()
    inside.knobs(list_lag=1000)
    other = inside.databricks("POST", "scim/v2/ServicePrincipals", {"displayName": "late"})
    entry = json.loads(inside.ledger.read_text())
    robot = entry["resources"]["service_principals.robot"]
    robot["id"], robot["name"] = other["id"], "late"
    robot["applied"]["display_name"] = "late"
    inside.databricks(
        "PUT",
        f"workspaces/1234567890123456/permissionassignments/principals/{other['id']}",
        {"permissions": ["USER"]},
    )
    robot["computed"] = {"id": other["id"], "client_id": other["applicationId"]}
    inside.ledger.write_text(json.dumps(entry))
    inside.write(
        {
            "service_principals": {
                "robot": {"display_name": "late", "workspaces": {"1234567890123456": "USER"}}
            }
        }
    )
    inside.run("drift", SPEC)
    assert inside.is_settled()
