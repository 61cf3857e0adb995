"""The keys of additive attributes: one call each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits
from reconciler.applying.context import ApplyContext
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.applying.remote_call import RemoteCall, always, was_refused
from reconciler.kinds import principal_of, renamed
from reconciler.model import Change, Ref


def additive_keys(context: ApplyContext, change: Change) -> dict[tuple[str, str], Any]:
    """All keys that a new object gets, as the plan shows them."""
    fields = context.fields(change.address)
    found = {}
    for field in change.fields:
        name, _, key = field.path.partition(".")
        if name in fields.additive and key:
            found[(name, key)] = field.after
    return found


def grants_of(
    context: ApplyContext, change: Change, grants: Mapping[tuple[str, str], Any]
) -> Iterator[RemoteCall]:
    """One call per key."""
    named = dict(_at_last(context, change, *one, value) for one, value in grants.items())
    for (name, key), value in sorted(named.items()):
        yield (
            _revoked(context, change, name, key)
            if value is None
            else _granted(context, change, name, key, value)
        )


def _at_last(
    context: ApplyContext, change: Change, name: str, key: str, value: Any
) -> tuple[tuple[str, str], Any]:
    """A key that names another object of the stack by what that is called, now that it is there."""
    fields = context.fields(change.address)
    if name not in fields.by_name or value is None:
        return (name, key), value
    said = (context.resource(change.address).attributes.get(name) or {}).get(key)
    at_last = (
        renamed(fields, name, key, str(context.resolved(said)).lower()) if isinstance(said, Ref) else key
    )
    return (name, at_last), principal_of(fields, name, at_last)[1]


def _revoked(context: ApplyContext, change: Change, name: str, key: str) -> RemoteCall:
    kind, api = context.kind(change.address), context.apis[change.provider]
    edit = ledger_edits.granted(change.address, name, key, None, context.now)
    run = partial(kind.revoke, api, context.credential(change.address), name, key)
    return RemoteCall(run=run, after=partial(always, edit))


def _granted(context: ApplyContext, change: Change, name: str, key: str, value: Any) -> RemoteCall:
    """On record before it is sent: else a run that ends in between would take it for somebody else's."""
    kind, api, address = context.kind(change.address), context.apis[change.provider], change.address
    entry = context.entry(address)
    old = ((entry.applied.get(name) if entry else None) or {}).get(key)
    ours = ledger_edits.granted(address, name, key, value, context.now)

    def after(answer: object) -> LedgerEdit:
        theirs = answer is False and old is None
        return ledger_edits.all_of(ours, ledger_edits.found_there(address, name, key)) if theirs else ours

    def failed(error: Exception) -> LedgerEdit | None:
        return ledger_edits.granted(address, name, key, old, context.now) if was_refused(error) else None

    run = partial(kind.grant, api, context.credential(address), name, key, value)
    return RemoteCall(before=ours, run=run, after=after, failed=failed)
