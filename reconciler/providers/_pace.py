"""How long to wait before asking again: Retry-After where it is given, else doubling waits with jitter."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

ATTEMPTS = 5
TOTAL_SECONDS = 120.0
LONGEST_WAIT = 60.0  # seconds; a polite server could otherwise hang a command line for an afternoon
FIRST_WAIT = 0.25
FIRST_THROTTLED_WAIT = 1.0
LONGEST_BACKOFF = 16.0


def retry_after(value: str, date: str) -> float | None:
    """Seconds that a Retry-After header asks for, capped; None if it is absent or unreadable.

    Args:
        value: the header: seconds or an HTTP date.
        date: the answer's Date header, so that two clocks aren't compared; "" for the own clock.
    """
    value = value.strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _http_date(value)
        if until is None:
            return None
        seconds = (until - (_http_date(date) or datetime.now(timezone.utc))).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def rfc3339(date: str) -> str:
    """A Date header as RFC 3339 in UTC; "" if it can't be read."""
    moment = _http_date(date) if date else None
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def backoff(attempt: int, *, throttled: bool) -> float:
    """Seconds to wait after the given attempt, the first being 1, when the server asks for nothing."""
    first = FIRST_THROTTLED_WAIT if throttled else FIRST_WAIT
    longest: float = min(LONGEST_BACKOFF, first * 2 ** (attempt - 1))
    return longest * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing


class Quiet:
    """A pause that all threads of a client keep when one of them was told to slow down."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until = 0.0
        self._lock = threading.Lock()

    def ask(self, seconds: float) -> None:
        """Nobody sends for that long."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def keep(self) -> None:
        """Waits as long as was asked for."""
        seconds = self._until - self._clock()
        if seconds > 0:
            self._sleep(min(seconds, LONGEST_WAIT))
