"""What stays alive beside its successor: how long, and the words of an outcome for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from reconciler.applying.context import ApplyContext, utc
from reconciler.applying.ledger_draft import LedgerDraft, LedgerEdit
from reconciler.model import Address, Change, Entry, Origin, Superseded
from reconciler.model.times import parse_time
from reconciler.planning import STILL_IN_USE


def superseded(context: ApplyContext, change: Change) -> str:
    """All of it at a change's address, by what is on record now; "" if nothing."""
    noun = context.kind(change.address).noun
    found = [
        f"the superseded {noun} {former.id} stays alive {_until(context, former)}"
        for former in _waiting(context, change.address)
    ]
    entry = context.entry(change.address)
    if entry is not None and entry.id in context.stayed:  # it was to go, and a last look found who uses it
        found.append(f"the {noun} {entry.id} stays alive, superseded: {context.stayed[entry.id]}")
    if entry is not None and entry.id and change.code == STILL_IN_USE:  # only what it superseded was to go
        found.append(f"the {noun} {entry.id} stays alive: {change.reason}")
    return "; ".join(found)


def _waiting(context: ApplyContext, address: Address) -> Iterator[Superseded]:
    """What isn't on its way out: a deletion that failed is told by its error."""
    entry = context.entry(address)
    resource = context.plan.stack.resources.get(address)
    revokes = resource is not None and resource.attributes.get("adopted") == "revoke"
    for former in entry.formers if entry else ():
        if not former.is_condemned and (former.origin is Origin.CREATED or revokes or not address.part):
            yield former


def _until(context: ApplyContext, former: Superseded) -> str:
    if former.id in context.stayed:
        return f"until nobody uses it any more: {context.stayed[former.id]}"
    wait = parse_time(former.revoke_after)
    waits = wait is not None and wait > context.clock() and not context.plan.destroys
    return f"until {former.revoke_after}" if waits else "until nobody uses it any more"


def switched(receiver: Address, paths: Iterable[str], now: str) -> LedgerEdit:
    """What a receiver held so far waits its `keep_old` from now on; before its new deliveries are recorded.

    Args:
        now: RFC 3339; when the receiver was switched over.
    """
    wanted = tuple(paths)

    def edit(draft: LedgerDraft) -> None:
        entry = draft.entries.get(receiver)
        for path in wanted if entry else ():
            held = entry.deliveries.get(path) if entry else None
            if held is not None and held.source is not None:
                former_changed(held.source, held.credential, partial(_later, now=now))(draft)

    return edit


def former_changed(
    address: Address, live_id: str, edit: Callable[[Superseded], Superseded | None]
) -> LedgerEdit:
    """What an entry superseded, changed; off the record where the answer is None."""

    def one(entry: Entry) -> Entry:
        edited = (edit(former) if former.id == live_id else former for former in entry.formers)
        return replace(entry, formers=tuple(former for former in edited if former is not None))

    return lambda draft: draft.change(address, one)


def _later(former: Superseded, now: str) -> Superseded:
    since, until, moment = (parse_time(text) for text in (former.since, former.revoke_after, now))
    if since is None or until is None or moment is None:
        return former
    return replace(former, since=now, revoke_after=utc(moment + (until - since)))
