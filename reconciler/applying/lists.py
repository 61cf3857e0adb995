"""What a run sees of the servers that it writes to: one list after the last write there, however many ask."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from reconciler.model import Change, Live
from reconciler.planning import INTEGRATIONS, User, users_in


class Lists:
    """Who refers to which client_id, by server; read again only if this run wrote there since.

    Several hundred superseded apps are removed side by side: whoever asks first reads, the others wait.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._writes: Counter[str] = Counter()
        self._seen: dict[str, tuple[int, Mapping[str, list[User]]]] = {}

    def ended(self, change: Change) -> None:
        """A call for a change has ended, however it did: it may have changed an integration."""
        if change.address.kind == INTEGRATIONS:
            with self._lock:
                self._writes[change.provider] += 1

    def users(self, server: str, read: Callable[[], Iterable[Live]]) -> Mapping[str, list[User]]:
        """client_id → the integrations of a server that refer to it."""
        with self._lock:
            writes = self._writes[server]
            if server not in self._seen or self._seen[server][0] != writes:
                found: dict[str, list[User]] = defaultdict(list)
                for client_id, user in users_in(server, read()):
                    found[client_id].append(user)
                self._seen[server] = (writes, found)
            return self._seen[server][1]
