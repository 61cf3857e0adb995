"""The sandbox in the place of what is real, and the command line beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import Place, place_in

SPECS = Path(__file__).parents[2] / "specs"


def files(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(SPECS, tmp_path / "specs", ignore=shutil.ignore_patterns(".reconcile"))
    with place_in(tmp_path) as made:
        yield made
