"""What a run sees of the servers that it writes to: one list after the last write there, however many ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from reconciler.kinds import Kind
from reconciler.matching import User, users_in
from reconciler.model import Change, Live, Lives


class FreshLists:
    """Who refers to which client_id, by server; read again only if this run wrote there since.

    Several hundred superseded apps are removed side by side: whoever asks first reads, the others wait.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._writes: Counter[tuple[str, str]] = Counter()
        self._seen: dict[tuple[str, str], tuple[int, Lives]] = {}

    def ended(self, change: Change) -> None:
        """A call for a change has ended, however it did: it may have changed a receiver."""
        with self._lock:
            self._writes[(change.provider, change.address.kind_name)] += 1

    def users(
        self, provider: str, kind: Kind[Any], client_id: str, read: Callable[[], Iterable[Live]]
    ) -> list[User]:
        """The receivers of a provider that refer to a client_id."""
        key = (provider, kind.name)
        with self._lock:
            writes = self._writes[key]
            if key not in self._seen or self._seen[key][0] != writes:
                self._seen[key] = (writes, Lives(read()))
            return users_in(kind, provider, self._seen[key][1], client_id)
