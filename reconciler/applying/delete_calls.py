"""The calls that remove objects: condemned first, off the record when their deletion is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits
from reconciler.applying.context import ApplyContext
from reconciler.applying.remote_call import RemoteCall, always
from reconciler.applying.succession import before_removal, carrying
from reconciler.applying.use_check import last_look
from reconciler.errors import ReconcileError
from reconciler.kinds import Kind
from reconciler.model import (
    Action,
    Address,
    Change,
)


def remove(context: ApplyContext, change: Change, ids: Iterable[str]) -> Iterator[RemoteCall]:
    """Condemned first, then deleted; the record goes when the deletion is confirmed."""
    address = change.address
    kind, api = context.kind(address), context.apis[change.provider]
    entry = context.entry(address)
    parents = {former.id: former.parent for former in entry.formers} if entry else {}
    if entry is not None:
        parents[entry.id] = entry.parent
    for live_id in ids:
        users: list[str] = []
        yield from last_look(context, change, live_id, users)
        if users:
            words = f"{' and '.join(users)} still uses it"
            if change.deletes_first:
                yield RemoteCall(run=partial(_refuse, address, f"nothing was changed: {words}"))
            context.stayed[live_id] = f"{words} (still-in-use)"
            continue
        left: dict[str, tuple[str, ...]] = {}
        yield from before_removal(context, change, live_id, left)
        parent = parents.get(live_id) or (change.live.parent if change.live else "") or change.parent
        edit = ledger_edits.all_of(
            ledger_edits.removed(address, change.provider, live_id, context.now, context.horizon),
            ledger_edits.approved(context.plan, change),
        )
        yield RemoteCall(
            before=ledger_edits.all_of(
                ledger_edits.condemned(change, [live_id]), carrying(address, live_id, left)
            ),
            run=_removal(kind, api, live_id, parent, deactivates=is_deactivation(change)),
            after=partial(always, edit),
        )


def _refuse(address: Address, words: str) -> None:
    raise ReconcileError(
        words,
        code="still-in-use",
        address=str(address),
        hint="switch it over, or leave lifecycle.replace: delete_first out",
    )


def _removal(kind: Kind[Any], api: Any, live_id: str, parent: str, *, deactivates: bool) -> Callable[[], Any]:
    if deactivates:
        return partial(kind.update, api, live_id, {"active": False})
    return partial(kind.delete, api, live_id, parent)


def is_deactivation(change: Change) -> bool:
    """Whether a delete only deactivates (service principals)."""
    return change.action is Action.DELETE and any(field.path == "active" for field in change.fields)
