"""What each step writes into the ledger, as edits of a draft: the journal makes one durable write of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.applying.ledger_draft import LedgerDraft, LedgerEdit
from reconciler.matching import moved_entries
from reconciler.model import (
    Address,
    Change,
    Credential,
    CredentialState,
    Deleted,
    Delivery,
    Entry,
    Intent,
    IntentResolution,
    Ledger,
    Live,
    Marked,
    Origin,
    Plan,
    Resource,
    Runner,
    Superseded,
    Tombstone,
)


def as_one(edits: Iterable[LedgerEdit]) -> Callable[[Ledger], Ledger]:
    """Several edits as one function from ledger to ledger."""
    found = tuple(edits)

    def edit(ledger: Ledger) -> Ledger:
        draft = LedgerDraft(ledger)
        for one in found:
            one(draft)
        return draft.frozen()

    return edit


def all_of(*edits: LedgerEdit) -> LedgerEdit:
    """Several edits in order."""

    def edit(draft: LedgerDraft) -> None:
        for one in edits:
            one(draft)

    return edit


# --- the beginning of an apply ---------------------------------------------------------------------------


def settled_before(change: Change, *, proven_dead: bool, now: str) -> LedgerEdit:
    """What an interrupted run left open at an address, brought to an end before anything is sent.

    An intent without effect becomes a tombstone (rule 6); what is lost is condemned (rule 12); what was
    found stays open until it is recorded.
    """

    def edit(draft: LedgerDraft) -> None:
        intent = draft.intents.get(change.address)
        if intent is None:
            return
        if change.settles is IntentResolution.GIVEN_UP:
            draft.given_up.append(Tombstone(change.address, intent, now, proven_dead))
        elif change.clears or change.spares:
            condemned(change, (*change.clears, *change.spares))(draft)
        else:
            return
        del draft.intents[change.address]

    return edit


def without_old_tombstones(horizon: str) -> LedgerEdit:
    """Tombstones that have done their time: every plan since has looked for late arrivals."""

    def edit(draft: LedgerDraft) -> None:
        draft.given_up = [tombstone for tombstone in draft.given_up if tombstone.given_up >= horizon]

    return edit


def begun(plan: Plan, refreshed: Mapping[Address, Entry]) -> LedgerEdit:
    """Moves carried out, remotes named, and what the spec says of objects that stay."""
    listed = {str(address) for address in plan.stack.approve}

    def edit(draft: LedgerDraft) -> None:
        moved = moved_entries(draft.entries, plan.stack.moved)
        draft.entries = {**moved, **refreshed}
        draft.approvals = {a: digest for a, digest in draft.approvals.items() if a in listed}
        asked = {change.provider for change in plan.changes if change.is_pending}
        for name, provider in plan.stack.remotes.items():
            is_known = provider.is_on_record_as(draft.remotes.get(name, ""))  # maybe in other words now
            if provider.identity and (name in asked or is_known):
                draft.remotes[name] = provider.record

    return edit


def approved(plan: Plan, change: Change) -> LedgerEdit:
    """An entry of `approve:` that has done its work: it works once."""

    def edit(draft: LedgerDraft) -> None:
        if change.approved:
            draft.approvals[str(change.address)] = plan.digest

    return edit


# --- creates ---------------------------------------------------------------------------------------------


def intended(address: Address, intent: Intent) -> LedgerEdit:
    """The intent of a create, before it is sent (rule 1)."""

    def edit(draft: LedgerDraft) -> None:
        draft.intents[address] = intent

    return edit


def settled(address: Address) -> LedgerEdit:
    """The end of an intent: its outcome is known."""

    def edit(draft: LedgerDraft) -> None:
        draft.intents.pop(address, None)

    return edit


def recorded(address: Address, entry: Entry, *, former: Superseded | None = None) -> LedgerEdit:
    """An object on record; its predecessor stays there, too, until its deletion is confirmed (rule 11)."""

    def edit(draft: LedgerDraft) -> None:
        before = draft.entries.get(address)
        formers = before.formers if before else ()
        if former is not None:
            formers = (*formers, former)
        draft.put(address, replace(entry, formers=formers, extra=before.extra if before else {}))

    return edit


def entry_of(
    resource: Resource,
    live: Live,
    *,
    applied: Mapping[str, Any],
    origin: Origin,
    credential: Credential | None,
    deliveries: Mapping[str, Delivery],
    now: str,
    there: Mapping[str, tuple[str, ...]] | None = None,
) -> Entry:
    """The entry of an object that was just made or adopted."""
    return Entry(
        provider=resource.provider,
        id=live.id,
        name=name_on_record(applied, live.name),
        origin=origin,
        parent=live.parent,
        named=resource.named,
        applied=applied,
        computed=live.computed,
        depends_on=resource.depends_on,
        lifecycle=resource.lifecycle,
        credential=credential,
        deliveries=deliveries,
        updated_at=live.updated_at,
        created_at=live.created_at,
        created_by=live.created_by,
        recorded_at=now,
        there=there or {},
    )


def name_on_record(applied: Mapping[str, Any], name: str) -> str:
    """The live name, or where it came from."""
    stated = applied.get("name", applied.get("display_name"))
    return str(stated) if isinstance(stated, Marked) else name


def former_of(entry: Entry | None, live: Live, *, revoke_after: str, is_dead: bool, now: str) -> Superseded:
    """What is to be remembered of an object whose successor takes over.

    A credential that was being delivered by a runner that isn't proven dead is quarantined (rule 14).
    """
    credential = entry.credential if entry else None
    if credential is not None and credential.state is CredentialState.SENDING and not is_dead:
        credential = replace(credential, state=CredentialState.QUARANTINED, since=now)
    origin = entry.origin if entry else Origin.ADOPTED
    name = entry.name if entry else live.name
    return Superseded(live.id, live.parent, name, live.computed, credential, revoke_after, origin, now)


# --- deliveries ------------------------------------------------------------------------------------------


def sending(sources: Iterable[Address], receiver: str, updated_at: str, runner: Runner) -> LedgerEdit:
    """The intent of a delivery (rule 8): from here on the receiver may hold these credentials."""

    def one(entry: Entry) -> Entry:
        credential = entry.credential or Credential(CredentialState.HELD)
        to = {**credential.to, receiver: updated_at}
        return replace(entry, credential=replace(credential, state=CredentialState.SENDING, by=runner, to=to))

    def edit(draft: LedgerDraft) -> None:
        for source in sources:
            draft.change(source, one)

    return edit


def arrived(sources: Iterable[Address], receiver: str, *, confirmed: bool) -> LedgerEdit:
    """The end of a delivery: confirmed, or proven not to have happened."""

    def edit(draft: LedgerDraft) -> None:
        for source in sources:
            draft.change(source, lambda entry: _landed(draft, entry, receiver, confirmed))

    return edit


def _landed(draft: LedgerDraft, entry: Entry, receiver: str, confirmed: bool) -> Entry:
    credential = entry.credential
    if credential is None:
        return entry
    waiting = {to: at for to, at in credential.to.items() if to != receiver}
    if waiting:
        return replace(entry, credential=replace(credential, to=waiting))
    is_held = confirmed or draft.is_held(entry.id)
    state = CredentialState.HELD if is_held else CredentialState.FRESH
    return replace(entry, credential=replace(credential, state=state, to={}, by=None))


def refused(change: Change) -> LedgerEdit:
    """A new secret that doesn't work is condemned, and its predecessor takes its place again."""

    def one(entry: Entry) -> Entry:
        before = change.live
        old = next((former for former in entry.formers if before and former.id == before.id), None)
        if old is None:
            return entry
        useless = _condemn(Superseded(entry.id, entry.parent, entry.name, entry.computed, entry.credential))
        rest = tuple(former for former in entry.formers if former.id != old.id)
        return replace(
            entry,
            id=old.id,
            parent=old.parent,
            computed=old.computed,
            credential=old.credential,
            origin=old.origin,
            formers=(*rest, useless),
        )

    return lambda draft: draft.change(change.address, one)


