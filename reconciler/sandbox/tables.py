"""A collection of objects in order of creation, whose lists can lag behind and come in pages."""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Iterator
from typing import Any

from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.world import World

Row = dict[str, Any]
# a list read that is still behind, and the ones after it; see Table.listing
_SALTS = random.Random()  # noqa: S311 - an order, not a secret


class Table:
    """Rows by id. A read by id is always true; a list may lag (`World.lag`) or be shuffled."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: dict[str, Row] = {}
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._hidden: dict[str, int] = {}
        self._ghosts: dict[str, Row] = {}
        self._ghost_reads: dict[str, int] = {}
        self._salt = ""

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def get(self, key: str) -> Row | None:
        """The row, if there is one."""
        return self._rows.get(key)

    def need(self, key: str, absent: Refusal) -> Row:
        """The row.

        Raises:
            Refusal: the given one, if there is no such row.
        """
        row = self._rows.get(key)
        if row is None:
            raise absent
        return row

    def add(self, key: str, row: Row) -> None:
        """Put in a new row; lists miss it for as many reads as the world lags."""
        self._next += 1
        self._numbers[key] = self._next
        self._rows[key] = row
        if self._world.lag:
            self._hidden[key] = self._world.lag

    def remove(self, key: str) -> Row | None:
        """Take a row out; lists go on showing it for as many reads as the world lags."""
        row = self._rows.pop(key, None)
        if row is None:
            return None
        was_hidden = self._hidden.pop(key, 0)
        if self._world.lag and not was_hidden:
            self._ghosts[key], self._ghost_reads[key] = row, self._world.lag
        else:
            self._numbers.pop(key, None)
        return row

    def listing(self, *, first: bool = True) -> list[tuple[int, Row]]:
        """What a list shows now, as (position, row), positions ascending.

        `first` says that a new listing starts here; its later pages share its lag and its order.
        """
        if first:
            self._tick()
        if not (self._hidden or self._ghosts or self._world.shuffled):
            numbers = self._numbers
            return [(numbers[key], row) for key, row in self._rows.items()]
        shown = {key: row for key, row in self._rows.items() if key not in self._hidden}
        return sorted(
            ((self._position(key), row) for key, row in {**shown, **self._ghosts}.items()),
            key=lambda entry: entry[0],
        )

    def page(self, size: int, token: str) -> tuple[list[Row], str]:
        """One page and the token of the next one ("" at the end).

        Raises:
            Refusal: 400, the token isn't one of ours.
        """
        after = _opened(token)
        entries = [e for e in self.listing(first=not token) if e[0] > after]
        chosen = entries[:size]
        more = len(entries) > size
        return [row for _, row in chosen], _sealed(chosen[-1][0]) if more else ""

    def dump(self) -> list[Row]:
        """All rows in order, for the state file."""
        return list(self._rows.values())

    def load(self, rows: list[Row], key: str) -> None:
        """Take over rows from a state file; `key` names the field that holds the id."""
        for row in rows:
            self._next += 1
            self._numbers[row[key]] = self._next
            self._rows[row[key]] = row

    def _position(self, key: str) -> int:
        number = self._numbers[key]
        if not self._world.shuffled:
            return number
        # the number in the low bits keeps two keys of the same checksum apart
        return (zlib.crc32(f"{self._salt}{key}".encode()) << 32) | number

    def _tick(self) -> None:
        self._salt = str(_SALTS.random()) if self._world.shuffled else ""
        for counters in (self._hidden, self._ghost_reads):
            for key, left in list(counters.items()):
                if left:
                    counters[key] = left - 1
                    continue
                del counters[key]
                if counters is self._ghost_reads:
                    del self._ghosts[key], self._numbers[key]


def public(row: Row) -> Row:
    """A row without what the sandbox keeps to itself."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _sealed(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def _opened(token: str) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        if text.startswith("p"):
            return int(text[1:])
    except ValueError:
        pass
    raise Refusal(400, "INVALID_PARAMETER_VALUE", "page_token is not valid.")
