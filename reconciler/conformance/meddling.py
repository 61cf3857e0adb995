"""Trouble at one write of a kind: the process ends before or after it takes effect, or its answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any, Final

from reconciler.errors import LostAnswerError
from reconciler.kinds import Kind

WRITES: Final = frozenset({"create", "update", "delete", "grant", "revoke", "carry"})


class KilledError(BaseException):
    """The process that carries a plan out ends here."""


class Trouble(str, Enum):
    """What befalls a write."""

    LOST_BEFORE = "its answer is lost, and it never arrived"
    LOST_AFTER = "its answer is lost, and it took effect"
    KILLED_BEFORE = "the process ends just before it"
    KILLED_AFTER = "the process ends just after it"


@dataclass
class Meddling:
    """The writes of one run, and the one that trouble befalls.

    Attributes:
        at: number of that write, from 1; 0 for none.
        calls: what was written so far: the name of the kind, and of the method.
    """

    at: int = 0
    trouble: Trouble = Trouble.LOST_BEFORE
    calls: list[tuple[str, str]] = field(default_factory=list)
    is_dead: bool = False
    lock: Lock = field(default_factory=Lock)

    def check(self) -> None:
        """The dead do nothing."""
        if self.is_dead:
            raise KilledError

    def write(self, kind: str, method: str, act: Callable[[], Any]) -> Any:
        """One write, with what befalls it."""
        with self.lock:
            self.check()
            self.calls.append((kind, method))
            trouble = self.trouble if len(self.calls) == self.at else None
            self.is_dead = trouble in (Trouble.KILLED_BEFORE, Trouble.KILLED_AFTER)
            if trouble is Trouble.KILLED_BEFORE:
                raise KilledError
            if trouble is Trouble.LOST_BEFORE:
                raise _lost(method)
            answer = act()
            if trouble is Trouble.KILLED_AFTER:
                raise KilledError
            if trouble is Trouble.LOST_AFTER:
                raise _lost(method)
            return answer


class Meddled:
    """A kind as it is, but for the writes that are meddled with."""

    def __init__(self, kind: Kind[Any], meddling: Meddling) -> None:
        self._kind = kind
        self._meddling = meddling

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kind, name)
        if name not in WRITES:
            return found

        def written(*given: Any, **named: Any) -> Any:
            return self._meddling.write(self._kind.name, name, lambda: found(*given, **named))

        return written


def _lost(method: str) -> LostAnswerError:
    return LostAnswerError("the answer was lost", method=method.upper(), path="/")
