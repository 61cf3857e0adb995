"""Who may use an object: the list that is written whole, in words and in ids. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds import EVERYONE, Fields, principal_of
from reconciler.matching.matches import Match
from reconciler.model import Cause, Entry, FieldChange, Live, Resource, Snapshot
from reconciler.planning.context import PlanningContext
from reconciler.planning.named_keys import by_id, called, gone, list_troubles

OPEN = "everyone (open to all publishers)"
UNSUPPORTED, EMPTY = "access-unsupported", "access-empty"

Record = Any  # `everyone`, or key → name


def wanted_access(snapshot: Snapshot, resource: Resource, fields: Fields) -> Record:
    """Who is to be on the list, by id: all who can be told; None where the spec doesn't say."""
    named = resource.attributes.get(fields.access) if fields.access else None
    if not isinstance(named, Mapping):
        return named
    return by_id(snapshot, resource.provider, fields, fields.access, named)


def lost_access(
    snapshot: Snapshot, resource: Resource, fields: Fields, entry: Entry | None
) -> dict[str, str]:
    """Who was on the list by a name of the spec, and is gone: neither missed there nor put there."""
    named = resource.attributes.get(fields.access)
    return gone(snapshot, resource.provider, fields, fields.access, named, entry)


def differs(
    snapshot: Snapshot, provider: str, fields: Fields, wanted: Record, lost: Mapping[str, str], there: Record
) -> bool:
    """Whether a live list isn't as wanted; who is gone makes no difference, being open does."""
    if there is None:  # a server without such lists is open to everybody
        return bool(wanted != EVERYONE)
    if wanted == EVERYONE or not there:
        return bool(wanted == EVERYONE) is bool(there)
    dead = {key for key in there if is_dead(snapshot, provider, fields, key)}
    return set(there) - dead - set(lost) != set(wanted) - set(lost)


def is_dead(snapshot: Snapshot, provider: str, fields: Fields, key: str) -> bool:
    """Whether somebody was looked for by the id and isn't there."""
    strangers = snapshot.strangers.get(provider, {})
    return strangers.get(principal_of(fields, fields.access, key), key) is None


def access_change(context: PlanningContext, resource: Resource, match: Match) -> FieldChange | None:
    """How the list is to change; None where it isn't managed, or is as wanted."""
    fields, snapshot, live = context.fields(resource.address), context.snapshot, match.live
    wanted = wanted_access(snapshot, resource, fields)
    if wanted is None or live is None or resource.lifecycle.ignores(fields.access):
        return None
    lost = lost_access(snapshot, resource, fields, match.entry)
    there = live.attributes.get(fields.access)
    if not differs(snapshot, resource.provider, fields, wanted, lost, there):
        return None
    before = match.entry.applied.get(fields.access) if match.entry else None
    lists = isinstance(before, Mapping) and isinstance(wanted, Mapping)
    as_applied = before == wanted or (lists and {**lost, **wanted} == before)
    names = _names(context.entries.get(resource.address), fields, wanted)
    return FieldChange(
        fields.access,
        in_words(snapshot, resource.provider, fields, there or {}, names),
        in_words(snapshot, resource.provider, fields, wanted, names),
        Cause.DRIFT if as_applied else Cause.SPEC,
    )


def _names(entry: Entry | None, fields: Fields, wanted: Record) -> dict[str, str]:
    known = entry.applied.get(fields.access) if entry else None
    found = {**(known if isinstance(known, Mapping) else {})}
    return {**found, **(wanted if isinstance(wanted, Mapping) else {})}


def in_words(
    snapshot: Snapshot, provider: str, fields: Fields, record: Record, names: Mapping[str, str]
) -> Any:
    """A list as people read it: names with ids, sorted."""
    if record == EVERYONE or not record:
        return OPEN
    strangers = snapshot.strangers.get(provider, {})
    found = []
    for key in record:
        who = strangers.get(principal_of(fields, fields.access, key))
        name = names.get(key) or (who.name if who else None)
        found.append(called(fields, fields.access, key, name))
    return sorted(found)


def access_trouble(context: PlanningContext, resource: Resource, live: Live | None) -> tuple[str, str] | None:
    """(code, words) if a list can't be written: nobody would be left on it, which means everybody."""
    fields, snapshot = context.fields(resource.address), context.snapshot
    wanted = wanted_access(snapshot, resource, fields)
    if not isinstance(wanted, Mapping) or wanted:
        return None
    match = context.matches[resource.address]
    if live is not None and access_change(context, resource, match) is None:
        return None
    named = ", ".join(key.replace(":", " ", 1) for key in sorted(resource.attributes[fields.access]))
    words = f"nobody of its access list is left ({named}), and an empty one would open it to all publishers"
    return EMPTY, words


def unsupported(context: PlanningContext, resource: Resource) -> tuple[str, str] | None:
    """(code, words) if the server, as its objects tell, knows no such lists."""
    fields = context.fields(resource.address)
    named = resource.attributes.get(fields.access) if fields.access else None
    if named in (None, EVERYONE) or resource.lifecycle.ignores(fields.access):
        return None
    lives = context.snapshot.of(resource.provider, resource.address.kind_name)
    shown = (fields.access in live.attributes for live in lives.values())
    if next(shown, True) or any(shown):  # most often the first one tells
        return None
    return UNSUPPORTED, "this server is too old for access lists: everybody may use its integrations"


def is_restricted(fields: Fields, live: Live | None) -> bool:
    """Whether an object is there and not everybody may use it."""
    return bool(fields.access and live and live.attributes.get(fields.access))


def held_lists(context: PlanningContext, resource: Resource, live: Live | None) -> dict[str, tuple[str, str]]:
    """Attribute → (code, words) of the lists of a live object that can't be written now."""
    fields = context.fields(resource.address)
    if live is None or resource.attributes.keys().isdisjoint(fields.principals):
        return {}
    found = list_troubles(context, resource)
    if not fields.access or fields.access in found:
        return found
    trouble = access_trouble(context, resource, live)
    change = access_change(context, resource, context.matches[resource.address])
    if context.is_stateless and change is not None and change.after == OPEN and is_restricted(fields, live):
        words = "it would open what is restricted, which needs an approval, and that needs a ledger"
        trouble = ("needs-ledger", words)
    return {**found, fields.access: trouble} if trouble else found
