"""Every command that the guides show is run, in their order; their links lead somewhere."""

from __future__ import annotations

import io
import os
import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml

from reconciler import sandbox as box
from reconciler.cli.main import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [DOCS / "index.md", DOCS / "troubleshooting.md", *sorted((DOCS / "guides").glob("*.md"))]


def commands(page: Path) -> list[list[str]]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.S | re.M)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [shlex.split(line, comments=True) for line in lines]


def files_of(page: Path) -> dict[str, str]:
    """What a page shows as a file: blocks with a title."""
    blocks = re.findall(r'^ *```\w+ title="([^"]+)"\n(.*?)^ *```', page.read_text(), re.S | re.M)
    return {name: textwrap.dedent(text) for name, text in blocks}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_of_a_guide_works(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = commands(page)
    assert shown
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    with box.SandboxServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        by_hand = {"name": "made by hand", "confidential": True, "scopes": ["all-apis", "offline_access"]}
        box.load(server.sandbox, box.Estate(box.AccountEstate(apps=[by_hand])))
        if page.name != "index.md":
            assert main(["init", "--sandbox"]) == 0
        for name, text in files_of(page).items():
            (tmp_path / name).write_text(text)
        for words in shown:
            assert words[0] == "reconcile"
            code = main(words[1:])
            assert code == 0, f"{shlex.join(words)}\n{capsys.readouterr()}"


def test_every_page_of_the_site_is_there_and_every_guide_is_in_it() -> None:
    def files(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        rows = node.values() if isinstance(node, dict) else node
        return [file for row in rows for file in files(row)]  # type: ignore[attr-defined]

    listed = files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert [file for file in listed if not (DOCS / file).is_file()] == []
    assert {f"guides/{path.name}" for path in (DOCS / "guides").iterdir()} <= set(listed)


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_links_to_a_heading_find_it(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*\.md)?#([^)\s]+)\)", page.read_text()):
        there = page.parent / target if target else page
        assert heading in anchors(there), f"{target}#{heading}"
