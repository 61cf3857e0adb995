"""What one step does: a sequence of calls, each with what is written before it and after it.

A step is a generator of `Call`s. The executor makes what stands in `before` durable, makes the one remote
call, and makes durable what `after` says of its answer, before it asks for the next call.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.applying import ledger_edits
from reconciler.applying.context import Work
from reconciler.applying.create_calls import create
from reconciler.applying.delete_calls import remove
from reconciler.applying.remote_call import Call
from reconciler.applying.update_calls import adopt, update
from reconciler.model import (
    Action,
    Change,
)
from reconciler.planning import Phase, Step


def calls_of(work: Work, change: Change, step: Step) -> Iterator[Call]:
    """The calls of one step."""
    if step.phase is Phase.CLEAR:
        yield from remove(work, change, change.clears)
    elif step.phase is Phase.REMOVE:
        yield from remove(work, change, change.removes)
    elif change.action in (Action.CREATE, Action.REPLACE, Action.ROTATE):
        yield from create(work, change)
    elif change.action is Action.ADOPT:
        yield from adopt(work, change)
    elif change.action is Action.UPDATE:
        yield from update(work, change)
    elif change.action is Action.FORGET:
        yield Call(before=ledger_edits.forgotten(change.address))
