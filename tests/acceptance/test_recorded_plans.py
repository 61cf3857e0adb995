"""Plans that were recorded or saved: applied exactly as they were shown, or refused as stale (exit 4)."""

from __future__ import annotations

import json

SPEC = "specs/stack.yaml"


def test_a_bare_apply_carries_out_what_the_last_plan_showed(place):
    place.run("apply", code=1).says("reconcile plan")
    place.write(place.both())
    place.run("plan", SPEC)
    place.run("apply", code=3).says("--yes")
    place.run("apply", "--yes")
    assert {wire["valid"] for wire in place.wiring().values()} == {True}


def test_a_recorded_plan_is_stale_once_its_spec_has_changed(place):
    want = place.viewers()
    place.write(want)
    place.run("plan", SPEC)
    want["connect_integrations"]["viewer"]["description"] = "new"
    place.write(want)
    with place.untouched():
        place.run("apply", "--yes", code=4).says(SPEC, "reconcile plan")


def test_a_saved_plan_is_complete_and_works_once(place):
    place.write(place.both())
    place.run("plan", SPEC, "-o", "the.plan.json")
    saved = json.loads((place.folder / "the.plan.json").read_text())
    assert saved["format"] == "reconcile.plan/1"
    (place.folder / SPEC).unlink()  # the spec isn't read again
    shown = place.run("apply", "the.plan.json", "--yes", "--format", "json")
    assert {result["status"] for result in shown.json["results"]} == {"done"}
    with place.untouched():
        place.run("apply", "the.plan.json", "--yes", code=4).says("stale")


def test_a_saved_plan_is_stale_when_what_it_touches_has_moved(place):
    want = place.both()
    place.write(want)
    place.apply()
    want["oauth_apps"]["app"]["scopes"] = ["all-apis", "offline_access", "sql"]
    place.write(want)
    place.run("plan", SPEC, "-o", "the.plan.json")
    # what it doesn't touch may move
    service = place.integrations()["Service"]["guid"]
    place.connect("PATCH", f"oauth/integrations/{service}", {"description": "by hand"})
    place.new_app(name="theirs")
    app = place.apps()["app"]["integration_id"]
    place.databricks("PATCH", f"oauth2/custom-app-integrations/{app}", {"scopes": ["sql"]})
    with place.untouched():
        place.run("apply", "the.plan.json", "--yes", code=4).says("oauth_apps.app")
    place.databricks(
        "PATCH", f"oauth2/custom-app-integrations/{app}", {"scopes": ["all-apis", "offline_access"]}
    )
    place.run("apply", "the.plan.json", "--yes")
    assert set(place.apps()["app"]["scopes"]) == {"all-apis", "offline_access", "sql"}


def test_a_saved_plan_is_stale_without_the_ledger_that_it_was_made_with(place):
    want = place.viewers()
    place.write(want)
    place.apply()
    want["connect_integrations"]["viewer"]["description"] = "new"
    place.write(want)
    place.run("plan", SPEC, "-o", "the.plan.json")
    place.ledger.unlink()
    (place.ledger.parent / "stack.json.backup").unlink()
    with place.untouched():
        place.run("apply", "the.plan.json", "--yes", code=4).says("ledger")


def test_a_saved_plan_that_was_tampered_with_is_an_error(place):
    place.write(place.viewers())
    place.run("plan", SPEC, "-o", "the.plan.json")
    path = place.folder / "the.plan.json"
    text = path.read_text()
    for tampered in (text.replace("all-apis", "sql"), text[:-20], "[]"):
        path.write_text(tampered)
        with place.untouched():
            place.run("apply", "the.plan.json", "--yes", code=1).says("the.plan.json")


def test_a_plan_holds_places_of_secrets_and_takes_their_values_anew(place):
    want = place.viewers()
    want["connect_integrations"]["viewer"]["config"]["client_id"] = "known"
    want["connect_integrations"]["viewer"]["config"]["client_secret"] = "${env.THE_SECRET}"
    del want["oauth_apps"]
    place.write(want)
    # a plan doesn't need it
    without = place.run("plan", SPEC, "--format", "json").json
    assert [finding["severity"] for finding in without["findings"]] == ["warning"]
    with place.untouched():
        place.apply(code=1).says("THE_SECRET")
    env = {"THE_SECRET": "one-value-of-a-secret"}
    assert place.run("plan", SPEC, "-o", "the.plan.json", env=env)
    other = {"THE_SECRET": "other-value-of-a-secret"}
    with place.untouched():
        place.run("apply", "the.plan.json", "--yes", env=other, code=4)
    place.run("apply", "the.plan.json", "--yes", env=env)
    assert set(place.integrations()) == {"Viewer"}
    assert place.run("plan", SPEC, "--format", "json", env=env).json["changes"] == []
    (change,) = place.run("plan", SPEC, "--format", "json", env=other).json["changes"]
    assert [(f["path"], f["before"], f["after"]) for f in change["fields"]] == [
        ("config.client_secret", "(sensitive)", "(sensitive)")
    ]


def test_the_same_plan_has_the_same_digest_and_another_plan_another(place):
    place.write(place.viewers())
    first, second = place.plan(), place.plan()
    assert first["digest"] == second["digest"]
    place.new_app(name="app", redirect_urls=[f"{place.url}/__oauth__/integrations/callback"])
    # its secret is needed, and nobody has it: blocked, which is another plan
    assert place.plan(code=1)["digest"] != first["digest"]


def test_one_changed_spec_of_several_is_refused_alone(inside):
    for name in ("one", "two"):
        inside.write({"oauth_apps": {name: inside.app()}}, f"specs/{name}.yaml", stack=name)
    inside.run("plan", "specs/")
    inside.write({"oauth_apps": {"one": inside.app(scopes=["sql"])}}, "specs/one.yaml", stack="one")
    ended = inside.run("apply", "--yes", "--format", "json", code=4)
    stale = [document for document in ended.documents if document["format"] == "reconcile.error/1"]
    assert [document["stack"] for document in stale] == ["one"]
    assert set(inside.apps()) == {"two"}


def test_one_recorded_plan_that_cannot_be_used_is_refused_alone(inside):
    for name in ("one", "two", "three"):
        app = inside.app(scopes=["${env.SCOPE}"]) if name == "one" else inside.app()
        inside.write({"oauth_apps": {name: app}}, f"specs/{name}.yaml", stack=name)
    inside.run("plan", "specs/", env={"SCOPE": "sql"})
    gone = next((inside.folder / "specs").rglob("*three*plan*"))
    gone.unlink()
    ended = inside.run("apply", "--yes", "--format", "json", code=1, env={"SCOPE": "all-apis"})
    failed = [document for document in ended.documents if document["format"] == "reconcile.error/1"]
    assert {document["stack"]: document["errors"][0]["code"] for document in failed} == {
        "one": "stale",
        "three": "plan-file",
    }
    assert set(inside.apps()) == {"two"}


def test_an_error_names_the_stack_that_it_stopped(inside):
    inside.write(inside.viewers())
    inside.run("plan", SPEC)
    error = inside.run("apply", SPEC, "--format", "json", code=3).json
    assert (error["format"], error["stack"]) == ("reconcile.error/1", "stack")
