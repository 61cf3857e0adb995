"""What is handed out: one version, one address, a picture, and a release that stores no credential."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import yaml

import reconciler

ROOT = Path(__file__).parents[2]
PLACEHOLDER = "your-org/reconcile"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def test_the_version_stands_in_one_place_and_has_its_notes() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", reconciler.__version__)
    assert f"## [{reconciler.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert reconciler.__version__ not in re.findall(r'^version = "(.*)"', project, re.M)


def test_the_address_of_the_repository_is_one_placeholder() -> None:
    assert f"REPOSITORY ?= {PLACEHOLDER}" in (ROOT / "Makefile").read_text()
    assert "REPOSITORY" in (ROOT / "CONTRIBUTING.md").read_text()
    for path in tracked():
        if path.suffix in (".md", ".yml", ".yaml", ".toml") and path.is_file():
            found = re.findall(r"github\.com/([\w.-]+/reconcile)\b", path.read_text())
            assert set(found) <= {PLACEHOLDER}, path


def test_the_schemas_and_pipelines_are_in_the_wheel() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name in ("schema", "ci"):
        assert f'{name} = "reconciler/{name}"' in project


def test_a_release_is_published_without_a_stored_credential() -> None:
    workflow = yaml.safe_load(RELEASE.read_text())
    assert "secrets." not in RELEASE.read_text()
    assert workflow["permissions"] == {}
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert "attest-build-provenance" in RELEASE.read_text()


def test_the_actions_of_a_release_are_pinned_by_commit() -> None:
    lines = [line for line in RELEASE.read_text().splitlines() if "uses:" in line]
    assert lines
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)
    assert not [step for step in re.findall(r"run: .*", RELEASE.read_text()) if "${{" in step]


def test_the_image_runs_as_nobody() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    assert re.findall(r"^USER (\S+)", text, re.M) == ["65532:65532"]
    assert text.index("USER") > text.rindex("FROM")


def test_the_picture_of_the_readme_is_a_plan_that_loads_nothing() -> None:
    svg = (ROOT / "docs" / "pictures" / "plan.svg").read_text()
    ET.fromstring(svg)
    assert "docs/pictures/plan.svg" in (ROOT / "README.md").read_text()
    shown = svg.replace("&#160;", " ")
    assert "oauth_apps.demo-posit" in shown
    assert "to create" in shown
    assert "url(http" not in svg
