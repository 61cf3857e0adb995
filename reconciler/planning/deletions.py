"""What has to go: objects that left the spec, and predecessors that nothing uses any more. Pure.

Only what the ledger says this stack owns is ever removed.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Set
from dataclasses import replace
from datetime import timedelta

from reconciler.errors import PlanError, Problem, Severity
from reconciler.matching.canonical import at_path
from reconciler.matching.users import is_owner, unseen
from reconciler.model import (
    Action,
    Address,
    Change,
    CredentialState,
    Entry,
    FieldChange,
    IntentResolution,
    Lifecycle,
    OnDestroy,
    ReplaceOrder,
    Superseded,
)
from reconciler.model.times import parse_time
from reconciler.planning.context import PlanningContext, is_secret
from reconciler.planning.elsewhere import is_elsewhere
from reconciler.planning.orphans import parent_of, to_clear
from reconciler.planning.retention import STILL_IN_USE, owners_in_use, staying
from reconciler.planning.secret_ownership import stays

QUARANTINE = timedelta(minutes=15)
UNSEEN_WAIT = timedelta(days=7)  # what is superseded stays as long, where a server can't be looked at
_SUPERSEDING = (Action.REPLACE, Action.ROTATE, Action.ADOPT)


def removals(
    context: PlanningContext, changes: Mapping[Address, Change], *, spares: bool = False
) -> list[Change]:
    """The changes of addresses that the ledger knows and the spec doesn't.

    Args:
        spares: nothing of it will be deleted now, so that `prevent_destroy` isn't in the way.
    """
    if context.is_stateless:
        return []
    left = {a: e for a, e in context.entries.items() if a not in changes}
    found = {address: _removal(context, address, entry) for address, entry in left.items()}
    found.update(_orphans(context, {*found, *changes}))
    if not spares:
        _refuse_protected(found.values())
    return list(found.values())


def with_formers(context: PlanningContext, changes: Mapping[Address, Change]) -> dict[Address, Change]:
    """The same changes, with the predecessors that can be removed now, and what interrupted runs left."""
    after = {**changes, **staying(context, changes)}
    left = {
        address
        for address, change in after.items()
        if change.clears or address in context.leftovers or address in context.open_intents
    }
    if left or context.formers or any(change.removes for change in after.values()):
        in_use = owners_in_use(context, after)
        after = _with_ready(context, after, in_use)
        after |= {address: _with_clears(context, after[address], in_use) for address in left}
    return {address: _as_leftover(context, _as_waiting(change)) for address, change in after.items()}


def _with_ready(
    context: PlanningContext, changes: Mapping[Address, Change], in_use: Collection[str]
) -> dict[Address, Change]:
    """The changes, with the predecessors that nobody holds any more and that nobody waits for."""
    still_used = _credentials_in_use(context, changes) | {*in_use}
    let_go = _switched_over(context, changes)
    after = {address: _sparing(change, still_used) for address, change in changes.items()}
    for address, formers in context.formers.items():
        change = after.get(address)
        if change is None or change.action in (Action.BLOCKED, Action.FORGET):
            continue
        ends = _ends(context, change, context.entries[address])
        ready = tuple(
            f.id
            for f in formers
            if not stays(context, address, f.id)
            and _is_ready(context, f, still_used, waits=not ends)
            and not (f.revoke_after and f.id in let_go and not ends)  # keep_old counts from now on
            and not (is_owner(context.kinds, address) and _may_be_used(context, f))
        )
        if ready:
            after[address] = replace(change, removes=(*change.removes, *ready))
    return after


def _with_clears(context: PlanningContext, change: Change, in_use: Container[str]) -> Change:
    """The change, with what interrupted runs left: what nobody uses goes, the rest goes on record."""
    if change.action in (Action.BLOCKED, Action.FORGET):
        return change
    found = to_clear(context, change.address)
    return replace(
        change,
        clears=tuple(i for i in dict.fromkeys((*found, *change.clears)) if i not in in_use),
        parent=parent_of(context, change.address) or change.parent,
        spares=_to_record(context, change.address, found, in_use),
    )


def _ends(context: PlanningContext, change: Change, entry: Entry) -> bool:
    """Whether nobody waits for keep_old any more: it goes with the successor, and with the whole stack; but
    of a principal that stays in use nobody knows which secret is."""
    if change.code == STILL_IN_USE:
        return not context.stack.resources and is_owner(context.kinds, change.address)
    return change.action is Action.DELETE and (entry.id in change.removes or not entry.id)


def _as_waiting(change: Change) -> Change:
    """A delete that has nothing to remove so far is no change: its superseded objects wait."""
    if change.action is not Action.DELETE or change.id or change.clears or change.removes:
        return change
    return replace(change, action=Action.NO_OP, reason=f"{change.reason}, but waits", fields=())


def _to_record(
    context: PlanningContext, address: Address, ids: Iterable[str], in_use: Container[str]
) -> tuple[str, ...]:
    """Orphans that stay, as somebody refers to them, and that aren't on record yet."""
    entry = context.entries.get(address)
    known = {former.id for former in entry.formers} if entry else set()
    return tuple(live_id for live_id in ids if live_id in in_use and live_id not in known)


