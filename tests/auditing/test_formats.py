"""What an audit found in every format: SARIF for code scanning, Markdown for comments, a page for people."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.places import Place

from .estates import ROBOT, clean, integration, load

LEVELS = {"error", "warning", "note", "none"}
HOSTILE = '<img src=x onerror=alert(1)>"\u202e`|*'
SPEC = """\
version: 1
stack: prod
providers:
  databricks: {type: databricks}
  connect: {type: connect}
oauth_apps:
  dashboards:
    scopes: [all-apis]
    lifecycle: {adopt: app-1}
"""


def spoilt(place: Place, name: str = HOSTILE) -> None:
    estate = clean()
    estate["databricks"]["apps"][0]["scopes"] = ["all-apis"]
    estate["databricks"]["apps"][0]["name"] = name
    estate["connect"][""]["integrations"][1]["config"]["client_id"] = "99999999-0000-4000-8000-000000000001"
    load(place.sandbox, estate)
    (place.folder / "specs").mkdir()
    (place.folder / "specs" / "prod spec.yaml").write_text(SPEC)


def sarif(place: Place) -> Any:
    return place.run("audit", "--format", "sarif", "specs", code=2).json


def test_sarif_has_the_structure_of_2_1_0(place: Place) -> None:
    spoilt(place)
    log = sarif(place)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "reconcile"
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(rules) == len(set(rules))
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        assert result["partialFingerprints"]
        (location,) = result["locations"]
        assert location["logicalLocations"][0]["fullyQualifiedName"]
        physical = location["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", physical["artifactLocation"]["uri"])
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}


def test_sarif_points_at_the_line_that_declares_the_object_else_at_its_provider(place: Place) -> None:
    spoilt(place)
    lines = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for result in sarif(place)["runs"][0]["results"]
    }
    assert lines["offline-access"] == 7
    assert lines["dead-client"] == 5


def test_fingerprints_are_the_same_from_run_to_run_and_tell_findings_apart(place: Place) -> None:
    spoilt(place)

    def marks() -> list[str]:
        found = [r["partialFingerprints"]["reconcile/v1"] for r in sarif(place)["runs"][0]["results"]]
        assert len(found) == len(set(found))
        return found

    assert marks() == marks()


def test_sarif_without_a_spec_names_objects_only(place: Place) -> None:
    spoilt(place)
    (place.folder / "specs" / "prod spec.yaml").unlink()
    (place.folder / "specs").rmdir()
    log = place.run("audit", "--format", "sarif", code=2).json
    for result in log["runs"][0]["results"]:
        assert "physicalLocation" not in result["locations"][0]


def test_markdown_shows_each_finding_and_no_markup_of_others(place: Place) -> None:
    spoilt(place)
    said = place.run("audit", "--format", "markdown", "specs", code=2).out
    assert "### Audit" in said
    assert "#### Broken now" in said
    assert "dead-client" in said
    assert said.count("<img") == said.count("``<img") > 0
    assert "\u202e" not in said


class _Page(HTMLParser):
    """Collects what a page is made of, and whether every element is closed."""

    EMPTY = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.links += [str(given["href"])] if "href" in given and tag == "a" else []
        assert not [name for name in given if name.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> _Page:
    found = _Page()
    found.feed(text)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    return found


def test_the_page_is_whole_and_every_box_leads_to_its_finding(place: Place) -> None:
    spoilt(place)
    text = place.run("audit", "--format", "html", "specs", code=2).out
    seen = parsed(text)
    assert "img" not in seen.tags
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    for words in ("Map", "Calendar of expiry and rotation", "Findings", "dead-client", "viewer", "robot"):
        assert words in text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)


def test_a_page_of_many_folds_them_into_groups(place: Place) -> None:
    estate = clean()
    estate["databricks"]["apps"] += [
        {
            **estate["databricks"]["apps"][0],
            "integration_id": f"x{n}",
            "client_id": f"c-{n}",
            "name": f"app-{n}",
        }
        for n in range(300)
    ]
    estate["connect"][""]["integrations"] += [
        integration(
            f"cccccccc-0000-4000-8000-{n:012}",
            f"one-{n}",
            ROBOT,
            auth_type="Service Account",
        )
        for n in range(10, 60)
    ]
    load(place.sandbox, estate)
    text = place.run("audit", "--format", "html", code=0).out
    parsed(text)
    assert '<details class="group"><summary>' in text
    assert "more</summary>" in text


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "sarif"])
def test_no_format_shows_what_a_variable_gave(place: Place, form: str) -> None:
    spoilt(place, "viewer-of-secrets")
    spec = SPEC.replace("scopes: [all-apis]", "scopes: ['${env.HIDDEN}']")
    place.write("specs/prod spec.yaml", spec)
    place.env["HIDDEN"] = "viewer-of-secrets"
    assert "viewer-of-secrets" not in place.run("audit", "--format", form, "specs", code=None).out
