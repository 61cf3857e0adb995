"""What the sandbox saw: a log of requests without their bodies, and counts."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from reconciler.sandbox.messages import Request

_LONGEST = 50_000


@dataclass(slots=True)
class Entry:
    """One request: when it came, what became of it. Times are seconds since 1970."""

    id: int
    method: str
    path: str
    query: Mapping[str, str]
    template: str
    server: str
    started: float = field(default_factory=time.time)
    finished: float | None = None
    status: int | None = None
    write: int = 0  # which write it was, counted from 1; 0 for a read
    effect: bool | None = None  # whether a write took effect; None: not yet known, or a read
    fault: int | None = None
    held: str = ""  # before or after, while a hang holds it

    def shown(self) -> dict[str, Any]:
        """The entry as JSON."""
        return asdict(self)


class Journal:
    """The log and the counts; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._clear()

    def _clear(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_LONGEST)
        self._by: Counter[str] = Counter()
        self._writes = 0
        self._running = 0
        self._most = 0

    def begin(self, request: Request, template: str, server: str, *, write: bool) -> Entry:
        """Note that a request has come."""
        with self._lock:
            self._next += 1
            entry = Entry(self._next, request.method, request.path, dict(request.query), template, server)
            self._entries.append(entry)
            self._by[f"{request.method} {template}"] += 1
            self._running += 1
            self._most = max(self._most, self._running)
            if write:
                self._writes += 1
                entry.write = self._writes
            return entry

    def end(self, entry: Entry, status: int | None) -> None:
        """Note how a request ended; None says that it got no answer."""
        with self._lock:
            entry.finished = time.time()
            entry.status = status
            self._running = max(0, self._running - 1)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests with an id above `since`, oldest first."""
        with self._lock:
            return [entry.shown() for entry in self._entries if entry.id > since]

    def forget(self) -> None:
        """Empty the log; the counts stay."""
        with self._lock:
            self._entries.clear()

    def stats(self) -> dict[str, Any]:
        """The counts since the start or the last reset."""
        with self._lock:
            return {
                "requests": sum(self._by.values()),
                "writes": self._writes,
                "by": dict(sorted(self._by.items())),
                "running": self._running,
                "max_concurrent": self._most,
            }

    def reset(self) -> None:
        """Set the counts to zero; requests that are running stay counted as running."""
        with self._lock:
            self._by.clear()
            self._writes = 0
            self._most = self._running
