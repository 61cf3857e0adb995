"""What can be looked up: every code that the tool can say, every key of a spec, every command."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import explaining
from reconciler.cli.command_line import command_names
from reconciler.cli.main import main
from reconciler.providers import KINDS
from reconciler.specs import schemas_of

SCHEMAS = schemas_of(KINDS)

ROOT = Path(__file__).parents[2]
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# which argument of a call is a code, besides `code=`
POSITION = {
    "Problem": 1,
    "Refusal": 0,
    "error": 0,
    "_error": 0,
    "warning": 0,
    "info": 0,
    "absent": 0,
    "complain": 0,
    "_problem": 0,
    "_trouble": 1,
    "_warning": 0,
}


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEBAB.fullmatch(node.value):
        yield node.value
    for part in ("body", "orelse", "values"):
        inner = getattr(node, part, ())
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, ast.AST):
                yield from texts(each)


def said(tree: ast.AST) -> Iterator[str]:
    """The codes in a module: what stands in the place of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = POSITION.get(name)
            for given in node.args[place : place + 1] if place is not None else ():
                yield from texts(given)
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield from texts(keyword.value)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            yield from texts(node.value)


def test_every_code_that_the_tool_can_say_can_be_looked_up() -> None:
    found = {
        code: path.name
        for path in sorted((ROOT / "reconciler").rglob("*.py"))
        if "sandbox" not in path.parts
        for code in said(ast.parse(path.read_text()))
    }
    assert len(found) > 100
    missing = {code: file for code, file in found.items() if code not in explaining.codes()}
    assert missing == {}, "add a line to reconciler/explaining/codes.txt, then run scripts/reference.py"


def test_every_entry_says_what_it_means_why_and_how_to_mend_it() -> None:
    for code in explaining.codes().values():
        assert KEBAB.fullmatch(code.name)
        for words in (code.means, code.why, code.mend):
            assert words.strip() == words
            assert words.endswith(".")


@pytest.mark.parametrize("kind", SCHEMAS.sections)
def test_every_key_of_a_kind_is_described(kind: str) -> None:
    rows = explaining.attributes(kind)
    assert {row.path.split(".")[1] for row in rows} >= set(SCHEMAS.expanded(kind)["properties"])
    assert [row.path for row in rows if not row.means or not row.type] == []


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("redirect-missing", "Mend: Add ${providers.NAME.callback_url}"),
        ("oauth_apps", "redirect_urls: list"),
        ("oauth_apps.scopes", "Required: yes"),
        ("service_principals.client_secret.lifetime", "730d"),
        ("connect_integrations.config", "Type:     mapping"),
        ("guard.max_delete_percent", "Default:  30"),
        ("plan", "usage: reconcile plan"),
        ("ledger", "ledger"),
    ],
)
def test_explain_tells_codes_keys_and_commands(
    topic: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", topic]) == 0
    assert words in capsys.readouterr().out


def test_a_misspelt_topic_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "redirect-mising"]) == 1
    assert "did you mean redirect-missing?" in capsys.readouterr().err
    assert main(["explain", "oauth_apps.scope"]) == 1
    assert "did you mean oauth_apps.scopes?" in capsys.readouterr().err


def test_everything_there_is_has_an_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = capsys.readouterr().out.split()
    for name in [*explaining.codes(), *explaining.kinds(), *command_names()]:
        assert name in listed


def test_examples_are_values() -> None:
    for kind in explaining.kinds():
        for row in explaining.attributes(kind):
            assert not row.example or json.loads(row.example) is not None


def test_the_reference_pages_are_current() -> None:
    place = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    for name, text in module.pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == text, "run scripts/reference.py"


def test_every_key_of_a_spec_is_described_with_its_type_and_an_example_where_it_isnt_obvious() -> None:
    rows = [row for kind in explaining.kinds() for row in explaining.attributes(kind)]
    assert len(rows) > 100
    assert [row.path for row in rows if not row.means or row.type in ("", "any")] == []
    obvious = ("boolean", "mapping")
    lacking = [row for row in rows if not row.example and row.type not in obvious]
    # of a choice the type lists all there is
    assert [row.path for row in lacking if ", " not in row.type or " " in row.type.replace(", ", "")] == []
