"""What real systems answered while they were read, kept to make copies of them; secrets aren't."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from reconciler.secrets import Secret


class Heard:
    """The answers of one system to reads, by their paths."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: list[tuple[str, Any]] = []

    def __call__(self, path: str, query: Mapping[str, Any], body: Any) -> None:
        """Keeps an answer, without the secrets in it."""
        with self._lock:
            self._answers.append((path, _bare(body)))

    def of(self, pattern: str) -> Iterator[tuple[str, Any]]:
        """What stands in the pattern's group (or all that matched), and the answer, for paths that end so."""
        with self._lock:
            answers = list(self._answers)
        for path, body in answers:
            if found := re.search(f"{pattern}$", path):
                yield found[1] if found.groups() else found[0], body

    def objects(self, collection: str, key: str, identity: str) -> dict[str, dict[str, Any]]:
        """The objects of a collection by id, from its lists and from single reads; the fullest of each.

        Args:
            collection: end of the path of its list.
            key: of a list's answer; "" for bare arrays.
            identity: the key that holds an id.
        """
        found: dict[str, dict[str, Any]] = {}
        pages = (body for _, body in self.of(collection))
        rows = [row for page in pages for row in _rows(page, key)]
        rows += [body for _, body in self.of(f"{collection}/[^/]+")]
        for row in rows:
            if isinstance(row, dict) and row.get(identity):
                live_id = str(row[identity])
                found[live_id] = {**found.get(live_id, {}), **row}
        return found


def _rows(page: Any, key: str) -> list[Any]:
    rows = page.get(key) if key and isinstance(page, dict) else page
    return rows if isinstance(rows, list) else []


def _bare(value: Any) -> Any:
    """JSON without what is secret in it."""
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items() if not isinstance(item, Secret)}
    if isinstance(value, (list, tuple)):
        return [_bare(item) for item in value if not isinstance(item, Secret)]
    return value
