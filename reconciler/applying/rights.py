"""What goes on record of additive attributes and access lists: what this stack added, what was there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reconciler.model import Address, Live, Resource
from reconciler.planning import by_id, differs, gone, lost_access, wanted_access

if TYPE_CHECKING:
    from reconciler.applying.context import ApplyContext

_LAG = timedelta(minutes=1)  # a list may miss so long what was added


def access_of(context: ApplyContext, resource: Resource) -> Any:
    """Who is to use an object: `everyone`, or id → name; None where the spec doesn't say."""
    return wanted_access(context.snapshot, resource, context.fields(resource.address))


def access_on_record(context: ApplyContext, resource: Resource) -> Any:
    """The same with those who are gone: else their names would look as if they had never been anybody's."""
    wanted, fields = access_of(context, resource), context.fields(resource.address)
    lost = lost_access(context.snapshot, resource, fields, context.entry(resource.address))
    return {**lost, **wanted} if isinstance(wanted, Mapping) else wanted


def guarded(context: ApplyContext, address: Address, live: Live | None) -> Any:
    """What is on record of who may use it: as wanted where it is so, else as it was last written."""
    entry, resource, fields = context.entry(address), context.resource(address), context.fields(address)
    wanted = access_of(context, resource)
    if wanted is None:
        return None
    lost = lost_access(context.snapshot, resource, fields, entry)
    there = live.attributes.get(fields.access) if live else None
    if live is not None and differs(context.snapshot, resource.provider, fields, wanted, lost, there):
        return entry.applied.get(fields.access) if entry else None
    return access_on_record(context, resource)


def wanted_keys(context: ApplyContext, resource: Resource, name: str) -> dict[str, Any] | None:
    """What the spec wants of an additive attribute, by id; None where it isn't managed."""
    if name not in resource.attributes:
        return None
    wanted = context.resolved(resource.attributes[name] or {})
    return by_id(context.snapshot, resource.provider, context.fields(resource.address), name, wanted)


def there(context: ApplyContext, address: Address, live: Live | None) -> dict[str, tuple[str, ...]]:
    """Keys of additive attributes that were there before this stack wanted them."""
    found = {
        name: additive(context, address, name, live)[1] for name in sorted(context.fields(address).additive)
    }
    return {name: keys for name, keys in found.items() if keys}


def additive(
    context: ApplyContext, address: Address, name: str, live: Live | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is on record of an additive attribute, and which keys of it this stack didn't make."""
    entry, resource = context.entry(address), context.resource(address)
    if name not in resource.attributes:
        return {}, ()  # not managed any more: what was ours is forgotten
    ours = dict((entry.applied.get(name) if entry else None) or {})
    before = (entry.there.get(name) if entry else None) or ()
    named, fields = resource.attributes[name], context.fields(address)
    lost = gone(context.snapshot, resource.provider, fields, name, named, entry)
    wanted = {**lost, **(wanted_keys(context, resource, name) or {})}
    shown = live.attributes.get(name) if live else None
    seen = shown or {}
    same = {key: value for key, value in wanted.items() if key in seen and seen[key] == value}
    # what isn't wanted and isn't there any more was taken by others: theirs, should it come back
    lags = entry is None or entry.recorded_at >= context.before(_LAG)
    left = ({*ours} - {*before}) & ({*ours} if shown is None or lags else {*seen})
    kept = {key: value for key, value in ours.items() if key in wanted or key in left}
    theirs = {key for key in before if key in wanted} | (set(same) - set(ours))
    return {**same, **kept}, tuple(sorted(theirs))
