"""How fast a client asks: requests in flight, requests per second, and pauses that a server asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from reconciler.providers._pace import Pace
from reconciler.providers._retries import LONGEST_WAIT

RECOVERY = 10  # successes until one more request may be in flight


class Lane:
    """Requests in flight on some paths: `most`, and fewer for a while after the server throttled one.

    Halved by a throttling and widened by one after so many successes: additive increase, multiplicative
    decrease, as TCP does it, finds what a server bears without being told.
    """

    def __init__(self, most: int) -> None:
        self.limit = self._most = most
        self._running = self._entered = self._cut = self._successes = 0
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[int]:
        """Waits until one more request may be in flight, and counts it; its number is for `throttled`."""
        with self._changed:
            while self._running >= self.limit:
                self._changed.wait()
            self._running += 1
            self._entered += 1
            number = self._entered
        try:
            yield number
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    def throttled(self, number: int) -> None:
        """Halves, once for all that were in flight together: they tell of the same moment."""
        with self._changed:
            if number > self._cut:
                self._cut = self._entered
                self.limit = max(1, self.limit // 2)
                self._successes = 0

    def succeeded(self) -> None:
        """Widens by one after so many of these."""
        with self._changed:
            self._successes += 1
            if self._successes >= RECOVERY and self.limit < self._most:
                self.limit += 1
                self._successes = 0
                self._changed.notify()


class Turn:
    """One request's place in its lanes; tells the narrowest of them how it ended."""

    def __init__(self, lane: Lane, number: int) -> None:
        self._lane = lane
        self._number = number

    def throttled(self) -> None:
        """It was turned away for the rate."""
        self._lane.throttled(self._number)

    def succeeded(self) -> None:
        """It was answered."""
        self._lane.succeeded()


class Flow:
    """The pace of all requests to one remote system, whichever thread sends them.

    Args:
        pace: what was asked for.
        narrow: what a path contains → requests in flight on such paths; they count among all, too.
    """

    def __init__(self, pace: Pace, narrow: Mapping[str, int] | None = None) -> None:
        self.pace = pace
        self._lane = Lane(pace.parallelism)
        self._narrow = {part: Lane(min(width, pace.parallelism)) for part, width in (narrow or {}).items()}
        self._quiet_until = 0.0
        self._next = pace.clock()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, path: str) -> Iterator[Turn]:
        """Waits until a request to this path may be sent; it counts as in flight until the block ends."""
        with ExitStack() as held:
            # the narrow one first: who waits for it takes nobody's place in the wide one
            lanes = [lane for part, lane in self._narrow.items() if part in path]
            turns = [Turn(lane, held.enter_context(lane.turn())) for lane in (*lanes, self._lane)]
            self._keep_quiet()
            yield turns[0]

    def hush(self, seconds: float) -> None:
        """Nobody sends for that long: the server has named a time."""
        with self._lock:
            self._quiet_until = max(self._quiet_until, self.pace.clock() + seconds)

    def beat(self) -> None:
        """Waits for the next place in the requests per second: a token bucket that holds one."""
        if self.pace.rate is None:
            return
        with self._lock:
            now = self.pace.clock()
            at = max(self._next, now)
            self._next = at + 1 / self.pace.rate
        if at > now:
            self.pace.sleep(at - now)

    def _keep_quiet(self) -> None:
        # while it waits, another thread may be told to wait longer
        while (seconds := self._quiet_until - self.pace.clock()) > 0:
            self.pace.sleep(min(seconds, LONGEST_WAIT))
