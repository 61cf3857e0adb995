"""Which secrets a plan takes on trust (`--refresh everyday`), as the ledger is sure of them. Pure.

A list of secrets is a call per service principal, the only part of a plan that grows with their number in
calls. It is spared where nothing hangs on it: the spec is as applied, the end is far, every delivery is
confirmed. Whoever revokes a secret by hand is found out by `drift` and `--refresh full`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.kinds import Kind, Registry
from reconciler.model import (
    Address,
    CredentialState,
    Entry,
    Ledger,
    Live,
    Resource,
    Snapshot,
    Stack,
)
from reconciler.model.times import parse_time
from reconciler.model.values import seconds

MARGIN = timedelta(days=1)  # before the time of rotation: clocks differ


def assumed_secrets(
    stack: Stack,
    ledger: Ledger,
    snapshot: Snapshot,
    entries: Mapping[Address, Entry],
    kinds: Registry,
    now: datetime,
) -> dict[Address, Live]:
    """Secrets that are taken to be as the ledger has them; all others have to be listed.

    Args:
        entries: the ledger's, as the spec's `moved:` renames them.
        snapshot: principals and integrations, observed already.
    """
    doubted = _doubted(stack, ledger, snapshot, entries, kinds)
    return {
        address: _assumed(entry)
        for address, entry in entries.items()
        if address.part
        and address not in doubted
        and _is_sure(stack.resources.get(address), entry, snapshot, kinds[address.kind_name], now)
    }


def _is_sure(
    resource: Resource | None, entry: Entry, snapshot: Snapshot, kind: Kind[Any], now: datetime
) -> bool:
    credential = entry.credential
    if resource is None or not entry.id or entry.formers or credential is None:
        return False
    if credential.state not in (CredentialState.HELD, CredentialState.FRESH):
        return False
    if entry.parent not in snapshot.of(entry.provider, kind.owner):
        return False
    if any(resource.attributes.get(name) != entry.applied.get(name) for name in kind.fields.local):
        return False
    return _is_far(resource, credential.expires_at, now)


def _is_far(resource: Resource, expires_at: str, now: datetime) -> bool:
    ends = parse_time(expires_at)
    if ends is None:
        return not expires_at and not resource.attributes.get("rotate_before")
    before = resource.attributes.get("rotate_before")
    return ends - now > timedelta(seconds=seconds(str(before)) if before else 0) + MARGIN


def _doubted(
    stack: Stack, ledger: Ledger, snapshot: Snapshot, entries: Mapping[Address, Entry], kinds: Registry
) -> set[Address]:
    """Secrets that somebody may need anew, or that an interrupted run left unsettled."""
    found = {tombstone.address for tombstone in ledger.pending.given_up} | set(ledger.pending.intents)
    for address, resource in stack.resources.items():
        sources = {ref.source for ref in resource.refs if ref.is_secret and ref.source.part}
        if sources and not _holds_all(kinds[address.kind_name], resource, sources, snapshot, entries):
            found |= sources
    return found


def _holds_all(
    kind: Kind[Any],
    resource: Resource,
    sources: set[Address],
    snapshot: Snapshot,
    entries: Mapping[Address, Entry],
) -> bool:
    """Whether the live object is the one on record, and holds what is on record."""
    entry = entries.get(resource.address)
    live = snapshot.of(resource.provider, kind.name).get(entry.id) if entry else None
    if entry is None or live is None or live.updated_at != entry.updated_at:
        return False
    keys = kind.fields.sealed_to
    if keys and resource.attributes.get(keys) != live.attributes.get(keys):
        return False  # it is to be sealed anew
    held = {(delivery.source, delivery.credential) for delivery in entry.deliveries.values()}
    return all(source in entries and (source, entries[source].id) in held for source in sources)


def _assumed(entry: Entry) -> Live:
    expires_at = entry.credential.expires_at if entry.credential else ""
    return Live(
        id=entry.id,
        name="",
        attributes={},
        computed={"id": entry.id},
        parent=entry.parent,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        expires_at=expires_at,
    )
