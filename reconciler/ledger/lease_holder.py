"""The lease as it lies beside the ledger: who holds it, and whether that can still be true."""

from __future__ import annotations

import json
from dataclasses import dataclass

from reconciler.errors import LockedError
from reconciler.ledger.json_shapes import FLOAT, NUMBER, RUNNER, TEXT, DamageError, Shape
from reconciler.ledger.runner import is_alive_here, is_proven_dead
from reconciler.model import Runner

FORMAT = "reconcile.lease/1"
PATIENCE = 62.0  # seconds without a renewal until a lease lapses: its 60, and some for clocks that run apart


@dataclass(frozen=True)
class Holder:
    """One state of a lease.

    Attributes:
        epoch: random, one per taking.
        renewals: how often it was renewed, so that no two states are alike.
        acquired, renewed: RFC 3339, for people; no decision hangs on them.
        beat: the last renewal by the steady clock that all processes of one boot share, in seconds.
    """

    runner: Runner
    epoch: str = ""
    renewals: int = 0
    acquired: str = ""
    renewed: str = ""
    beat: float = 0.0

    @property
    def text(self) -> str:
        """Who it is, for messages."""
        runner = self.runner
        since = f", since {self.acquired}" if self.acquired else ""
        return f"{runner.owner} on {runner.host}, pid {runner.pid}{since}"

    def is_over(self, here: Runner, now: float) -> bool:
        """Whether it certainly needs no more waiting: its runner is dead, or was silent for too long.

        Args:
            now: by our steady clock: it is the holder's, too, but only within one boot of one machine.
        """
        if is_proven_dead(self.runner, here=here):
            return True
        if not here.boot or (self.runner.host, self.runner.boot) != (here.host, here.boot):
            return False
        is_one_machine = bool(here.machine) and self.runner.machine == here.machine
        return is_one_machine and 0 < self.beat <= now - PATIENCE

    def is_alive(self, here: Runner) -> bool:
        """Whether its process certainly still runs on this host."""
        return is_alive_here(self.runner, here=here)


_STATE = Shape(
    Holder,
    {
        "epoch": TEXT,
        "renewals": NUMBER,
        "acquired": TEXT,
        "renewed": TEXT,
        "beat": FLOAT,
        # not in the file under this name: see below
        "runner": RUNNER.form,
    },
)


def spelled(holder: Holder) -> bytes:
    """The lease as file content: owner, host and pid stand at its top, where people look."""
    document = _STATE.write(holder)
    document.update(document.pop("runner"), format=FORMAT)
    return (json.dumps(document, sort_keys=True, indent=2) + "\n").encode()


def read(content: bytes) -> Holder | None:
    """The holder that a lease names; None if that can't be read."""
    try:
        document = json.loads(content)
        return _STATE.read({**document, "runner": document}, "the lease")
    except (ValueError, TypeError, RecursionError, DamageError):
        return None


def locked(holder: Holder | None, stack: str) -> LockedError:
    """The error that names who holds the lease."""
    who = holder.text if holder else "somebody unknown: the lease can't be read"
    return LockedError(
        f"the stack {stack!r} is locked by {who}",
        hint="wait until that run has ended; if it is dead, `reconcile ledger unlock` ends its lease",
    )
