"""What programs read: the JSON documents, key by key."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

SPEC = "specs/stack.yaml"
COUNTS = ["create", "adopt", "update", "replace", "rotate", "delete", "forget", "blocked", "no_op"]


def test_a_plan_as_json(place):
    place.write(place.both())
    plan = place.plan()
    assert list(plan) == [
        "format",
        "tool_version",
        "stack",
        "created",
        "spec_digest",
        "ledger",
        "digest",
        "needs_approval",
        "summary",
        "changes",
        "findings",
    ]
    assert (plan["format"], plan["stack"], plan["needs_approval"]) == ("reconcile.plan/1", "stack", False)
    assert list(plan["ledger"]) == ["lineage", "serial"]
    assert list(plan["summary"]) == COUNTS
    assert plan["summary"] == {**dict.fromkeys(COUNTS, 0), "create": 5}
    for name in ("digest", "spec_digest"):
        assert plan[name].startswith("sha256:")
    assert plan["created"].endswith("Z")
    changes = {change["address"]: change for change in plan["changes"]}
    viewer = changes["connect_integrations.viewer"]
    assert list(viewer) == [
        "address",
        "action",
        "provider",
        "id",
        "name",
        "depends_on",
        "reason",
        "live_digest",
        "fields",
    ]
    assert (viewer["action"], viewer["provider"], viewer["id"], viewer["name"]) == (
        "create",
        "connect",
        None,
        "Viewer",
    )
    assert viewer["depends_on"] == ["oauth_apps.app"]
    assert changes["connect_integrations.service"]["depends_on"] == [
        "service_principals.robot",
        "service_principals.robot.client_secret",
    ]
    fields = {field["path"]: field for field in viewer["fields"]}
    assert list(fields["name"]) == ["path", "before", "after", "cause"]
    assert fields["name"] == {"path": "name", "before": None, "after": "Viewer", "cause": "spec"}
    assert fields["config.client_id"]["after"] == "(known after apply)"
    assert fields["config.client_secret"]["after"] == "(sensitive)"
    assert fields["config.client_secret"]["before"] is None
    assert all(change["reason"] and change["fields"] for change in plan["changes"])


def test_a_result_as_json(place):
    place.write(place.viewers())
    result = place.run("apply", SPEC, "--yes", "--format", "json").json
    assert list(result) == ["format", "stack", "summary", "results"]
    assert (result["format"], result["stack"]) == ("reconcile.result/1", "stack")
    assert list(result["summary"]) == [*COUNTS, "failed", "skipped"]
    assert result["summary"]["create"] == 2
    for one in result["results"]:
        assert list(one) == ["address", "action", "status", "id", "error", "seconds"]
        assert (one["action"], one["status"], one["error"]) == ("create", "done", None)
        assert one["id"]
        assert one["seconds"] >= 0
    ids = {one["address"]: one["id"] for one in result["results"]}
    assert ids["oauth_apps.app"] == place.apps()["app"]["integration_id"]
    assert ids["connect_integrations.viewer"] == place.integrations()["Viewer"]["guid"]
    # nothing to do is a result, too; unchanged resources are listed on request
    again = place.run("apply", SPEC, "--yes", "--format", "json").json
    assert (again["results"], again["summary"]["no_op"]) == ([], 2)
    assert place.plan()["changes"] == []
    unchanged = place.plan("-v")["changes"]
    assert [(change["address"], change["action"]) for change in unchanged] == [
        ("oauth_apps.app", "no_op"),
        ("connect_integrations.viewer", "no_op"),
    ]


def test_findings_and_errors_as_json(place):
    want = place.viewers()
    want["oauth_apps"]["app"]["scopes"] = ["all-apis"]
    place.write(want)
    valid = place.run("validate", SPEC, "--format", "json").json
    assert list(valid) == ["format", "findings"]
    assert valid["format"] == "reconcile.validation/1"
    (finding,) = valid["findings"]
    assert list(finding) == ["severity", "code", "address", "message", "at"]
    assert (finding["severity"], finding["code"]) == ("warning", "offline-access")
    file, line, column = finding["at"].split(":")
    assert (file, int(line) > 1, int(column) > 1) == (SPEC, True, True)
    planned = next(found for found in place.plan()["findings"] if found["code"] == finding["code"])
    assert list(planned) == ["severity", "code", "message", "at"]
    assert (planned["code"], planned["at"]) == (finding["code"], finding["at"])
    del want["oauth_apps"]["app"]["scopes"]
    place.write(want)
    error = place.run("plan", SPEC, "--format", "json", code=1).json
    assert list(error) == ["format", "stack", "errors"]
    assert error["format"] == "reconcile.error/1"
    assert all(list(one) == ["code", "message", "address", "at"] for one in error["errors"])
    assert place.run("plan", "nowhere.yaml", "--format", "json", code=1).json["format"] == "reconcile.error/1"


def test_several_stacks_make_a_line_each_and_a_folder_of_plans(place):
    place.write({"oauth_apps": {"a": place.app()}}, "specs/a.yaml", stack="a")
    place.write({"oauth_apps": {"b": place.app()}}, "specs/b.yaml", stack="b")
    plans = place.run("plan", "--format", "json", "-o", "plans").documents
    assert [plan["stack"] for plan in plans] == ["a", "b"]
    files = sorted(path for path in (place.folder / "plans").iterdir())
    saved = [json.loads(path.read_text()) for path in files]
    assert [plan["digest"] for plan in saved] == [plan["digest"] for plan in plans]
    results = place.run("apply", "--yes", "--format", "json").documents
    assert [(result["stack"], result["summary"]["create"]) for result in results] == [("a", 1), ("b", 1)]
    # one that fails doesn't stop the other, and the worst exit code counts
    place.write({"oauth_apps": {"a": place.app(name="renamed")}}, "specs/a.yaml", stack="a")
    place.write({"oauth_apps": {"b": place.app(scopes=["sql"])}}, "specs/b.yaml", stack="b")
    documents = place.run("apply", "specs", "--yes", "--format", "json", code=3).documents
    assert [document["format"] for document in documents] == ["reconcile.error/1", "reconcile.result/1"]
    assert place.apps()["b"]["scopes"] == ["sql"]
    # two specs of one stack are a mistake, and an address belongs to one of them
    place.run("ledger", "forget", "oauth_apps.b", code=1).says("specs/a.yaml", "specs/b.yaml")
    place.write({"oauth_apps": {"b": place.app()}}, "specs/b.yaml", stack="a")
    place.run("validate", code=1).says("specs/a.yaml", "specs/b.yaml")


def test_results_go_to_stdout_and_words_to_stderr(place):
    place.write(place.viewers())
    planned = place.run("plan", SPEC, "-o", "the.plan.json")
    assert "oauth_apps.app" in planned.out
    assert "the.plan.json" in planned.err
    assert place.run("plan", SPEC, "-o", "the.plan.json", "--quiet").err == ""
    refused = place.run("apply", SPEC, "--format", "json", code=3)
    assert refused.json["errors"]
    assert "--yes" in refused.err
    verbose = place.apply("-v", "--log-format", "json")
    assert all(json.loads(line) for line in verbose.err.splitlines() if line.startswith("{"))
    assert "POST" in verbose.err
    assert "\x1b[" not in verbose.text


def test_every_format_is_spoken_and_none_shows_a_secret(place):
    place.write(place.both())
    shown = place.run("apply", SPEC, "--yes", "-v", "--format", "markdown")
    assert shown.out.startswith("<!--")
    shown = place.run("plan", SPEC, "-v", "--format", "html").says("oauth_apps.app")
    assert shown.out.lower().startswith("<!doctype html>")
    place.run("ledger", "show", SPEC, "-v").says("oauth_apps.app")
    place.run("ledger", "show", SPEC, "--format", "json").says("oauth_apps.app")
    # `place` looks at all of this for secrets


def test_the_schema_is_one_and_fits_the_examples(place):
    schema = json.loads(place.run("schema").out)
    Draft202012Validator.check_schema(schema)
    place.write(place.both())
    assert not list(Draft202012Validator(schema).iter_errors(json.loads((place.folder / SPEC).read_text())))
    assert list(Draft202012Validator(schema).iter_errors({"version": 1, "stack": "s", "oauth_app": {}}))
