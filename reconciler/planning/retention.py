"""What isn't removed after all: an integration refers to it still, whoever made that (rule 13). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.matching.users import User, is_owner, leaving, shows_owner, unseen
from reconciler.model import Action, Address, Change
from reconciler.planning.context import PlanningContext
from reconciler.planning.secret_ownership import stays

STILL_IN_USE = "still-in-use"
USERS_UNKNOWN = "users-unknown"


def owners_in_use(
    context: PlanningContext, changes: Mapping[Address, Change]
) -> Mapping[str, Sequence[User]]:
    """Ids of our apps and principals that a live integration refers to which this plan doesn't switch over or
    delete → those integrations (rule 13)."""
    gone = leaving(changes.values(), context.kinds) | _condemned(context)
    if not gone:
        return context.users
    staying = {live_id: [u for u in users if u.id not in gone] for live_id, users in context.users.items()}
    return {live_id: users for live_id, users in staying.items() if users}


def _condemned(context: PlanningContext) -> frozenset[str]:
    """Ids of receivers that an interrupted run was about to delete: a one-way door, so they don't count."""
    return frozenset(
        live_id
        for address, ids in context.leftovers.items()
        if address in context.entries and shows_owner(context.kinds, address.kind_name)
        for live_id in ids
    )


def kept_alive(context: PlanningContext, changes: Iterable[Change]) -> Iterator[tuple[Address, str]]:
    """Apps and principals that stay because somebody refers to them still, with words for people."""
    by_address = {change.address: change for change in changes}
    superseding = [
        change
        for address, change in by_address.items()
        if address in context.formers or change.code or change.spares or change.action is Action.REPLACE
        if is_owner(context.kinds, address)
    ]
    in_use = owners_in_use(context, by_address) if superseding else {}
    for change in superseding:
        address, entry = change.address, context.entries.get(change.address)
        noun = context.kinds[address.kind_name].noun
        if change.code == STILL_IN_USE and change.action is not Action.BLOCKED:
            live_id = (entry.id if entry else "") or change.id or change.name
            yield address, f"{change.reason}; the {noun} {live_id} stays, superseded"
        old = [former.id for former in entry.formers] if entry else []
        old += change.spares
        if change.action is Action.REPLACE and change.id:
            old.append(change.id)
        for live_id in dict.fromkeys(old):
            is_told = change.action is Action.BLOCKED and live_id == change.id  # by what blocks it
            if live_id in in_use and live_id not in change.removes and not is_told:
                yield (
                    address,
                    f"the superseded {noun} {live_id} stays: {_listed(in_use[live_id])} still uses it",
                )


def _listed(users: Iterable[User]) -> str:
    return " and ".join(user.words for user in users)


def staying(context: PlanningContext, changes: Mapping[Address, Change]) -> dict[Address, Change]:
    """What isn't deleted after all, since something that isn't switched over in this plan relies on it."""
    ending = [
        change
        for change in changes.values()
        if (change.action is Action.DELETE or change.deletes_first)
        and is_owner(context.kinds, change.address)
    ]
    in_use = owners_in_use(context, changes) if ending else {}
    stuck = _stuck_users(context, changes) if ending else {}
    found: dict[Address, Change] = {}
    for change in ending:
        address, ends_first = change.address, change.deletes_first
        users = in_use.get(change.id or "", ())
        words = _listed(users) or stuck.get(address, "")
        if not words:
            continue
        kept = replace(change, code=STILL_IN_USE, reason=f"{change.reason}, but {words} still uses it")
        # what would have to go before its successor is made can't be replaced
        kept = replace(kept, action=Action.BLOCKED if ends_first else Action.NO_OP, fields=(), removes=())
        found[address] = kept
        for part, inside in changes.items():
            if part.parent == address and inside.action is Action.DELETE:
                found[part] = replace(kept, address=part, id=inside.id, name=inside.name, live=inside.live)
    return found


def _stuck_users(context: PlanningContext, changes: Mapping[Address, Change]) -> Mapping[Address, str]:
    """Address → a blocked one that still uses it, as last applied."""
    return {
        used: f"{user} (blocked)"
        for user, entry in context.entries.items()
        if user in changes and changes[user].action is Action.BLOCKED
        for used in entry.depends_on
    }


def superseded(context: PlanningContext, change: Change) -> tuple[str, ...]:
    """Ids on record as superseded at a change's address, ours to remove, that outlive this plan."""
    entry = context.entries.get(change.address)
    if entry is None or change.action is Action.FORGET:
        return ()
    gone = {*change.removes, *change.clears}
    return tuple(f.id for f in entry.formers if f.id not in gone and not stays(context, change.address, f.id))


def unfinished(context: PlanningContext, changes: Mapping[Address, Change]) -> dict[Address, Change]:
    """The changes of a destroy; one that does nothing, and leaves something behind, is blocked by that."""
    in_use = owners_in_use(context, changes)
    found = {}
    for address, change in changes.items():
        left = superseded(context, change) if change.action is Action.NO_OP else ()
        if change.code == STILL_IN_USE and not change.is_pending:
            change = replace(change, action=Action.BLOCKED)
        elif left:
            code, words = _why_left(context, address, left, in_use)
            change = replace(change, action=Action.BLOCKED, id=left[0], code=code, reason=words)
        found[address] = change
    return found


def _why_left(
    context: PlanningContext, address: Address, left: Sequence[str], in_use: Mapping[str, Sequence[User]]
) -> tuple[str, str]:
    """Code and words for what a destroy leaves."""
    noun = context.kinds[address.kind_name].noun
    what = f"the superseded {noun} {' and '.join(left)} stays"
    users = [user for live_id in left for user in in_use.get(live_id, ())]
    servers = unseen(context.stack, context.snapshot, context.kinds)
    if users:
        return STILL_IN_USE, f"{what}: {_listed(users)} still uses it"
    if servers and is_owner(context.kinds, address):
        return USERS_UNKNOWN, f"{what}: {', '.join(servers)} couldn't be looked at"
    return STILL_IN_USE, f"{what}: an interrupted run, or what is blocked here, may use it still"
