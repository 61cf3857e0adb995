"""Whose is it: adopting, forgetting, moving, and what belongs to another stack."""

from __future__ import annotations

import json

SPEC = "specs/stack.yaml"


def test_without_its_ledger_a_stack_is_adopted_and_nothing_is_created(place):
    place.write(place.both())
    place.apply()
    for file in place.ledger.parent.iterdir():
        file.unlink()
    assert place.actions() == {
        "oauth_apps.app": "adopt",
        "service_principals.robot": "adopt",
        "service_principals.robot.client_secret": "adopt",
        "connect_integrations.viewer": "adopt",
        "connect_integrations.service": "adopt",
    }
    before = place.writes()
    place.apply()
    assert place.writes() == before
    assert place.is_settled()


def test_an_adoption_by_name_that_changes_the_object_needs_an_approval(place):
    place.new_app(name="app", redirect_urls=["https://old.example.org/callback"])
    place.write({"oauth_apps": {"app": place.app()}})
    plan = place.plan()
    (change,) = plan["changes"]
    assert (change["action"], plan["needs_approval"]) == ("adopt", True)
    assert {field["path"] for field in change["fields"]} == {"id", "redirect_urls"}
    with place.untouched():
        place.apply(code=3)
    place.approve(plan)
    assert len(place.apps()) == 1


def test_the_ledger_says_how_each_object_came(place):
    found, named = (
        place.new_app(name=name, confidential=False)["integration_id"] for name in ("found", "named")
    )
    public = place.app(confidential=False)
    apps = {"made": public, "found": public, "named": {**public, "lifecycle": {"adopt": named}}}
    place.write({"oauth_apps": apps})
    plan = place.plan()
    place.approve(plan)

    def origins():
        return {k.partition(".")[2]: e["origin"] for k, e in place.remembered().items()}

    assert origins() == {"made": "created", "found": "found", "named": "adopted"}
    # naming the id of what was found by its name is what turns it into adopted, and changes nothing
    apps["found"] = {**public, "lifecycle": {"adopt": found}}
    place.write({"oauth_apps": apps})
    before = place.writes()
    place.apply()
    assert (origins()["found"], place.writes()) == ("adopted", before)


def test_two_of_one_name_are_told_apart_by_their_id(place):
    mine, _ = (place.new_app(name="app")["integration_id"] for _ in range(2))
    place.write({"oauth_apps": {"app": place.app(lifecycle={"adopt": mine})}})
    (result,) = place.apply("--format", "json").json["results"]
    assert (result["address"], result["action"], result["id"]) == ("oauth_apps.app", "adopt", mine)
    assert place.remembered()["oauth_apps.app"]["id"] == mine
    # an id that doesn't exist blocks its address
    place.write({"oauth_apps": {"other": place.app(lifecycle={"adopt": "no-such-id"})}}, "specs/other.yaml")
    place.run("plan", "specs/other.yaml", code=1).says("no-such-id")


def test_stacks_do_not_steal_from_each_other(place):
    place.write({"oauth_apps": {"app": place.app()}})
    place.apply()
    place.write({"oauth_apps": {"app": place.app()}}, "specs/thief.yaml", stack="thief")
    with place.untouched():
        place.run("apply", "specs/thief.yaml", "--yes", code=1).says("claimed-elsewhere", "stack")
    # nor may one ledger serve two stacks
    url = place.ledger.as_uri()
    place.write({"oauth_apps": {"app": place.app()}}, stack="other", ledger={"url": url})
    with place.untouched():
        place.apply(code=1).says("'stack'", "'other'")


def test_what_is_forgotten_stays_alive(place):
    place.write(place.both())
    place.apply()
    theirs = place.apps()["app"], place.integrations()["Viewer"]
    left = place.both()
    del left["oauth_apps"]
    del left["connect_integrations"]["viewer"]
    place.write(left, forget=["oauth_apps.app", "connect_integrations.viewer"])
    before = place.writes()
    results = place.apply("--format", "json").json["results"]
    assert {result["address"]: result["action"] for result in results} == {
        "oauth_apps.app": "forget",
        "connect_integrations.viewer": "forget",
    }
    assert place.writes() == before
    assert (place.apps()["app"], place.integrations()["Viewer"]) == theirs
    # by hand as well
    place.run("ledger", "forget", "connect_integrations.service", SPEC)
    assert "connect_integrations.service" not in place.remembered()
    assert place.actions() == {"connect_integrations.service": "adopt"}
    place.run("ledger", "forget", "connect_integrations.nothing", SPEC, code=1).says("nothing")