def _may_be_used(context: PlanningContext, former: Superseded) -> bool:
    """Whether a superseded app or principal stays as nobody can tell who uses it: for a week at least."""
    if not unseen(context.stack, context.snapshot, context.kinds):
        return False
    since = parse_time(former.since)
    return since is None or context.now - since < UNSEEN_WAIT


def _sparing(change: Change, still_used: Set[str]) -> Change:
    """A change that doesn't remove what somebody holds who isn't switched over here: it stays on record, and
    goes when nobody does any more (rules 9 and 13)."""
    if change.action not in _SUPERSEDING or change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return change
    return replace(change, removes=tuple(live_id for live_id in change.removes if live_id not in still_used))


def _as_leftover(context: PlanningContext, change: Change) -> Change:
    """A change that would do nothing but has something to remove says so."""
    gone = (*change.clears, *change.removes)
    if not gone or change.action is not Action.NO_OP:
        return change
    entry = context.entries.get(change.address)
    formers = [former for former in (entry.formers if entry else ()) if former.id in gone]
    reason = "left by an interrupted run"
    if any(former.revoke_after for former in formers):
        reason = "superseded, and keep_old is over"
    elif change.removes and not change.clears:
        carried = context.fields(change.address).carried
        reason = f"superseded, and {'it is time' if carried else 'nobody uses it any more'}"
    if change.code == STILL_IN_USE:
        reason = f"{change.reason}; its superseded predecessor goes"
    return replace(
        change,
        action=Action.DELETE,
        id=gone[0],
        reason=reason,
        fields=tuple(FieldChange("id", former, None) for former in gone),
    )


def _orphans(context: PlanningContext, seen: set[Address]) -> dict[Address, Change]:
    """Creates that were interrupted, of addresses that neither the spec nor a record knows."""
    recovery = context.recovery
    tombstones = {tombstone.address: tombstone.intent for tombstone in context.ledger.pending.given_up}
    found = {}
    for address in sorted({*recovery.intents, *recovery.late} - seen):
        left = recovery.intents.get(address)
        intent = left.intent if left else tombstones[address]
        ids = (left.live.id,) if left and left.settles is IntentResolution.FOUND and left.live else ()
        trouble = left.trouble if left else ""
        found[address] = Change(
            address=address,
            action=Action.BLOCKED if trouble else Action.NO_OP,
            provider=intent.provider,
            id=ids[0] if ids else None,
            name=str(intent.sent.get(context.fields(address).name) or address.key),
            reason=trouble or "an interrupted create took no effect",
            live=left.live if left else None,
            clears=ids,
            settles=left.settles if left else IntentResolution.NOTHING,
            code="create-unresolved" if trouble else "",
        )
        if left and _is_forgotten(context, address):
            found[address] = _forgotten_create(found[address])
    return found


def _is_ready(context: PlanningContext, former: Superseded, in_use: set[str], *, waits: bool) -> bool:
    wait = parse_time(former.revoke_after) if waits else None
    if wait is not None and wait > context.now:
        return False
    credential = former.credential
    if former.is_condemned:
        return False  # cleared first
    if credential is not None and credential.state is CredentialState.QUARANTINED:
        since = parse_time(credential.since)
        if since is None or context.now - since < QUARANTINE:
            return False
    return former.id not in in_use


def _credentials_in_use(context: PlanningContext, changes: Mapping[Address, Change]) -> set[str]:
    """Ids of credentials that a receiver holds, and will hold still after this plan."""
    used = set()
    for address, entry in context.entries.items():
        change = changes.get(address)
        if change is not None and _is_gone(context, address, entry):
            continue
        for path, delivery in entry.deliveries.items():
            if not _is_let_go(context, change, address, path):
                used.add(delivery.credential)
    return used


def _switched_over(context: PlanningContext, changes: Mapping[Address, Change]) -> set[str]:
    """Ids of credentials that a receiver holds until this plan gives it another."""
    return {
        delivery.credential
        for address, entry in context.entries.items()
        if (change := changes.get(address)) is not None
        and change.action in (Action.UPDATE, Action.REPLACE)
        and not _is_gone(context, address, entry)
        for path, delivery in entry.deliveries.items()
        if change.action is Action.REPLACE or any(field.path == path for field in change.fields)
    }


def _is_gone(context: PlanningContext, address: Address, entry: Entry) -> bool:
    """Whether a receiver was deleted outside of this stack: what is gone holds nothing."""
    key = (entry.provider, address.kind_name)
    return key in context.snapshot.objects and entry.id not in context.snapshot.of(*key)


