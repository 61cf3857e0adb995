"""What one step does: a sequence of calls, each with what is written before it and after it.

A step is a generator of `Call`s. The executor makes what stands in `before` durable, makes the one remote
call, and makes durable what `after` says of its answer, before it asks for the next call.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.applying import ledger_edits
from reconciler.applying.context import ApplyContext
from reconciler.applying.create_calls import create
from reconciler.applying.delete_calls import remove
from reconciler.applying.remote_call import RemoteCall
from reconciler.applying.update_calls import adopt, update
from reconciler.model import (
    Action,
    Change,
)
from reconciler.planning import Phase, Step


def calls_of(context: ApplyContext, change: Change, step: Step) -> Iterator[RemoteCall]:
    """The calls of one step."""
    if step.phase is Phase.CLEAR:
        yield from remove(context, change, change.clears)
    elif step.phase is Phase.REMOVE:
        yield from remove(context, change, change.removes)
    elif change.action.makes:
        yield from create(context, change)
    elif change.action is Action.ADOPT:
        yield from adopt(context, change)
    elif change.action is Action.UPDATE:
        yield from update(context, change)
    elif change.action is Action.FORGET:
        yield RemoteCall(before=ledger_edits.forgotten(change.address))
