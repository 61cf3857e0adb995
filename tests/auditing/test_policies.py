"""Policies: checked on the line that breaks them, in force for all stacks, weakened by none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.places import Place

from .estates import clean, load

SPEC = """\
version: 1
stack: prod
providers:
  databricks: {type: databricks}
  connect: {type: connect}
oauth_apps:
  Dashboards:
    redirect_urls:
      - ${providers.connect.callback_url}
      - https://else.example/x
    scopes: [offline_access, all-apis]
    lifecycle: {ignore: [scopes, redirect_urls]}
service_principals:
  robot:
    client_secret: {lifetime: 365d}
connect_integrations:
  viewer:
    template: databricks
    config:
      auth_type: Viewer
      auth_mode: Confidential
      workspace_host: dbc-1.cloud.databricks.com
      client_id: ${oauth_apps.Dashboards.client_id}
      client_secret: ${oauth_apps.Dashboards.client_secret}
"""

RULES = {
    "forbid_scopes: [all-apis]": ("policy-scope", "oauth_apps.Dashboards", 11),
    "redirect_hosts: [ok.example]": ("policy-hosts", "oauth_apps.Dashboards", 10),
    "max_lifetime: 90d": ("policy-lifetime", "service_principals.robot.client_secret", 15),
    "require_rotation: true": ("policy-rotation", "service_principals.robot.client_secret", 15),
    "require_access: true": ("policy-access", "connect_integrations.viewer", 17),
    "names: '[a-z]+'": ("policy-name", "oauth_apps.Dashboards", 7),
    "provider_hosts: [no.example]": ("policy-hosts", "providers.connect", 5),
}


def put(place: Place, name: str, text: str) -> str:
    (place.folder / name).write_text(text)
    return name


def judged(place: Place, *args: str, code: int = 1) -> list[dict[str, Any]]:
    found = place.run("validate", "spec.yaml", "--format", "json", *args, code=code).json["findings"]
    return [each for each in found if each["code"].startswith("policy-")]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", ["own", "imported", "file", "bare file", "variable"])
def test_what_breaks_a_rule_is_an_error_on_its_line(place: Place, rule: str, way: str) -> None:
    spec, args = SPEC, []
    if way == "own":
        spec += f"policy:\n  {rule}\n"
    elif way == "imported":
        spec += "imports: [shared.yaml]\n"
        put(place, "shared.yaml", f"policy:\n  {rule}\n")
    else:
        put(place, "rules.yaml", f"{rule}\n" if way == "bare file" else f"policy:\n  {rule}\n")
        if way == "variable":
            place.env["RECONCILE_POLICY"] = "rules.yaml"
        else:
            args = ["--policy", "rules.yaml"]
    put(place, "spec.yaml", spec)
    code, address, line = RULES[rule]
    found = judged(place, *args)
    assert (code, address) in {(each["code"], each["address"]) for each in found}
    told = [each for each in found if each["address"] == address]
    assert told[0]["severity"] == "error"
    assert told[0]["at"].startswith(f"spec.yaml:{line}:")


def test_a_stack_that_keeps_the_rules_is_valid(place: Place) -> None:
    put(place, "spec.yaml", SPEC.replace("365d", "90d, rotate_before: 30d"))
    put(place, "rules.yaml", "policy: {max_lifetime: 90d, require_rotation: true, names: '[A-Za-z]+'}\n")
    assert judged(place, "--policy", "rules.yaml", code=0) == []


def test_no_stack_weakens_a_policy_from_outside(place: Place) -> None:
    put(place, "spec.yaml", SPEC + "policy: {max_lifetime: 730d, redirect_hosts: ['*.example']}\n")
    put(place, "rules.yaml", "policy: {max_lifetime: 90d, redirect_hosts: []}\n")
    found = judged(place, "--policy", "rules.yaml")
    assert {each["code"] for each in found} == {"policy-lifetime", "policy-hosts"}


def test_planning_is_stopped_and_what_time_made_due_is_not(place: Place) -> None:
    load(place.sandbox, {**clean(), "databricks": {}, "connect": {}})
    put(place, "spec.yaml", SPEC)
    put(place, "rules.yaml", "policy: {forbid_scopes: [all-apis]}\n")
    for command in (["plan"], ["apply", "--yes"], ["watch", "--listen", "none"]):
        if command[0] != "watch":
            said = place.run(*command, "spec.yaml", "--policy", "rules.yaml", code=1).err
            assert "error[policy-scope] spec.yaml:11:" in said
    place.run("apply", "--due", "spec.yaml", "--policy", "rules.yaml", code=0)
    assert place.writes() == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("policy: {forbid_scope: [x]}\n", "unknown-key"),
        ("policy: {max_lifetime: ninety}\n", "value"),
        ("policy: {names: '['}\n", "value"),
        ("policy: {names: '${vars.x}'}\n", "reference"),
        ("policy: 1\n", "type"),
        ("policy: {}\nstack: prod\n", "unknown-key"),
        ("", "empty"),
    ],
)
def test_a_policy_that_is_none_stops_everything(place: Place, text: str, code: str) -> None:
    put(place, "spec.yaml", SPEC)
    put(place, "rules.yaml", text)
    answer = place.run("plan", "spec.yaml", "--policy", "rules.yaml", "--format", "json", code=1).json
    assert [each["code"] for each in answer["errors"]] == [code]
    assert answer["errors"][0]["at"].startswith("rules.yaml:")


def test_a_policy_file_that_is_missing_is_never_no_policy(place: Place) -> None:
    put(place, "spec.yaml", SPEC)
    place.run("validate", "spec.yaml", "--policy", "nowhere.yaml", code=1)


def test_an_audit_goes_on_with_a_spec_that_breaks_its_policy(place: Place) -> None:
    load(place.sandbox, clean())
    put(place, "spec.yaml", SPEC + "policy: {forbid_scopes: [all-apis]}\n")
    report = json.loads(place.run("audit", "spec.yaml", "--format", "json", code=0).out)
    # nothing live is the stack's own yet, and its policy judges only that
    assert {each["code"] for each in report["findings"]} == {"unmanaged"}


def test_a_saved_plan_is_held_to_the_rules_of_the_day_it_is_applied(place: Place) -> None:
    load(place.sandbox, {**clean(), "databricks": {}, "connect": {}})
    put(place, "spec.yaml", SPEC)
    put(place, "rules.yaml", "policy: {forbid_scopes: [all-apis]}\n")
    place.run("plan", "spec.yaml", "-o", "plan.json", code=0)
    said = place.run("apply", "plan.json", "--yes", "--policy", "rules.yaml", code=1).err
    assert "error[policy-scope]" in said
    said = place.run("apply", "--yes", "--policy", "rules.yaml", code=1).err
    assert "error[policy-scope]" in said
    assert place.writes() == []


def test_a_saved_plan_keeps_what_its_changes_hang_together_with(place: Place) -> None:
    load(place.sandbox, {**clean(), "databricks": {}, "connect": {}})
    put(place, "spec.yaml", SPEC)
    place.run("apply", "spec.yaml", "--yes", code=0)
    put(
        place,
        "spec.yaml",
        SPEC.replace("    template: databricks", "    description: x\n    template: databricks"),
    )
    place.run("plan", "spec.yaml", "-o", "plan.json", code=0)
    shown = place.run("show", "plan.json", "--format", "html").out
    assert 'data-e="' in shown
    assert "oauth_apps.Dashboards" in shown
    # who isn't concerned stays out
    assert "service_principals.robot" not in shown
    place.run("apply", "plan.json", "--yes", code=0)
