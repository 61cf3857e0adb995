"""What a run sees of the servers that it writes to: one list after the last write there, however many ask."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from reconciler.kinds import Kind
from reconciler.matching import User, users_in
from reconciler.model import Action, Change, Live, Lives

AGE = 15.0  # seconds for which a list counts as just made


@dataclass(frozen=True)
class _Listed:
    """A list, with what the run had written there when it began."""

    lives: Lives
    written: int
    removed: int
    began: float


class FreshLists:
    """Who refers to which client_id, by server; read again only if this run wrote there since.

    Several hundred superseded apps are removed side by side, in one stack or in many: whoever asks first
    reads, the others wait. One value for all stacks of a run: another stack may have switched a receiver.

    Args:
        several: whether stacks share what was listed before they began, so that it isn't from just now.
    """

    def __init__(self, *, several: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.several = several
        self._clock = clock
        self._lock = Lock()
        self._turns: dict[Hashable, Lock] = {}
        self._written: Counter[Hashable] = Counter()
        self._removed: Counter[Hashable] = Counter()
        self._seen: dict[Hashable, _Listed] = {}

    def ended(self, api: Any, change: Change) -> None:
        """A call for a change has ended, however it did: it may have changed a receiver."""
        with self._lock:
            counter = self._removed if change.action is Action.DELETE else self._written
            counter[_key(api, change.address.kind_name)] += 1

    def users(
        self, api: Any, kind: Kind[Any], client_id: str, read: Callable[[], Iterable[Live]]
    ) -> list[User]:
        """The receivers of a server that refer to a client_id."""
        key = _key(api, kind.name)
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
        with turn:
            listed = self._seen.get(key)
            if listed is not None and self._is_good(key, listed):
                users = users_in(kind, api.provider, listed.lives, client_id)
                # one that is gone since holds nothing up
                if not users or listed.removed == self._removed[key]:
                    return users
            with self._lock:
                began = (self._written[key], self._removed[key], self._clock())
            listed = self._seen[key] = _Listed(Lives(read()), *began)
            return users_in(kind, api.provider, listed.lives, client_id)

    def _is_good(self, key: Hashable, listed: _Listed) -> bool:
        """Whether nothing can refer to more than it shows, as far as this run knows."""
        return listed.written == self._written[key] and self._clock() - listed.began <= AGE


def _key(api: Any, kind_name: str) -> Hashable:
    return (api.http.system, kind_name)
