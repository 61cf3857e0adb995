"""What is asked of a kind is asked of the kind: its name decides nothing elsewhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.providers import KINDS

ROOT = Path(__file__).parents[2] / "reconciler"
OUTSIDE = ("providers", "sandbox")
# what two kinds have to say to each other, in a spec and live; a first spec
SPARED = {"specs/checks.py", "auditing/context.py", "cli/first_files.py"}
NAMED = re.compile(rf"(?:^|\$\{{)({'|'.join(sorted({name.partition('.')[0] for name in KINDS}))})(?:\.|$)")
MODULES = {type(kind).__module__ for kind in KINDS.values()}

CODE = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] not in OUTSIDE]


def deciding(tree: ast.AST) -> Iterator[str]:
    """The texts that hold a kind's name, and the imports of one; not words for people."""
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg == "help"):
            told.add(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.search(node.value):
            if node not in told:
                yield node.value
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
            yield from sorted(names & MODULES)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_kind_is_known_by_its_name(path):
    if str(path.relative_to(ROOT)) not in SPARED:
        assert list(deciding(ast.parse(path.read_text("utf-8")))) == [], "ask the kind"


@pytest.mark.parametrize("path", sorted(SPARED))
def test_what_may_name_kinds_does(path):
    assert list(deciding(ast.parse((ROOT / path).read_text("utf-8"))))


@pytest.mark.parametrize(
    "line",
    [
        'if address.kind == "oauth_apps": pass',
        'source = f"connect_integrations.{key}"',
        'secret = "service_principals.client_secret"',
        "from reconciler.providers.databricks.oauth_app import KIND",
        "from reconciler.providers.connect import integration",
    ],
)
def test_the_test_sees_a_name_where_one_decides(line):
    assert list(deciding(ast.parse(line)))


def test_words_for_people_decide_nothing():
    assert not list(deciding(ast.parse('"""Of oauth_apps."""\nadd(help="oauth_apps.KEY")')))