# --- removals --------------------------------------------------------------------------------------------


def condemned(change: Change, ids: Iterable[str]) -> LedgerEdit:
    """The one-way door, written before the DELETE (rule 12): nobody takes these ids back."""
    wanted = tuple(ids)

    def edit(draft: LedgerDraft) -> None:
        entry = draft.entries.get(change.address) or Entry(change.provider, "", change.name, Origin.CREATED)
        formers = {former.id: former for former in entry.formers}
        if entry.id in wanted:
            formers[entry.id] = Superseded(
                entry.id, entry.parent, entry.name, entry.computed, entry.credential, origin=entry.origin
            )
            entry = replace(entry, id="", credential=None, deliveries={}, updated_at="")
        for live_id in wanted:
            # an orphan that was never recorded: all that is known of it is its id, and where it lives
            orphan = Superseded(live_id, change.parent)
            formers[live_id] = _condemn(formers.get(live_id, orphan))
        draft.put(change.address, replace(entry, formers=tuple(formers.values())))

    return edit


def _condemn(former: Superseded) -> Superseded:
    credential = former.credential or Credential(CredentialState.CONDEMNED)
    bare = replace(credential, by=None, to={}, sealed="", sealed_to="", unopened=False)
    return replace(former, credential=replace(bare, state=CredentialState.CONDEMNED), revoke_after="")


def removed(address: Address, provider: str, live_id: str, now: str, horizon: str) -> LedgerEdit:
    """An id off the record, now that it's gone, unless it still `carries`; a list may show its ghost a while.

    Args:
        now, horizon: RFC 3339 in one form; ghosts from before the horizon are forgotten.
    """

    def one(entry: Entry) -> Entry | None:
        kept = replace(entry, formers=tuple(f for f in entry.formers if f.id != live_id or f.carries))
        # secrets that this stack didn't issue outlive the record of those that it did
        ours = [f for f in kept.formers if f.origin is Origin.CREATED or not address.part]
        return kept if kept.id or ours else None

    def edit(draft: LedgerDraft) -> None:
        draft.change(address, one)
        draft.bury(Deleted(address.kind_name, provider, live_id, now), horizon)

    return edit


def forgotten(address: Address) -> LedgerEdit:
    """An address off the record, with all that is pending there; its object stays alive."""

    def edit(draft: LedgerDraft) -> None:
        draft.put(address, None)
        draft.intents.pop(address, None)
        draft.given_up = [tombstone for tombstone in draft.given_up if tombstone.address != address]

    return edit


# --- additive attributes ---------------------------------------------------------------------------------


def granted(address: Address, attribute: str, key: str, value: Any, now: str) -> LedgerEdit:
    """One key of an additive attribute that this stack added, or (value None) took back."""

    def one(entry: Entry) -> Entry:
        ours = dict(entry.applied.get(attribute) or {})
        if value is None:
            ours.pop(key, None)
        else:
            ours[key] = value
        return replace(entry, applied={**entry.applied, attribute: ours}, recorded_at=now)

    return lambda draft: draft.change(address, one)


def found_there(address: Address, attribute: str, key: str) -> LedgerEdit:
    """One key of an additive attribute that somebody else set before this stack could: not ours to take."""

    def one(entry: Entry) -> Entry:
        there = {*entry.there.get(attribute, ()), key}
        return replace(entry, there={**entry.there, attribute: tuple(sorted(there))})

    return lambda draft: draft.change(address, one)
