"""What has to go: objects that left the spec, and predecessors that nothing uses any more. Pure.

Only what the ledger says this stack owns is ever removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import timedelta

from reconciler.errors import PlanError, Problem, Severity
from reconciler.model import (
    Action,
    Address,
    Change,
    CredentialState,
    Entry,
    FieldChange,
    Former,
    Lifecycle,
    OnDestroy,
    ReplaceOrder,
    Settles,
)
from reconciler.planning.compare import at_path
from reconciler.planning.leftovers import parent_of, to_clear
from reconciler.planning.situation import Situation
from reconciler.planning.times import parse_time

QUARANTINE = timedelta(minutes=15)
_SUPERSEDING = (Action.REPLACE, Action.ROTATE, Action.ADOPT)


def removals(situation: Situation, changes: Mapping[Address, Change]) -> list[Change]:
    """The changes of addresses that the ledger knows and the spec doesn't."""
    if situation.is_stateless:
        return []
    left = {a: e for a, e in situation.entries.items() if a not in changes}
    found = {address: _removal(situation, address, entry) for address, entry in left.items()}
    found.update(_strays(situation, {*found, *changes}))
    _refuse_protected(found.values())
    _block_used(situation, found, changes)
    return list(found.values())


def with_formers(situation: Situation, changes: Mapping[Address, Change]) -> dict[Address, Change]:
    """The same changes, with the predecessors that can be removed now."""
    after = dict(changes)
    still_used = _credentials_in_use(situation, after) | {*_apps_in_use(situation, after)}
    after = {address: _sparing(change, still_used) for address, change in after.items()}
    for address, entry in situation.entries.items():
        change = after.get(address)
        if change is None or change.action in (Action.BLOCKED, Action.FORGET):
            continue
        # whoever still waits for keep_old loses it with its successor
        ends = change.action is Action.DELETE and entry.id in change.removes
        ready = tuple(f.id for f in entry.formers if _is_ready(situation, f, still_used, waits=not ends))
        if ready:
            after[address] = replace(change, removes=(*change.removes, *ready))
    for address, change in after.items():
        if change.action not in (Action.BLOCKED, Action.FORGET):
            clears, parent = to_clear(situation, address), parent_of(situation, address)
            if clears or parent:
                clears = tuple(dict.fromkeys((*clears, *change.clears)))
                change = replace(change, clears=clears, parent=parent)
            after[address] = _as_leftover(situation, change)
    return after


def _sparing(change: Change, still_used: Set[str]) -> Change:
    """A change that doesn't remove what somebody holds who isn't switched over here: it stays on record, and
    goes when nobody does any more (rules 9 and 13)."""
    if change.action not in _SUPERSEDING or change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return change
    return replace(change, removes=tuple(live_id for live_id in change.removes if live_id not in still_used))


def _as_leftover(situation: Situation, change: Change) -> Change:
    """A change that would do nothing but has something to remove says so."""
    gone = (*change.clears, *change.removes)
    if change.action is not Action.NO_OP or not gone:
        return change
    entry = situation.entries.get(change.address)
    waited = any(former.revoke_after for former in (entry.formers if entry else ()) if former.id in gone)
    reason = "superseded, and keep_old is over" if waited else "left by an interrupted run"
    return replace(
        change,
        action=Action.DELETE,
        id=gone[0],
        reason=reason,
        fields=tuple(FieldChange("id", former, None) for former in gone),
    )


def _strays(situation: Situation, seen: set[Address]) -> dict[Address, Change]:
    """Creates that were interrupted, of addresses that neither the spec nor a record knows."""
    recovery = situation.recovery
    stones = {stone.address: stone.intent for stone in situation.ledger.pending.given_up}
    found = {}
    for address in sorted({*recovery.intents, *recovery.late} - seen):
        left = recovery.intents.get(address)
        intent = left.intent if left else stones[address]
        ids = (left.live.id,) if left and left.settles is Settles.FOUND and left.live else ()
        trouble = left.trouble if left else ""
        found[address] = Change(
            address=address,
            action=Action.BLOCKED if trouble else Action.NO_OP,
            provider=intent.provider,
            id=ids[0] if ids else None,
            name=str(intent.sent.get(situation.fields(address).name) or address.key),
            reason=trouble or "an interrupted create took no effect",
            live=left.live if left else None,
            live_digest=left.live.digest if left and left.live else "",
            clears=ids,
            settles=left.settles if left else Settles.NOTHING,
            code="create-unresolved" if trouble else "",
        )
        if left and _is_forgotten(situation, address):
            found[address] = _forgotten_create(found[address])
    return found


def _is_ready(situation: Situation, former: Former, in_use: set[str], *, waits: bool) -> bool:
    wait = parse_time(former.revoke_after) if waits else None
    if wait is not None and wait > situation.now:
        return False
    credential = former.credential
    if credential is not None and credential.state is CredentialState.CONDEMNED:
        return False  # cleared first
    if credential is not None and credential.state is CredentialState.QUARANTINED:
        since = parse_time(credential.since)
        if since is None or situation.now - since < QUARANTINE:
            return False
    return former.id not in in_use


def _credentials_in_use(situation: Situation, changes: Mapping[Address, Change]) -> set[str]:
    """Ids of credentials that an integration holds, and will hold still after this plan."""
    used = set()
    for address, entry in situation.entries.items():
        change = changes.get(address)
        for path, delivery in entry.deliveries.items():
            renewed = change is not None and (
                change.action in (Action.REPLACE, Action.DELETE)
                or change.settles is Settles.DELIVERED
                or any(field.path == path for field in change.fields)
            )
            if not renewed:
                used.add(delivery.credential)
    return used