def _is_let_go(context: PlanningContext, change: Change | None, address: Address, path: str) -> bool:
    """Whether this plan takes a credential from a receiver's field, or the field is gone already."""
    if change is None or change.action is Action.BLOCKED:
        return False
    if change.action in (Action.REPLACE, Action.DELETE) or change.settles is IntentResolution.DELIVERED:
        return True
    resource = context.stack.resources.get(address)
    if resource is not None and not is_secret(at_path(resource.attributes, path)):
        return True
    return any(field.path == path for field in change.fields)


def _removal(context: PlanningContext, address: Address, entry: Entry) -> Change:
    live = context.snapshot.of(entry.provider, address.kind_name).get(entry.id)
    lifecycle = _lifecycle(context, address, entry)
    change = Change(
        address=address,
        action=Action.DELETE,
        provider=entry.provider,
        id=entry.id or None,
        name=(live.name if live else entry.name) or entry.name or address.key,
        reason="it left the spec",
        fields=(FieldChange("id", entry.id or entry.formers[0].id, None),),
        depends_on=entry.depends_on,
        lifecycle=lifecycle,
        live=live,
    )
    if _is_forgotten(context, address):
        return _forgotten(change, "the spec's forget: lists it")
    if lifecycle.on_destroy is OnDestroy.RETAIN:
        return _forgotten(change, "it left the spec, and on_destroy: retain keeps it alive")
    if live is None and is_elsewhere(context, entry.provider, address.kind_name):
        words = f"it left the spec, and what {entry.provider} has is on another machine"
        code = context.kinds[address.kind_name].elsewhere
        return replace(change, action=Action.BLOCKED, reason=words, code=code, fields=())
    if live is None and not entry.formers:
        return _forgotten(change, "it left the spec, and is gone already")
    if stays(context, address, entry.id or entry.formers[0].id):
        return _forgotten(change, "it left the spec, and isn't revoked by itself: this stack didn't issue it")
    if lifecycle.on_destroy is OnDestroy.DEACTIVATE and not address.part:
        return replace(
            change,
            reason="it left the spec, and on_destroy says deactivate",
            fields=(FieldChange("active", True, False),),
            removes=(entry.id,) if entry.id else (),
        )
    return replace(change, removes=(entry.id,) if entry.id else ())


def _lifecycle(context: PlanningContext, address: Address, entry: Entry) -> Lifecycle:
    """As last applied; a part goes the way of its parent."""
    parent = context.entries.get(address.parent) if address.parent else None
    if parent is not None and address.parent not in context.stack.resources:
        return replace(parent.lifecycle, prevent_destroy=False)
    return entry.lifecycle


def _is_forgotten(context: PlanningContext, address: Address) -> bool:
    forget = context.stack.forget
    return address in forget or (address.parent or address) in forget


def _forgotten_create(change: Change) -> Change:
    """An interrupted create whose outcome nobody wants to know any more."""
    shown = FieldChange("id", change.id or "(not known)", None)
    settled = replace(change, clears=(), settles=IntentResolution.NOTHING, code="", fields=(shown,))
    return _forgotten(settled, "the spec's forget: lists it")


def _forgotten(change: Change, reason: str) -> Change:
    return replace(change, action=Action.FORGET, reason=reason)


def _refuse_protected(changes: Iterable[Change]) -> None:
    protected = sorted(
        str(c.address) for c in changes if c.action is Action.DELETE and c.lifecycle.prevent_destroy
    )
    if protected:
        raise PlanError(
            f"prevent_destroy forbids to delete {', '.join(protected)}",
            code="prevent-destroy",
            address=protected[0],
            hint="put the resource back, apply it once with prevent_destroy: false, or list it under forget:",
        )


def refuse_protected_replaces(changes: Iterable[Change]) -> None:
    """A replace deletes as well.

    Raises:
        PlanError: a resource with `prevent_destroy` would be replaced.
    """
    for change in changes:
        if change.action is Action.REPLACE and change.lifecycle.prevent_destroy:
            raise PlanError(
                f"prevent_destroy forbids to replace {change.address}: {change.reason}",
                code="prevent-destroy",
                address=str(change.address),
                hint="take the change back, or set prevent_destroy: false",
            )


def blocked_problems(changes: Iterable[Change]) -> list[Problem]:
    """Each blocked address as an error, so that nobody overlooks it."""
    all_changes = list(changes)
    found = [
        Problem(Severity.ERROR, change.code or "blocked", change.reason, str(change.address))
        for change in all_changes
        if change.action is Action.BLOCKED
    ]
    # of the others only a list stays as it is
    found += [
        Problem(Severity.ERROR, code, f"{attribute} stays as it is: {words}", str(change.address))
        for change in all_changes
        for attribute, (code, words) in sorted(change.held.items())
    ]
    return found
