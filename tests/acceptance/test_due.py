"""`apply --due`: time's own work is done every night, whatever else waits for a person."""

from __future__ import annotations

import json

SPEC = "specs/stack.yaml"


def test_only_the_rotation_and_its_delivery_are_done(inside):
    want = inside.both()
    inside.write(want)
    inside.apply()
    # the secret that there is ends within a year, so that it is due
    want["service_principals"]["robot"]["client_secret"] = {"lifetime": "730d", "rotate_before": "365d"}
    want["connect_integrations"]["service"]["description"] = "edited"
    want["connect_integrations"]["viewer"]["description"] = "edited, too"
    del want["oauth_apps"]["app"]["scopes"][0]
    inside.write(want)
    robot = inside.principals()["robot"]["id"]
    (before,) = inside.secrets_of(robot)
    ended = inside.run("apply", SPEC, "--due", "--format", "json")
    done = {result["address"]: result["action"] for result in ended.json["results"]}
    assert done == {
        "service_principals.robot.client_secret": "rotate",
        "connect_integrations.service": "update",
    }
    (after,) = inside.secrets_of(robot)
    assert after["id"] != before["id"]
    assert {row["description"] for row in inside.integrations().values()} == {""}
    left = {change["address"]: change for change in inside.plan()["changes"]}
    assert set(left) == {"oauth_apps.app", "connect_integrations.service", "connect_integrations.viewer"}
    assert {field["cause"] for change in left.values() for field in change["fields"]} == {"spec"}


def test_nothing_due_is_nothing_done_whatever_waits(inside):
    want = inside.both()
    inside.write(want)
    inside.apply()
    want["oauth_apps"]["app"]["confidential"] = False  # a replace, which wants an approval
    want["connect_integrations"] = {}
    inside.write({"service_principals": want["service_principals"]})
    before, entries = inside.writes(), inside.remembered()
    inside.run("apply", SPEC, "--due").says("nothing is due")
    assert inside.run("apply", SPEC, "--due", "--format", "json").json["results"] == []
    assert (inside.writes(), inside.remembered()) == (before, entries)


def test_it_plans_by_itself(inside):
    inside.write(inside.both())
    inside.run("plan", SPEC, "-o", "the.plan.json")
    inside.run("apply", "the.plan.json", "--due", code=1)
    inside.run("apply", SPEC, "--due", "--replace", "oauth_apps.app", code=1)
    inside.run("apply", "--due")  # the default folder, not what was recorded
    assert inside.writes() == []


def test_what_is_blocked_elsewhere_is_another_runs_business(inside):
    inside.write(inside.both())
    inside.apply()
    inside.new_app(name="twin")
    inside.new_app(name="twin")
    want = inside.both()
    want["oauth_apps"]["twin"] = inside.app()
    inside.write(want)
    inside.run("apply", SPEC, "--yes", code=1)
    inside.run("apply", SPEC, "--due")


def lost(place, path):
    """An apply that never hears the answer to a create."""
    place.fault(f"method=POST,path={path},request=1,when=after,do=reset")
    place.apply(code=1)
    place.relax()


def open_intents(place):
    return json.loads(place.ledger.read_text())["pending"].get("intents", {})


def test_a_stray_secret_goes_and_no_other_is_issued(inside):
    want = inside.both()
    inside.write(want)
    lost(inside, "credentials/secrets$")
    robot = inside.principals()["robot"]["id"]
    (stray,) = inside.secrets_of(robot)
    want["service_principals"]["robot"]["display_name"] = "edited"
    inside.write(want)
    inside.run("apply", SPEC, "--due")
    assert inside.secrets_of(robot) == []
    assert open_intents(inside) == {}
    assert set(inside.principals()) >= {"robot"}
    before = inside.writes()
    inside.run("apply", SPEC, "--due").says("nothing is due")
    assert inside.writes() == before
    inside.apply()
    assert stray["id"] not in {secret["id"] for secret in inside.secrets_of(robot)}
    assert inside.is_settled()


def test_a_stray_app_goes_and_no_other_is_made(inside):
    inside.write(inside.viewers())
    lost(inside, "custom-app-integrations$")
    assert set(inside.apps()) == {"app"}
    inside.run("apply", SPEC, "--due")
    assert open_intents(inside) == {}
    assert (inside.apps(), inside.integrations()) == ({}, {})
    inside.apply()
    assert inside.is_settled()


def rotating(inside, *names):
    """Robots whose secrets are due, each with its integration."""
    want = {
        "service_principals": {name: inside.robot() for name in names},
        "connect_integrations": {
            name: inside.integration(f"service_principals.{name}", name) for name in names
        },
    }
    inside.write(want)
    inside.apply()
    for robot in want["service_principals"].values():
        robot["client_secret"] = {"lifetime": "730d", "rotate_before": "365d"}
    inside.write(want)


def test_a_due_secret_that_is_blocked_fails_the_run_and_holds_up_no_other(inside):
    rotating(inside, "full", "robot")
    ids = {name: one["id"] for name, one in inside.principals().items()}
    before = inside.secrets_of(ids["robot"])
    for _ in range(4):
        inside.databricks("POST", f"servicePrincipals/{ids['full']}/credentials/secrets", {})
    inside.run("apply", SPEC, "--due", code=1).says("secret-cap")
    assert inside.secrets_of(ids["robot"])[0]["id"] != before[0]["id"]
    assert len(inside.secrets_of(ids["full"])) == 5


def test_a_rotation_whose_delivery_was_refused_is_finished(inside):
    rotating(inside, "robot")
    robot = inside.principals()["robot"]["id"]
    inside.fault("method=PATCH,path=oauth/integrations,do=400")
    inside.run("apply", SPEC, "--due", code=1)
    inside.relax()
    inside.run("apply", SPEC, "--due")
    assert len(inside.secrets_of(robot)) == 1
    assert inside.wiring()["robot"]["valid"]
    assert inside.is_settled()


def test_no_policy_stops_what_is_due(inside):
    rotating(inside, "robot")
    policy = inside.folder / "policy.yaml"
    policy.write_text("max_lifetime: 1d\n")
    inside.run("apply", SPEC, "--yes", "--policy", "policy.yaml", code=1).says("policy")
    robot = inside.principals()["robot"]["id"]
    before = inside.secrets_of(robot)
    inside.run("apply", SPEC, "--due", "--policy", "policy.yaml")
    assert [one["id"] for one in inside.secrets_of(robot)] != [one["id"] for one in before]
