"""Trouble at one write: the process is killed there, or the answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from reconciler.model.rehearsal import Trouble

Result = TypeVar("Result")


class KilledError(BaseException):
    """The process that is rehearsed ends here; nothing of it may go on."""


class Strike:
    """Counts the writes of one run, and strikes one of them once it has taken effect.

    Args:
        at: which write, from 1; 0 for none.
        trouble: what befalls it.

    Attributes:
        writes: provider and call of each write so far, in their order.
        reads: the provider of each read so far.
        dead: whether the process was killed.
        is_on: whether the plan is being carried out: what is read before that doesn't count.
    """

    def __init__(self, at: int = 0, trouble: Trouble = Trouble.KILLED) -> None:
        self.writes: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.dead = False
        self.is_on = False
        self._at, self._trouble = at, trouble
        self._lock = Lock()

    def read(self, provider: str, act: Callable[[], Result]) -> Result:
        """A read; none for the dead."""
        self.check()
        if self.is_on:
            self.reads.append(provider)
        return act()

    def write(self, provider: str, call: str, act: Callable[[], Result]) -> Result:
        """A write, and what befalls it.

        Raises:
            KilledError: the process is dead.
            ConnectionResetError: the answer is lost.
        """
        with self._lock:
            self.check()
            answer = act()
            self.writes.append((provider, call))
            if len(self.writes) != self._at:
                return answer
            if self._trouble is Trouble.UNANSWERED:
                raise ConnectionResetError
            self.dead = True
            raise KilledError

    def check(self) -> None:
        """The dead do nothing.

        Raises:
            KilledError: the process is dead.
        """
        if self.dead:
            raise KilledError
