"""Faults: which request goes wrong, when, and how.

A fault is one line of `name=value` pairs, separated by commas (write `\\,` inside a value):

    write=3,when=after,do=reset           the third write takes effect, its answer is lost
    method=GET,path=/apps$,rate=0.3,do=503,retry_after=1
    write=1,do=hang                       hold the next write until its client goes away

Which request (all that are given must hold):
    server=databricks|connect    which of the two APIs
    method=POST                  the HTTP method
    path=REGEX                   found anywhere in the path (without the query)
    write=N                      the Nth write among those, counted from when the fault was added
    request=N                    the Nth request of any sort among those
    times=K                      strike K times, from the Nth on; default 1 with write= or request=,
                                 otherwise without end
    rate=0.3, seed=7             with this probability; the seed (default 0) makes it repeatable

When:
    when=before (default)        instead of the effect
    when=after                   the request takes effect, then its answer suffers

How (`do=`):
    429, 500, 502, 503, …        that status, with retry_after=SECONDS where given; 502 is HTML
    reset                        the connection breaks without an answer
    hang                         hold the request for seconds=N, or until the fault is removed, then go
                                 on as if nothing had been; a client that goes away meanwhile gets no
                                 answer, and with when=before no effect either
    html                         200 with a login page
    redirect                     302 to to=URL (default: the same path)
    cut                          the body breaks off before its Content-Length
    scim500                      500 with REQUEST_LIMIT_EXCEEDED, SCIM's way to say 429
    nocode                       status=N (default 500) with JSON that lacks a code
    stale, with stale=K          lists miss what this write made, or still show what it deleted, for K
                                 reads; stale=K alone means the same
    late, with late=SECONDS      the answer is lost now, the effect comes so much later; late=S alone too
    shuffle                      the list is in another order

A write is a POST, PUT, PATCH or DELETE on an API path; token requests, Connect's verify and
`/_sandbox` aren't. stale and late strike writes only. The first fault that strikes is the one that
happens; all of them count.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

KINDS = frozenset(
    {"reset", "hang", "html", "redirect", "cut", "scim500", "nocode", "stale", "late", "shuffle"}
)
_WRITES_ONLY = frozenset({"stale", "late"})
_POLL = 0.02  # seconds between two looks at whether a client has gone


@dataclass(frozen=True)
class Fault:
    """One parsed line; None where the line says nothing."""

    do: str = ""
    when: str = "before"
    server: str | None = None
    method: str | None = None
    path: str | None = None
    write: int | None = None
    request: int | None = None
    times: int | None = None
    rate: float | None = None
    seed: int = 0
    status: int = 500
    retry_after: int | None = None
    seconds: float | None = None
    stale: int | None = None
    late: float | None = None
    to: str | None = None

    @property
    def most(self) -> int | None:
        """How often it strikes at most; None without end."""
        if self.times is None and (self.write or self.request):
            return 1
        return self.times


_TYPES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("do", "when", "server", "path", "to"), str),
    "method": str.upper,
    **dict.fromkeys(("write", "request", "times", "seed", "status", "retry_after", "stale"), int),
    **dict.fromkeys(("rate", "seconds", "late"), float),
}


def parse(line: str) -> Fault:
    """The fault that a line describes.

    Raises:
        ValueError: it can't be understood; the text says which part.
    """
    values: dict[str, Any] = {}
    for pair in re.split(r"(?<!\\),", line):
        name, equals, text = pair.strip().partition("=")
        if not equals or name not in _TYPES:
            raise ValueError(f"fault {line!r}: {pair!r} isn't one of {', '.join(_TYPES)} with =value")
        try:
            values[name] = _TYPES[name](text.replace(r"\,", ","))
        except ValueError:
            raise ValueError(f"fault {line!r}: {name} takes a number, not {text!r}") from None
    for implied in ("stale", "late"):
        if implied in values:
            values.setdefault("do", implied)
    fault = Fault(**values)
    _check(line, fault)
    return fault


def _check(line: str, fault: Fault) -> None:
    numeric = fault.do.isdecimal() and 400 <= int(fault.do) <= 599
    complaints = {
        f"do= takes a status from 400 to 599, or {', '.join(sorted(KINDS))}": not numeric
        and fault.do not in KINDS,
        "when= takes before or after": fault.when not in ("before", "after"),
        "server= takes databricks or connect": fault.server not in (None, "databricks", "connect"),
        "rate= is from 0 to 1": not 0 <= (1 if fault.rate is None else fault.rate) <= 1,
        "do=stale needs stale=K": fault.do == "stale" and not fault.stale,
        "do=late needs late=SECONDS": fault.do == "late" and not fault.late,
        "numbers are positive": min(fault.write or 1, fault.request or 1, fault.times or 1) < 1
        or 0 in (fault.write, fault.request, fault.times),
    }
    for complaint, holds in complaints.items():
        if holds:
            raise ValueError(f"fault {line!r}: {complaint}")
    try:
        re.compile(fault.path or "")
    except re.error as error:
        raise ValueError(f"fault {line!r}: path= is no regular expression: {error}") from None


class Armed:
    """A fault that lies in wait: what it has seen, how often it struck, how many it holds."""

    def __init__(self, number: int, line: str, fault: Fault) -> None:
        self.id = number
        self.line = line
        self.fault = fault
        self.seen = self.struck = self.hits = self.held = self.pending = 0
        self.removed = False
        self._path = re.compile(fault.path) if fault.path else None
        self._dice = random.Random(fault.seed)  # noqa: S311 - has to be repeatable

    def strikes(self, server: str, method: str, path: str, *, write: bool) -> bool:
        """Count a request, and say whether it is struck."""
        fault = self.fault
        if (
            fault.server not in (None, server)
            or fault.method not in (None, method)
            or (self._path is not None and not self._path.search(path))
            or ((fault.write is not None or fault.do in _WRITES_ONLY) and not write)
        ):
            return False
        self.seen += 1
        if self.seen < (fault.write or fault.request or 1):
            return False
        if fault.rate is not None and self._dice.random() >= fault.rate:
            return False
        return fault.most is None or self.struck < fault.most

    def shown(self) -> dict[str, Any]:
        """The fault as JSON: its line, and the counts."""
        parsed = {name: value for name, value in asdict(self.fault).items() if value is not None}
        counts = {name: getattr(self, name) for name in ("seen", "hits", "held", "pending")}
        return {"id": self.id, "spec": self.line, **counts, "parsed": parsed}


class Faults:
    """All faults that lie in wait; safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._armed: list[Armed] = []
        self._next = 0
        self._closed = False

    def add(self, line: str) -> Armed:
        """Arm a fault.

        Raises:
            ValueError: the line can't be understood.
        """
        fault = parse(line)
        with self._changed:
            self._next += 1
            armed = Armed(self._next, line, fault)
            self._armed.append(armed)
            return armed

    def remove(self, number: int | None = None) -> int:
        """Disarm one fault, or all; whatever they hold goes on. Returns how many there were."""
        with self._changed:
            gone = [a for a in self._armed if number in (None, a.id)]
            self._armed = [a for a in self._armed if a not in gone]
            for armed in gone:
                armed.removed = True
            self._changed.notify_all()
            return len(gone)

    def match(self, server: str, method: str, path: str, *, write: bool) -> Armed | None:
        """The fault that strikes a request, if any."""
        if not self._armed:
            return None
        with self._changed:
            struck = [a for a in self._armed if a.strikes(server, method, path, write=write)]
            if not struck:
                return None
            struck[0].struck += 1
            return struck[0]

    def hold(self, armed: Armed, gone: Callable[[], bool]) -> bool:
        """Hold a request; false if its client went away, or the sandbox was closed."""
        limit = armed.fault.seconds
        until = None if limit is None else time.monotonic() + limit
        with self._changed:
            armed.hits += 1
            armed.held += 1
            try:
                while not (armed.removed or self._closed):
                    # many held requests look less often, so that together they stay cheap
                    poll = _POLL * max(1.0, armed.held / 10)
                    left = poll if until is None else min(poll, until - time.monotonic())
                    if left <= 0:
                        break
                    if gone():
                        return False
                    self._changed.wait(left)
                return not self._closed and not gone()
            finally:
                armed.held -= 1

    def note_hit(self, armed: Armed) -> None:
        """Count a strike; with when=after the effect has taken place by then."""
        with self._changed:
            armed.hits += 1

    def note_pending(self, armed: Armed, difference: int) -> None:
        """Count effects that are still to come."""
        with self._changed:
            armed.pending += difference

    def close(self) -> None:
        """Let go of everything that is held, without effect."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the sandbox is going down."""
        return self._closed

    def shown(self) -> list[dict[str, Any]]:
        """All faults as JSON."""
        with self._changed:
            return [armed.shown() for armed in self._armed]
