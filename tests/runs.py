"""How a command of the tests ended, however it was run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Run:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"{self.out}\n{self.err}"

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """The one document that it said."""
        return json.loads(self.out)

    def says(self, *words: str) -> Run:
        for word in words:
            assert word.lower() in self.text.lower(), f"{word!r} isn't said:\n{self.text}"
        return self
