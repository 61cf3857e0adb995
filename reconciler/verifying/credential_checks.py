"""Checks of apps, service principals and their secrets: are they there, whole, and good for a while? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.matching import at_path, same_leaf
from reconciler.model import Address, Live, Resource
from reconciler.model.times import parse_time
from reconciler.model.values import seconds
from reconciler.verifying.context import APPLY, FULL, VerifyContext, stated

SOON = timedelta(days=14)
_LISTS = {"redirect_urls": "redirect URL", "scopes": "scope"}


def absence(context: VerifyContext, address: Address) -> str:
    """Why an address has no live object, and what to do; "" if it has one."""
    match = context.matches.get(address)
    if match is None or match.live is not None:
        return ""
    if match.trouble:
        return match.trouble
    if address.part:
        gone = (
            f"its secret is gone, revoked or expired: {FULL}" if match.vanished else f"it has none: {APPLY}"
        )
        return f"{gone}, which issues another one and delivers it"
    if match.vanished:
        return f"it was deleted outside of this stack: {APPLY}, which makes it anew"
    return f"it doesn't exist: {APPLY}"


def unlike(context: VerifyContext, resource: Resource, live: Live) -> Iterator[str]:
    """What can't be changed and isn't as the spec says."""
    fields = context.kinds[resource.address.kind_name].fields
    for path in sorted(fields.immutable - {fields.name}):
        wanted, there = stated(at_path(resource.attributes, path)), at_path(live.attributes, path)
        if wanted is not None and not same_leaf(path, wanted, there, fields):
            yield f"its {path} is {there} instead of {wanted}: run `reconcile plan`, it has to be replaced"


def app_troubles(context: VerifyContext, resource: Resource) -> Iterator[str]:
    """What is wrong with an app's registration."""
    live = context.live(resource.address)
    if live is None:
        yield absence(context, resource.address)
        return
    yield from unlike(context, resource, live)
    fields = context.kinds[resource.address.kind_name].fields
    for path, noun in _LISTS.items():
        if resource.lifecycle.ignores(path):
            continue
        there = live.attributes.get(path) or ()
        for wanted in map(stated, resource.attributes.get(path) or ()):
            if wanted is not None and not any(same_leaf(path, wanted, one, fields) for one in there):
                yield f"the {noun} {wanted} isn't registered: {APPLY}"


def principal_troubles(context: VerifyContext, address: Address) -> Iterator[str]:
    """What is wrong with a service principal."""
    live = context.live(address)
    if live is None:
        if words := absence(context, address):
            yield words
    elif not live.active and stated(context.stack.resources[address].attributes.get("active")) is not False:
        yield f"{address} is deactivated: say `active: true` in the spec, and {APPLY}"
    elif not live.active:
        yield f"the spec deactivates {address}: say `active: true`, and {APPLY}"


def secret_troubles(context: VerifyContext, address: Address) -> Iterator[str]:
    """What is wrong with a service principal's secret."""
    if address.parent is not None:
        found = list(principal_troubles(context, address.parent))
        if found:
            yield from found
            return
    match = context.matches.get(address)
    if match is None or match.unsure:
        return
    if match.live is None:
        yield absence(context, address)
        return
    ends = parse_time(match.live.expires_at)
    if ends is not None and ends <= context.now:
        yield f"it expired {ends:%Y-%m-%d}: {FULL}, which issues another one and delivers it"


def lasting(context: VerifyContext, address: Address) -> str:
    """How long a secret lasts, in words; "" where nothing is known of an end."""
    live = context.live(address)
    ends = parse_time(live.expires_at) if live else None
    if ends is None:
        return ""
    days = (ends - context.now).days
    left = f"ends {ends:%Y-%m-%d}" + (f", in {days} day{'' if days == 1 else 's'}" if days < 100 else "")
    before = context.stack.resources[address].attributes.get("rotate_before")
    if before and ends - context.now <= timedelta(seconds=seconds(str(before))):
        return f"{left}: {APPLY}, which rotates it"
    if ends - context.now <= SOON:
        return f"{left}: run `reconcile rotate {address.parent or address}`"
    return left
