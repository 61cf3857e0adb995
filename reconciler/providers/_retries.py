"""How often one call is tried and how long is waited: Retry-After, else doubling waits with jitter."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

ATTEMPTS = 5
TOTAL_SECONDS = 120.0
THROTTLED_SECONDS = 600.0  # for a request that is turned away for the rate: it was never accepted
LONGEST_WAIT = 60.0  # seconds; a polite server could otherwise hang a command line for an afternoon
FIRST_WAIT = 0.25
FIRST_THROTTLED_WAIT = 0.5
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


class Patience:
    """How often one call is tried: so many attempts, and those turned away for the rate by time alone.

    A throttled request was never accepted, so that sending it again harms nobody; and a storm of
    throttlings ends, if everybody slows down.
    """

    def __init__(self, attempts: int, clock: Callable[[], float]) -> None:
        self._attempts = attempts
        self._clock = clock
        self._failures = self._throttlings = 0
        self._ends = clock() + TOTAL_SECONDS
        self._throttled_ends = clock() + THROTTLED_SECONDS

    def wait(self, *, throttled: bool, pause: float | None) -> float | None:
        """Seconds until the next attempt, after one that failed; None if it has been tried enough.

        Args:
            pause: seconds that the server asked for, if it did.
        """
        if throttled:
            self._throttlings += 1
            seconds = pause or backoff(self._throttlings, throttled=True)
            self._ends += seconds  # being turned away isn't held against it
            return seconds if self._clock() + seconds <= self._throttled_ends else None
        self._failures += 1
        seconds = backoff(self._failures, throttled=False) if pause is None else pause
        tried = self._failures >= self._attempts or self._clock() + seconds > self._ends
        return None if tried else seconds
