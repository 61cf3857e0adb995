"""What is asked of a kind is asked of the kind: its name decides nothing elsewhere."""

import ast
from pathlib import Path

import pytest

from reconciler.providers import KINDS

ROOT = Path(__file__).parents[2] / "reconciler"
ROOMS = [
    *("specs", "rendering", "cli", "verifying", "model", "explaining", "observing"),
    *("matching", "planning", "applying", "ledger", "surveying.py"),
]
# what two kinds have to say to each other; a first spec
SPARED = {
    "specs/checks.py",
    "cli/first_files.py",
}


def deciding(path: Path) -> list[str]:
    """The texts of a module that are a kind's name, and no docstring."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and node.value in set(KINDS)]


@pytest.mark.parametrize("room", ROOMS)
def test_no_kind_is_known_by_its_name(room):
    for path in [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")):
        if str(path.relative_to(ROOT)) not in SPARED:
            assert deciding(path) == [], f"{path.relative_to(ROOT)}: ask the kind"


def test_the_test_sees_a_name_where_one_decides():
    assert deciding(ROOT / "specs" / "checks.py")
