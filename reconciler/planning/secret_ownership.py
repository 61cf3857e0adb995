"""Whose a secret is: what this stack issued, what it took over, and who else may be using it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.kinds import Registry
from reconciler.matching.users import users_of
from reconciler.model import Action, Address, Change, Live, Origin, Snapshot
from reconciler.model.times import parse_time
from reconciler.planning.context import PlanningContext


def stays(context: PlanningContext, address: Address, live_id: str) -> bool:
    """Whether a secret isn't ours to revoke: not issued here, and the spec doesn't say `adopted: revoke`."""
    if not address.part or not live_id:
        return False
    entry, resource = context.entries.get(address), context.stack.resources.get(address)
    origins = {former.id: former.origin for former in entry.formers} if entry else {}
    if entry is not None and entry.id:
        origins[entry.id] = entry.origin
    if origins.get(live_id, Origin.ADOPTED) is Origin.CREATED:
        return False
    said = resource.attributes if resource is not None else entry.applied if entry is not None else {}
    return said.get("adopted") != "revoke"


def left(context: PlanningContext, changes: Collection[Change]) -> Iterator[tuple[Address, str]]:
    """Superseded secrets that stay, since this stack didn't issue them, with words for people."""
    for change in changes:
        address = change.address
        entry = context.entries.get(address)
        ids = [former.id for former in (entry.formers if entry else ())]
        if (
            change.action is Action.ROTATE
            and change.id
            and change.id not in (*change.removes, *change.clears)
        ):
            ids.append(change.id)
        live = context.snapshot.of(change.provider, address.kind_name)
        for live_id in ids:
            if live_id in live and stays(context, address, live_id):
                age = _age(context, live[live_id])
                yield address, f"the secret {live_id}{age} stays alive: this stack didn't issue it"


def _age(context: PlanningContext, live: Live) -> str:
    made = parse_time(live.created_at)
    return f", {max(0, (context.now - made).days)} days old," if made is not None else ""


def is_shared(snapshot: Snapshot, kinds: Registry, client_id: str, own: Collection[str]) -> bool:
    """Whether a receiver that isn't this stack's refers to a client: it may hold any of its secrets.

    Args:
        own: remote ids of the receivers that are this stack's.
    """
    return any(user.id not in own for user in users_of(client_id, snapshot, kinds))
