"""What Ctrl-C does to a command: pauses end, nothing new is begun, and what is under way is recorded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.errors import StoppedError

_WORDS = "stopping: calls under way will finish, and the ledger will be written"


class Stop:
    """Whether this command is to end; one for all its clients, stacks and threads."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._finishing: list[Callable[[str], object]] = []

    def sleep(self, seconds: float) -> None:
        """Waits that many seconds.

        Raises:
            StoppedError: the command is to end.
        """
        if self.event.wait(max(0.0, seconds)):
            raise StoppedError

    def check(self) -> None:
        """Lets a read begin.

        Raises:
            StoppedError: the command is to end.
        """
        if self.event.is_set():
            raise StoppedError

    @contextmanager
    def finishing(self, say: Callable[[str], object]) -> Iterator[threading.Event]:
        """Here the main thread isn't torn away: it sees to a good end itself.

        Args:
            say: tells a person so.
        """
        self._finishing.append(say)
        try:
            yield self.event
        finally:
            self._finishing.remove(say)  # several stacks end in any order

    def _signalled(self, number: int, frame: object) -> None:
        was_set = self.event.is_set()
        self.event.set()
        if not self._finishing:
            raise KeyboardInterrupt
        if not was_set:
            self._finishing[-1](_WORDS)

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """SIGINT, SIGTERM and SIGHUP set it."""
        if threading.current_thread() is not threading.main_thread():
            yield self  # only the main thread hears signals
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        # what is started with nohup is meant to outlive its terminal
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._signalled) for number in numbers}
        try:
            yield self
        finally:
            for number, old in before.items():
                signal.signal(number, old)


def stop_of(args: object) -> Stop:
    """The stop of the command that this is the command line of."""
    found = getattr(args, "stop", None)
    return found if isinstance(found, Stop) else Stop()
