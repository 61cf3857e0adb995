"""`apply --due`: time's own work is done every night, whatever else waits for a person."""

from __future__ import annotations

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
