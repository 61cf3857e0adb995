"""What would happen: a plan carried out in a copy of what is live, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reconciler.model.plan import Change, Outcome, Plan


class Trouble(str, Enum):
    """What befalls a write once it has taken effect."""

    KILLED = "killed"  # the process ends there
    UNANSWERED = "unanswered"  # its answer is lost, the process lives


@dataclass(frozen=True)
class Traffic:
    """What one remote system is asked while a plan is carried out.

    Attributes:
        latency: seconds that an answer of the real one takes, as seen while it was read.
    """

    reads: int
    writes: int
    latency: float


@dataclass(frozen=True)
class Trial:
    """The plan once more, with trouble at one write.

    Attributes:
        write: which one, counted from 1 over all systems.
        call: method and route.
        runs: how many runs after that until nothing was left to do.
        left: what was left after the last of them; "" what can't be said, such as an error.
    """

    write: int
    provider: str
    call: str
    trouble: Trouble
    runs: int
    left: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether the runs after it put everything right."""
        return not self.left


@dataclass(frozen=True)
class Owned:
    """One resource in the end; `id` is "" where the real system will give it one."""

    address: str
    id: str
    name: str


@dataclass(frozen=True)
class Rehearsal:
    """One plan, rehearsed.

    Attributes:
        plan: the changes, from what is live.
        outcomes: in the order in which they ended.
        traffic: by provider.
        seconds: what carrying it out took at that latency.
        end: what the stack owns then.
        left: what the plan after it has.
        trials: the same with trouble, where that was asked for.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    traffic: Mapping[str, Traffic]
    seconds: float
    end: tuple[Owned, ...]
    left: tuple[Change, ...]
    trials: tuple[Trial, ...] = ()

    @property
    def converges(self) -> bool:
        """Whether every run ends with an empty plan."""
        return not self.left and all(trial.converged for trial in self.trials)
