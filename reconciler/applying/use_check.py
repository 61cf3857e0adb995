"""The last look before an app or a principal goes: who refers to it on the servers that this run wrote to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from reconciler.applying.context import ApplyContext
from reconciler.applying.remote_call import RemoteCall
from reconciler.kinds import Kind, Scope
from reconciler.matching import client_of, is_owner, leaving, shows_owner
from reconciler.model import Change, Ledger


def last_look(context: ApplyContext, change: Change, live_id: str, users: list[str]) -> Iterator[RemoteCall]:
    """Calls after which `users` says who refers to the object still; a list that fails ends the step.

    What the plan looked at may have changed since, by ourselves most likely.
    """
    client_id = _client_id(context, change, live_id)
    if not is_owner(context.kinds, change.address) or not client_id:
        return
    for provider, name in _watched(context):
        yield RemoteCall(run=partial(_find, context, change, provider, context.kinds[name], client_id, users))


def _find(
    context: ApplyContext, change: Change, provider: str, kind: Kind[Any], client_id: str, users: list[str]
) -> None:
    read = partial(kind.observe, context.apis[provider], Scope())
    found = context.lists.users(context.apis[provider], kind, client_id, read)
    spared = _spared(context, change) if found else frozenset()  # which takes a look at everything
    users += [user.words for user in found if user.id not in spared]


def _watched(context: ApplyContext) -> list[tuple[str, str]]:
    """Provider and kind of the receivers that this plan writes; others were listed just before.

    Of a run with several stacks all receivers: what they share was listed before the first of them began.
    """
    looked = context.snapshot.objects if context.lists.several else context.plan.written
    return sorted(key for key in looked if key[0] in context.apis and shows_owner(context.kinds, key[1]))


def _spared(context: ApplyContext, change: Change) -> frozenset[str]:
    """Ids of receivers that hold nothing up: gone, or about to go."""
    gone = _gone(context.memory())
    return gone | leaving(context.plan.changes, context.kinds) if change.deletes_first else gone


def _gone(ledger: Ledger) -> frozenset[str]:
    """Ids that we deleted lately, or are about to delete for good: a lagging list shows them still."""
    condemned = (
        former.id for entry in ledger.entries.values() for former in entry.formers if former.is_condemned
    )
    return frozenset((*condemned, *(ghost.id for ghost in ledger.pending.deleted)))


def _client_id(context: ApplyContext, change: Change, live_id: str) -> str:
    live = context.snapshot.of(change.provider, change.address.kind_name).get(live_id)
    entry = context.entry(change.address)
    known = {former.id: former.computed for former in entry.formers} if entry else {}
    if entry is not None:
        known[entry.id] = entry.computed
    shown = client_of(context.kinds, change.address, live.computed if live else None)
    return shown or client_of(context.kinds, change.address, known.get(live_id))