def _apps_in_use(situation: Situation, changes: Mapping[Address, Change]) -> Mapping[str, str]:
    """Ids of our apps that a live integration refers to which this plan doesn't touch → words for people."""
    touched = {change.id for change in changes.values() if change.is_pending}
    touched |= {former.id for entry in situation.entries.values() for former in entry.formers}
    users = _users_by_client_id(situation)
    found = {}
    for address, entry in situation.entries.items():
        if address.kind != "oauth_apps":
            continue
        for live_id, computed in ((entry.id, entry.computed), *((f.id, f.computed) for f in entry.formers)):
            words = [words for user, words in users.get(computed.get("client_id"), ()) if user not in touched]
            if words:
                found[live_id] = words[0]
    return found


def kept_alive(situation: Situation, changes: Iterable[Change]) -> Iterator[tuple[Address, str]]:
    """Superseded apps that stay because somebody uses them still, with words for people."""
    by_address = {change.address: change for change in changes}
    in_use = _apps_in_use(situation, by_address)
    for address, change in by_address.items():
        entry = situation.entries.get(address)
        old = [former.id for former in entry.formers] if entry else []
        if change.action is Action.REPLACE and change.id and change.id not in change.removes:
            old.append(change.id)
        for live_id in old:
            if live_id in in_use and live_id not in change.removes:
                yield address, f"the superseded app {live_id} stays, since {in_use[live_id]} still uses it"


def _removal(situation: Situation, address: Address, entry: Entry) -> Change:
    live = situation.snapshot.of(entry.provider, address.kind_name).get(entry.id)
    lifecycle = _lifecycle(situation, address, entry)
    change = Change(
        address=address,
        action=Action.DELETE,
        provider=entry.provider,
        id=entry.id or None,
        name=(live.name if live else entry.name) or entry.name or address.key,
        reason="it left the spec",
        fields=(FieldChange("id", entry.id or entry.formers[0].id, None),),
        depends_on=entry.depends_on,
        live_digest=live.digest if live else "",
        lifecycle=lifecycle,
        live=live,
    )
    if _is_forgotten(situation, address):
        return _forgotten(change, "the spec's forget: lists it")
    if lifecycle.on_destroy is OnDestroy.RETAIN:
        return _forgotten(change, "it left the spec, and on_destroy: retain keeps it alive")
    if live is None and not entry.formers:
        return _forgotten(change, "it left the spec, and is gone already")
    if lifecycle.on_destroy is OnDestroy.DEACTIVATE and not address.part:
        return replace(
            change,
            reason="it left the spec, and on_destroy says deactivate",
            fields=(FieldChange("active", True, False),),
            removes=(entry.id,) if entry.id else (),
        )
    return replace(change, removes=(entry.id,) if entry.id else ())


def _lifecycle(situation: Situation, address: Address, entry: Entry) -> Lifecycle:
    """As last applied; a part shares the fate of its parent."""
    parent = situation.entries.get(address.parent) if address.parent else None
    if parent is not None and address.parent not in situation.stack.resources:
        return replace(parent.lifecycle, prevent_destroy=False)
    return entry.lifecycle


def _is_forgotten(situation: Situation, address: Address) -> bool:
    forget = situation.stack.forget
    return address in forget or (address.parent or address) in forget


def _forgotten_create(change: Change) -> Change:
    """An interrupted create whose outcome nobody wants to know any more."""
    shown = FieldChange("id", change.id or "(not known)", None)
    settled = replace(change, clears=(), settles=Settles.NOTHING, code="", fields=(shown,))
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


# --- what is still in use stays --------------------------------------------------------------------------


def _block_used(
    situation: Situation, found: dict[Address, Change], changes: Mapping[Address, Change]
) -> None:
    """A delete waits while something that isn't switched over in this plan still relies on the object."""
    touched = {c.id for c in (*found.values(), *changes.values()) if c.is_pending}
    touched |= {former.id for entry in situation.entries.values() for former in entry.formers}
    users = _users_by_client_id(situation)
    stuck = _stuck_users(situation, changes)
    for address, change in found.items():
        if change.action is not Action.DELETE:
            continue
        client_id = change.live.computed.get("client_id") if change.live else None
        foreign = (words for live_id, words in users.get(client_id, ()) if live_id not in touched)
        user = stuck.get(address)
        if address.kind == "oauth_apps":
            user = user or next(foreign, None)
        if user:
            found[address] = replace(
                change,
                action=Action.BLOCKED,
                code="still-in-use",
                reason=f"it left the spec, but {user} still uses it",
            )


def _users_by_client_id(situation: Situation) -> Mapping[str | None, list[tuple[str, str]]]:
    """client_id → ids of the live integrations that refer to it, with words for people."""
    users: dict[str | None, list[tuple[str, str]]] = defaultdict(list)
    for (provider, kind), objects in situation.snapshot.objects.items():
        if kind != "connect_integrations":
            continue
        for live in objects.values():
            client_id = at_path(live.attributes, "config.client_id")
            if client_id:
                words = f"the integration {live.id} ({live.name!r}) on {provider}"
                users[client_id].append((live.id, words))
    return users


def _stuck_users(situation: Situation, changes: Mapping[Address, Change]) -> Mapping[Address, str]:
    """Address → a blocked one that still uses it, as last applied."""
    return {
        used: f"{user} (blocked)"
        for user, entry in situation.entries.items()
        if user in changes and changes[user].action is Action.BLOCKED
        for used in entry.depends_on
    }


def blocked_problems(changes: Iterable[Change]) -> list[Problem]:
    """Each blocked address as an error, so that nobody overlooks it."""
    return [
        Problem(Severity.ERROR, change.code or "blocked", change.reason, str(change.address))
        for change in changes
        if change.action is Action.BLOCKED
    ]
