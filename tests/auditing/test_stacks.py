"""An audit of stacks: what they manage is theirs, each system is read once, each object judged once."""

from __future__ import annotations

from tests.places import Place

from .estates import clean, load
from .test_policies import SPEC, put


def two_stacks(place: Place) -> None:
    load(place.sandbox, {**clean(), "databricks": {}, "connect": {}})
    folder = place.folder / "specs"
    folder.mkdir()
    put(place, "specs/prod.yaml", SPEC)
    put(
        place, "specs/other.yaml", SPEC.replace("stack: prod", "stack: other").replace("Dashboards", "boards")
    )
    for name in ("prod", "other"):
        text = (folder / f"{name}.yaml").read_text()
        text = text.replace("  robot:", f"  robot-{name}:").replace("  viewer:", f"  viewer-{name}:")
        (folder / f"{name}.yaml").write_text(text)
        place.run("apply", f"specs/{name}.yaml", "--yes", code=0)


def test_what_a_stack_manages_is_no_loose_end_and_stands_on_its_line(place: Place) -> None:
    two_stacks(place)
    report = place.run("audit", "--format", "json", code=0).json
    assert "unmanaged" not in {each["code"] for each in report["findings"]}
    opened = {
        each["objects"][0]["name"]: each for each in report["findings"] if each["code"] == "open-access"
    }
    assert opened["viewer-prod"]["objects"][0]["stack"] == "prod"
    assert opened["viewer-prod"]["at"].startswith("specs/prod.yaml:17:")
    assert opened["viewer-other"]["objects"][0]["stack"] == "other"


def test_two_stacks_of_the_same_systems_are_read_once(place: Place) -> None:
    two_stacks(place)
    place.control("DELETE", "log")
    place.run("audit", code=0)
    asked = [r["path"] for r in place.control("GET", "log")["requests"]]
    assert sum(path.endswith("/v1/oauth/integrations") for path in asked) == 1
    assert sum(path.endswith("/custom-app-integrations") for path in asked) == 1


def test_a_stacks_own_ledger_beside_an_audited_one_counts(place: Place) -> None:
    two_stacks(place)
    report = place.run("audit", "specs/prod.yaml", "--format", "json", code=0).json
    assert "unmanaged" not in {each["code"] for each in report["findings"]}
    stacks = {o["stack"] for f in report["findings"] for o in f["objects"]}
    assert stacks == {"prod", "other"}


def test_a_stacks_own_policy_judges_what_is_live_of_it_and_nothing_else(place: Place) -> None:
    two_stacks(place)
    text = (place.folder / "specs/prod.yaml").read_text()
    put(place, "specs/prod.yaml", text + "policy: {forbid_scopes: [all-apis], require_rotation: true}\n")
    report = place.run("audit", "--format", "json", code=0).json
    judged = {(f["code"], f["objects"][0]["stack"]) for f in report["findings"]}
    assert ("scope-wide", "prod") in judged
    assert ("policy-rotation", "prod") in judged
    assert not {code for code, stack in judged if stack == "other"} & {"scope-wide", "policy-rotation"}
