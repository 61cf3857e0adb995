"""What points at an object points at its successor, whoever made it so; what waits for one is on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits, rights
from reconciler.applying.context import ApplyContext
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.applying.remote_call import RemoteCall
from reconciler.applying.superseded import former_changed
from reconciler.model import Action, Address, Change, Entry, Superseded


def handed_on(
    context: ApplyContext, change: Change, old: str, new: str, entry: Entry | None
) -> Iterator[RemoteCall]:
    """What points at the old object points at the new one from now on; once that is gone, by the record."""
    kind, api = context.kind(change.address), context.apis[change.provider]
    if not kind.fields.carried:
        return
    there: list[str] = []
    yield RemoteCall(run=lambda: there.extend(kind.holds(api, old)))
    if there:
        yield from _put(context, change, old, new, entry, there)
    else:
        yield from _by_record(context, change, old, new, entry)


def before_removal(
    context: ApplyContext, change: Change, live_id: str, left: dict[str, tuple[str, ...]]
) -> Iterator[RemoteCall]:
    """Nothing goes with what still points at it, unless its address goes, too.

    Args:
        left: gets what has to go on record, as the successor is still to be made.
    """
    address, entry = change.address, context.entry(change.address)
    kind, api = context.kind(address), context.apis[change.provider]
    if address not in context.plan.stack.resources or context.plan.destroys:
        return
    if successor := _successor(context, change, live_id):
        yield from handed_on(context, change, live_id, successor, entry)
        return
    left.update(_carries(entry, live_id))
    live = context.snapshot.of(change.provider, address.kind_name).get(live_id)
    if kind.fields.access and live is not None and (listed := live.attributes.get(kind.fields.access)):
        left[kind.fields.access] = tuple(sorted(listed))
    if name := kind.fields.carried:
        yield RemoteCall(run=lambda: left.update(_shown(name, kind.holds(api, live_id))))


def inherited(context: ApplyContext, change: Change, before: Entry | None) -> Iterator[RemoteCall]:
    """What pointed at an object that went first points at the one that was just made.

    Args:
        before: the entry as it was before that one was on record.
    """
    address = change.address
    if before is None or not (change.action is Action.CREATE or change.deletes_first):
        return  # who cleared it did so
    for former in before.formers:
        if former.carries:
            yield from _by_record(context, change, former.id, context.credential(address), before)
            yield RemoteCall(before=_ended(address, former.id))


def _successor(context: ApplyContext, change: Change, live_id: str) -> str:
    """What is in the place of an object already; "" if that is still to be made."""
    found = context.credential(change.address)
    if not found and change.action is Action.REPLACE and change.live is not None:
        found = change.live.id
    return found if found != live_id else ""


def _by_record(
    context: ApplyContext, change: Change, old: str, new: str, entry: Entry | None
) -> Iterator[RemoteCall]:
    for key in _carries(entry, old).get(context.fields(change.address).carried, ()):
        taken = _taken(change.address, old, context.fields(change.address).carried, key)
        for call in _put(context, change, "", new, entry, [key]):
            if call.run is not None:
                yield replace(call, after=partial(_told, context, change.address, key, taken))
            elif call.before is not None:
                yield RemoteCall(before=ledger_edits.all_of(call.before, taken))


def _carries(entry: Entry | None, old: str) -> Mapping[str, tuple[str, ...]]:
    return next((former.carries for former in entry.formers if former.id == old), {}) if entry else {}


def _shown(name: str, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found = tuple(sorted(keys))
    return {name: found} if found else {}


def _told(context: ApplyContext, address: Address, key: str, edit: LedgerEdit, obstacle: str) -> LedgerEdit:
    if obstacle:
        words = f"{context.fields(address).carried} {key} isn't at its successor: {obstacle}"
        context.notes[address] = "; ".join(filter(None, (context.notes.get(address, ""), words)))
    return edit


def _put(
    context: ApplyContext, change: Change, old: str, new: str, entry: Entry | None, keys: Iterable[str]
) -> Iterator[RemoteCall]:
    """One call per key; what this stack had added and doesn't want any more goes with the old object."""
    address, kind, api = change.address, context.kind(change.address), context.apis[change.provider]
    name = kind.fields.carried
    ours = set(entry.applied.get(name) or ()) - set(entry.there.get(name) or ()) if entry else set()
    wanted = rights.wanted_keys(context, context.resource(address), name)
    for key in sorted(keys):
        if key in ours and wanted is not None and key not in wanted:
            yield RemoteCall(before=ledger_edits.granted(address, name, key, None, context.now))
            continue
        edits = []
        if key in (wanted or {}):
            edits.append(ledger_edits.granted(address, name, key, key, context.now))
            edits += [ledger_edits.found_there(address, name, key)] if key not in ours else []
        before = ledger_edits.all_of(*edits) if edits else None
        yield RemoteCall(before=before, run=partial(kind.carry, api, old, key, new))


# --- on record -------------------------------------------------------------------------------------------


def record_of(
    context: ApplyContext, change: Change, before: Entry | None
) -> tuple[Mapping[str, Any], Mapping[str, tuple[str, ...]]]:
    """What the record of a successor begins with, applied and there: whose it is that it is about to get."""
    name = context.fields(change.address).carried
    if before is None or name not in context.resource(change.address).attributes:
        return {}, {}
    if change.action is not Action.REPLACE and not any(former.carries for former in before.formers):
        return {}, {}
    applied = {name: before.applied[name]} if name in before.applied else {}
    return applied, {name: before.there[name]} if name in before.there else {}


def access_left(entry: Entry | None, access: str) -> tuple[str, ...]:
    """Who may use the successor of what went first, as long as the spec doesn't say."""
    left = (former.carries.get(access, ()) for former in entry.formers) if entry else ()
    return next(filter(None, left), ())


def carrying(address: Address, live_id: str, left: Mapping[str, tuple[str, ...]]) -> LedgerEdit:
    """What a successor is to get, beside what is condemned: written before that goes."""
    carries = dict(left)
    return former_changed(address, live_id, lambda f: replace(f, carries=carries))


def _taken(address: Address, live_id: str, name: str, key: str) -> LedgerEdit:
    """One key off that record: the successor has it."""

    def taken(former: Superseded) -> Superseded:
        left = _shown(name, (each for each in former.carries.get(name, ()) if each != key))
        return replace(former, carries={n: k for n, k in former.carries.items() if n != name} | left)

    return former_changed(address, live_id, taken)


def _ended(address: Address, live_id: str) -> LedgerEdit:
    """What is gone leaves the record when its successor has all that it carried."""
    return former_changed(address, live_id, lambda _: None)
