"""The registry of codes: what each error and finding means, why it is so, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """One code of an error or finding, for people."""

    name: str
    means: str
    why: str
    mend: str


@cache
def codes() -> Mapping[str, Code]:
    """Every code that there is, by its name, sorted."""
    text = Path(__file__).with_name("codes.txt").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return {row[0]: Code(*row) for row in sorted(rows)}
