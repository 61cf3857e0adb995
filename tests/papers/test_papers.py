"""What the papers say is true: the help text, the links, the pins, and nothing of this machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPERS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_the_readme_shows_the_real_help():
    env = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "reconciler", "--help"]
    told = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"<!-- help:begin -->\n```text\n(.*?)```\n<!-- help:end -->", readme, re.S)
    assert shown
    # how argparse heads its lists differs between Python versions
    assert shown[1].split() == told.split()


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_papers_lead_somewhere(paper):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", paper.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (paper.parent / target).exists(), f"{paper.name}: {target}"


def test_pins_are_names_and_versions_only():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+-]+( *; *[^@]+)?", line), line


def test_the_two_commands_stand_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_paper_holds_the_marks_of_a_merge(paper):
    assert not re.search(r"^(<{7}|>{7}) ", paper.read_text(), re.M)
