"""A place to export from, and what is promised of every export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.places import Place, place_in


def keeps_the_promise(place: Place, *more: str, file: str = "estate.yaml") -> Any:
    """Exports, and holds what was written against all that is promised of it; answers the plan."""
    said = place.run("export", "-o", file, *more)
    if not (place.folder / file).exists():
        assert "nothing is left" in said.err
        return None
    judged = place.run("validate", file, "--format", "json").json
    assert judged["findings"] == [], (judged["findings"], place.read(file))
    plan = place.run("plan", file, "--format", "json").json
    strange = [change for change in plan["changes"] if change["action"] != "adopt"]
    changed = [c for c in plan["changes"] if [field["path"] for field in c["fields"]] != ["id"]]
    assert not strange, (strange, place.read(file))
    assert not changed, (changed, place.read(file))
    assert not plan["needs_approval"]
    place.run("apply", file, "--yes")
    assert place.writes() == []
    assert place.run("plan", file, "--format", "json").json["changes"] == []
    again = place.run("export", "-o", "again.yaml", *more)
    assert "nothing is left" in again.err, place.read("again.yaml")
    return plan


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_in(tmp_path) as made:
        yield made