def test_moving_changes_nothing_remotely(place):
    want = place.both()
    place.write(want)
    place.apply()
    moved = {
        "oauth_apps": {"renamed": want["oauth_apps"]["app"]},
        "service_principals": {"android": want["service_principals"]["robot"]},
        "connect_integrations": {
            "viewer": place.integration("oauth_apps.renamed", "Viewer"),
            "service": place.integration("service_principals.android", "Service"),
        },
    }
    moves = [
        {"from": "oauth_apps.app", "to": "oauth_apps.renamed"},
        {"from": "service_principals.robot", "to": "service_principals.android"},
    ]
    place.write(moved, moved=moves)
    before = place.writes()
    assert place.is_settled()
    place.apply()
    assert {"oauth_apps.renamed", "service_principals.android.client_secret"} <= set(place.remembered())
    # by hand as well
    place.run("ledger", "move", "oauth_apps.renamed", "oauth_apps.app", SPEC)
    place.run("ledger", "move", "service_principals.android", "service_principals.robot", SPEC)
    place.write(want)
    assert place.is_settled()
    assert place.writes() == before
    place.run("ledger", "move", "oauth_apps.nothing", "oauth_apps.x", SPEC, code=1).says("oauth_apps.nothing")


def test_a_spec_may_be_spread_over_files_and_take_variables(place):
    place.write({}, vars={"team": "blue"}, imports=["parts/*.yaml"])
    parts = place.folder / "specs" / "parts"
    parts.mkdir()
    (parts / "apps.yaml").write_text(json.dumps({"oauth_apps": {"app": place.app(name="${vars.team}-app")}}))
    viewer = place.integration("oauth_apps.app", "${vars.team} viewers")
    (parts / "integrations.yaml").write_text(json.dumps({"connect_integrations": {"viewer": viewer}}))
    place.apply()
    assert set(place.apps()) == {"blue-app"}
    place.run("apply", SPEC, "--var", "team=green", "--yes", code=3)  # another name is a replace
    (parts / "again.yaml").write_text(json.dumps({"oauth_apps": {"app": place.app()}}))
    place.run("validate", SPEC, code=1).says("again.yaml", "apps.yaml", "oauth_apps.app")


def test_a_stateless_stack_keeps_nothing_and_deletes_nothing(place):
    want = place.both()
    place.write(want, ledger="none")
    place.apply()
    assert not place.ledger.exists()
    assert place.is_settled()
    assert {wire["valid"] for wire in place.wiring().values()} == {True}
    place.write(place.viewers(), ledger="none")
    assert place.is_settled()
    assert set(place.integrations()) == {"Viewer", "Service"}


def test_only_what_was_aimed_at_is_planned(place):
    place.write(place.both())
    target = ("--target", "connect_integrations.service")
    results = place.apply(*target, "--format", "json").json["results"]
    assert {result["address"] for result in results} == {
        "service_principals.robot",
        "service_principals.robot.client_secret",
        "connect_integrations.service",
    }
    assert set(place.integrations()) == {"Service"}
    assert set(place.actions()) == {"oauth_apps.app", "connect_integrations.viewer"}
    place.run("plan", SPEC, "--target", "oauth_apps.nothing", code=1).says("oauth_apps.nothing")


def test_a_server_that_moved_is_followed_and_nothing_is_made_again(place):
    place.write(place.both())
    place.apply()
    new = place.server.url.replace("127.0.0.1", "localhost")
    env = {"CONNECT_SERVER": new}
    before, made = place.ledger.read_bytes(), place.integrations()
    place.run("plan", SPEC, code=1, env=env).says("ledger-foreign", "move-provider connect")
    # another server, which shows nothing of ours
    other = {"CONNECT_SERVER": f"{new}/east"}
    place.run("ledger", "move-provider", "connect", SPEC, code=1, env=other)
    place.run("ledger", "move-provider", "conect", SPEC, code=1, env=env).says("did you mean connect")
    assert place.ledger.read_bytes() == before
    place.run("ledger", "move-provider", "connect", SPEC, env=env)
    place.run("apply", SPEC, "--yes", env=env)
    assert place.integrations().keys() == made.keys()
    place.run("plan", SPEC, "--detailed-exitcode", env=env)
