"""The lease: one runner at a time; how it is taken, kept, checked before each write, and given back."""

from __future__ import annotations

import contextlib
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from reconciler.errors import FencedError, LedgerError, LockedError
from reconciler.ledger import lease_holder as holders
from reconciler.ledger.lease_holder import PATIENCE, Holder
from reconciler.ledger.runner import current_runner, is_proven_dead
from reconciler.ledger.store import LeaseObject, Store, UncertainWriteError
from reconciler.model import Runner

LENGTH = 60.0  # seconds that a renewal is good for
RENEW_EVERY = 15.0
NEEDED = 35.0  # seconds that must be left before a remote write: the request's timeout, and 5
POLL = 1.0
RETRY = 5.0  # after a renewal that failed for want of the store


def steady() -> float:
    """Seconds by a clock that never jumps, counts while the machine sleeps, and is one for all processes."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def utc_now() -> str:
    """Now, RFC 3339, for people."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Waiting:
    """What an acquire waits for.

    Attributes:
        holder: who holds the lease; None if that can't be read.
        is_alive: it was seen to be at work, and is waited for because `wait` says so.
        lapses_in: seconds until it counts as dead unless it is renewed.
    """

    holder: Holder | None
    is_alive: bool
    lapses_in: float


class Lease:
    """The right to write to a stack's remote systems; a context manager that gives it back.

    Args:
        store: where the ledger is.
        stack: its name, for messages.
        runner: this process.
        clock: seconds, steady.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        store: Store,
        stack: str,
        *,
        runner: Runner | None = None,
        clock: Callable[[], float] = steady,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._object: LeaseObject = store.lease
        self._stack = stack
        self._runner = runner or current_runner()
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._state: Holder | None = None
        self._version = ""
        self._renewed_at = 0.0
        self._lost = ""
        self.took_over = False
        self.previous: Holder | None = None

    @property
    def epoch(self) -> str:
        """The random mark of this taking; "" before."""
        return self._state.epoch if self._state else ""

    @property
    def runner(self) -> Runner:
        """This process, as intents and deliveries name it."""
        return self._runner

    # --- taking ------------------------------------------------------------------------------------------

    def acquire(self, *, wait: float = 0.0, on_wait: Callable[[Waiting], None] | None = None) -> Lease:
        """Takes the lease, and keeps renewing it in the background until `release`.

        A holder that is proven dead, or was silent for too long, is taken over at once. One of another host
        is watched: a renewal shows that it lives (after 15 s or so); 62 s of silence that it doesn't.

        Args:
            wait: seconds to wait for a holder that lives.
            on_wait: called when waiting begins, and again when what is waited for changes.

        Raises:
            LockedError: somebody else is at work.
            LedgerError: the lease can't be read or written.
        """
        watch = _Watch(self._clock() + wait, on_wait)
        while not self._try(watch):
            self._sleep(POLL)
        self._thread = threading.Thread(target=self._keep, name="reconcile-lease", daemon=True)
        self._thread.start()
        return self

    def _try(self, watch: _Watch) -> bool:
        """One look, and the taking if nothing stands against it."""
        asked = self._clock()
        content, version = self._object.read()
        if content is None:
            return self._take(version, None, took_over=False)
        holder = holders.read(content)
        silent = watch.silence(version, asked, self._clock())
        if silent >= PATIENCE or (holder and holder.is_over(self._runner, asked)):
            return self._take(version, holder, took_over=True)
        is_alive = watch.has_moved or bool(holder and holder.is_alive(self._runner))
        if is_alive and asked >= watch.deadline:
            raise holders.locked(holder, self._stack)
        watch.tell(Waiting(holder, is_alive, PATIENCE - silent))
        return False

    def _take(self, version: str, previous: Holder | None, *, took_over: bool) -> bool:
        now = utc_now()
        state = Holder(self._runner, secrets.token_hex(8), acquired=now, renewed=now)
        try:
            self._write(state, version)
        except FencedError:
            return False  # somebody was quicker: look again
        self.took_over = took_over
        self.previous = previous
        return True

    def _write(self, state: Holder, expected: str) -> None:
        """Writes a state of ours; the lease counts from before the request."""
        began = self._clock()
        state = replace(state, beat=float(began))
        content = holders.spelled(state)
        try:
            version = self._object.write(content, expected)
        except UncertainWriteError:
            found, version = self._object.read()
            if found != content:
                if version == expected:
                    raise
                raise FencedError("the lease was taken by somebody else") from None
        self._state, self._version, self._renewed_at = state, version, began

    # --- keeping -----------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Makes the lease good for another 60 s.

        Raises:
            FencedError: it isn't ours any more; every later `gate` says so, too.
            LedgerError: the store can't be reached; the lease goes on counting.
        """
        with self._lock:
            self._renew()

    def _renew(self) -> None:
        if self._state is None or self._lost:
            raise self._fenced()
        changed = replace(self._state, renewals=self._state.renewals + 1, renewed=utc_now())
        try:
            self._write(changed, self._version)
        except FencedError:
            self._lost = self._taker()
            raise self._fenced() from None

    def gate(self) -> None:
        """Passes only if the lease is good for one more request: called just before every remote write.

        Counted from the start of the last renewal that succeeded. Where too little is left, because this
        process was paused, say, it is renewed here and now.

        Raises:
            FencedError: it isn't ours any more, or can't be renewed: nothing may be sent.
        """
        trouble = ""
        with self._lock:
            if not self._lost and self._left() < NEEDED:
                try:
                    self._renew()
                except LedgerError as error:
                    trouble = f": {error.message}"
            if self._lost or self._state is None:
                raise self._fenced()
            if self._left() < NEEDED:
                raise FencedError(
                    f"the lease of the stack {self._stack!r} couldn't be renewed in time{trouble}",
                    hint="nothing more was sent; run it again once the ledger can be written",
                )

    def fence(self, reason: str) -> None:
        """Closes the gate for good: another runner has been seen in the ledger."""
        self._lost = self._lost or reason

    def _left(self) -> float:
        return self._renewed_at + LENGTH - self._clock()

    def _fenced(self) -> FencedError:
        reason = self._lost or f"the lease of the stack {self._stack!r} isn't held"
        return FencedError(reason, hint="nothing more was sent; run `reconcile plan` to see how things stand")

    def _taker(self) -> str:
        with contextlib.suppress(LedgerError):
            content, _ = self._object.read()
            if content is None:
                return f"the lease of the stack {self._stack!r} was ended by somebody else"
            holder = holders.read(content)
            if holder:
                return f"the stack {self._stack!r} was taken over by {holder.text}"
        return f"the stack {self._stack!r} was taken over by somebody else"

    def _keep(self) -> None:
        pause: float | None = RENEW_EVERY
        while pause is not None and not self._stop.wait(pause):
            pause = self._kept()

    def _kept(self) -> float | None:
        """Renews, and says in how many seconds to do it again; None for never."""
        try:
            self.renew()
        except FencedError:
            return None
        except LedgerError:
            return RETRY
        return RENEW_EVERY

    # --- giving back -------------------------------------------------------------------------------------

    def release(self) -> None:
        """Ends the lease if it is still ours; what can't be removed lapses by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=RETRY)
        with self._lock:
            if self._state is not None:
                with contextlib.suppress(LedgerError, FencedError):
                    self._object.delete(self._version)
            self._state = None

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class _Watch:
    """What one acquire has seen so far of a lease that isn't free."""

    def __init__(self, deadline: float, on_wait: Callable[[Waiting], None] | None) -> None:
        self.deadline = deadline
        self.has_moved = False
        self._on_wait = on_wait
        self._version = ""
        self._since = 0.0
        self._told: tuple[str, bool] | None = None

    def silence(self, version: str, asked: float, answered: float) -> float:
        """Seconds for which this very state has been seen: from the first answer to the last question."""
        if version != self._version:
            self.has_moved = bool(self._version)
            self._version, self._since = version, answered
            return 0.0
        return max(0.0, asked - self._since)

    def tell(self, waiting: Waiting) -> None:
        """Passes on what is new to people."""
        subject = (waiting.holder.epoch if waiting.holder else "", waiting.is_alive)
        if self._on_wait and subject != self._told:
            self._told = subject
            self._on_wait(waiting)


def unlock(store: Store, stack: str, *, force: bool = False, here: Runner | None = None) -> Holder | None:
    """Ends a lease by hand.

    Args:
        force: also that of a holder who may be alive; it is fenced off at its next renewal.

    Returns:
        Whose lease it was; None if there was none, or it couldn't be read.

    Raises:
        LockedError: the holder isn't proven dead, and `force` wasn't said.
        FencedError: the lease changed hands just now.
        LedgerError: it can't be read or removed.
    """
    content, version = store.lease.read()
    if content is None:
        return None
    holder = holders.read(content)
    if not force and (holder is None or not is_proven_dead(holder.runner, here=here)):
        raise LockedError(
            f"the lease of the stack {stack!r} belongs to {holder.text if holder else 'somebody unknown'},"
            " who may still be at work",
            hint="make sure that this run has ended, then force it",
        )
    store.lease.delete(version)
    return holder
