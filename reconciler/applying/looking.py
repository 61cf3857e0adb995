"""The last look before an app or a principal goes: who refers to it on the servers that this run wrote to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from reconciler.applying.calls import Call
from reconciler.applying.work import Work
from reconciler.kinds import Scope
from reconciler.model import Action, Change, ReplaceOrder
from reconciler.planning import INTEGRATIONS, is_owner, leaving, same


def last_look(work: Work, change: Change, live_id: str, users: list[str]) -> Iterator[Call]:
    """Calls after which `users` says who refers to the object still; a list that fails ends the step.

    What the plan looked at may have changed since, by ourselves most likely.
    """
    client_id = _client_id(work, change, live_id)
    if not is_owner(change.address) or not client_id:
        return
    spared = leaving(work.plan.changes) if deletes_first(change) else frozenset()
    for provider in _written(work):
        yield Call(run=partial(_find, work, provider, client_id, spared, users))


def _find(work: Work, provider: str, client_id: str, spared: frozenset[str], users: list[str]) -> None:
    read = partial(work.kinds[INTEGRATIONS].observe, work.apis[provider], Scope())
    found = work.lists.users(provider, read).get(client_id, [])
    users += [user.words for user in found if user.id not in spared]


def _written(work: Work) -> list[str]:
    """The Connect servers that this plan writes to; all others were listed for it, just before."""
    return sorted({c.provider for c in work.plan.pending if c.address.kind == INTEGRATIONS})


def deletes_first(change: Change) -> bool:
    """Whether a replaced object goes before its successor is made."""
    return change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST


def _client_id(work: Work, change: Change, live_id: str) -> str:
    live = work.snapshot.of(change.provider, change.address.kind_name).get(live_id)
    entry = work.entry(change.address)
    known = {former.id: former.computed for former in entry.formers} if entry else {}
    if entry is not None:
        known[entry.id] = entry.computed
    shown = live.computed.get("client_id") if live else None
    return same(shown or known.get(live_id, {}).get("client_id"))
