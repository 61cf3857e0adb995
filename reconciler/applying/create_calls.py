"""The calls that make an object: its intent, its one-time secret, its check."""

from __future__ import annotations

import secrets as entropy
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits
from reconciler.applying.context import Work, secret_leaves, utc
from reconciler.applying.ledger_edits import Edit
from reconciler.applying.remote_call import Call, always, was_refused
from reconciler.applying.shared import additive_keys, grants_of, sources_of, with_advice
from reconciler.kinds import Created, Evidence
from reconciler.model import (
    Action,
    Address,
    Change,
    Credential,
    CredentialState,
    Entry,
    Former,
    Origin,
    ReplaceOrder,
    Resource,
)
from reconciler.model.values import seconds
from reconciler.secrets import Fingerprint

DEFAULT_LIFETIME = 730 * 86_400  # seconds; what Databricks gives, and the most it gives


def create(work: Work, change: Change) -> Iterator[Call]:
    """Intent, POST, record; then what a renewed credential goes through before anybody gets it."""
    address = change.address
    resource = work.resource(address)
    kind, api = work.kind(address), work.apis[change.provider]
    parent = str(work.resolved(resource.attributes.get(work.fields(address).parent) or ""))
    attributes, tag = _body(work, resource)
    handed = dict(secret_leaves(resource.attributes))
    sources = sources_of(handed)
    intent = work.intent(change, attributes, parent, tag)

    def made(created: Created) -> Edit:
        _learn(work, address, created)
        return ledger_edits.all_of(
            ledger_edits.recorded(
                address,
                _entry(work, resource, created, handed),
                former=_former(work, change, resource),
            ),
            ledger_edits.settled(address),
            ledger_edits.arrived(sources, str(address), confirmed=True),
            ledger_edits.approved(work.plan, change),
        )

    def failed(error: Exception) -> Edit | None:
        if not was_refused(error):
            return None  # nobody knows: the intent stays open, and the next plan finds out
        return ledger_edits.all_of(
            ledger_edits.settled(address), ledger_edits.arrived(sources, str(address), confirmed=False)
        )

    yield Call(
        before=ledger_edits.all_of(
            ledger_edits.intended(address, intent),
            ledger_edits.sending(sources, str(address), "", work.runner),
        ),
        run=lambda: with_advice(change, lambda: kind.create(api, attributes, parent)),
        after=made,
        failed=failed,
    )
    yield from grants_of(work, change, additive_keys(work, change))
    yield from _tried(work, change)


def _tried(work: Work, change: Change) -> Iterator[Call]:
    """What a renewed credential goes through before anybody gets it: a token request, or a while."""
    address = change.address
    if change.action is Action.ROTATE and address.parent is not None:
        client_id = work.computed.get(address.parent, {}).get(work.fields(address.parent).referred_by, "")
        secret = work.values[work.credential(address)]
        yield Call(
            run=partial(work.kind(address).check, work.apis[change.provider], client_id, secret),
            failed=partial(always, ledger_edits.refused(change)),
        )
    elif change.action is Action.REPLACE and work.settle and work.fields(address).shows_secret:
        yield Call(run=partial(work.pause, work.settle))


def _body(work: Work, resource: Resource) -> tuple[dict[str, Any], int]:
    """What a create sends, and the exact lifetime by which a secret is known as ours."""
    fields = work.fields(resource.address)
    skipped = fields.additive | fields.local | {fields.parent}
    body = {k: v for k, v in resource.attributes.items() if k not in skipped and v is not None}
    if work.kind(resource.address).evidence is not Evidence.LIFETIME:
        return work.resolved(body), 0
    lifetime = resource.attributes.get("lifetime")
    tag = labelled(seconds(str(lifetime)) if lifetime else DEFAULT_LIFETIME)
    return {"lifetime_seconds": tag}, tag


def labelled(lifetime: int) -> int:
    """A lifetime in seconds that marks a secret as ours: people ask for round ones (crash-safety, §5).

    The wanted one less 61…3599 s, with a remainder by 60 of 10…50; left as it is when too short for that.
    """
    if lifetime < 2 * 3600:
        return lifetime
    whole = lifetime - lifetime % 60
    return whole - 60 * (2 + entropy.randbelow(58)) + 10 + entropy.randbelow(41)


def _learn(work: Work, address: Address, created: Created) -> None:
    work.computed[address] = {"id": created.live.id, **created.live.computed}
    if created.secret is not None:
        work.values[created.live.id] = created.secret


def _entry(work: Work, resource: Resource, created: Created, handed: Mapping[str, Any]) -> Entry:
    credential = None
    if created.secret is not None:
        mark = Fingerprint.of(created.secret)
        made = Credential(CredentialState.FRESH, mark.salt, mark.mark, expires_at=created.live.expires_at)
        credential = work.in_custody(made, created.secret)
    applied = work.without_secrets(resource.address, work.recordable(resource))
    return ledger_edits.entry_of(
        resource,
        created.live,
        applied={k: v for k, v in applied.items() if k not in work.fields(resource.address).additive},
        origin=Origin.CREATED,
        credential=credential,
        deliveries={path: work.delivery(value) for path, value in handed.items()},
        now=work.now,
    )


def _former(work: Work, change: Change, resource: Resource) -> Former | None:
    if change.action not in (Action.REPLACE, Action.ROTATE) or change.live is None:
        return None
    if change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return None  # it is gone already
    if change.live.id in change.clears and change.live.id not in work.stayed:
        return None  # nobody ever had it, and it went first
    entry = work.entry(change.address)
    if entry is not None and any(former.id == change.live.id for former in entry.formers):
        return None  # on record as such already
    wait = change.keeps
    until = utc(work.clock() + timedelta(seconds=wait)) if wait else ""
    by = entry.credential.by if entry and entry.credential else None
    return ledger_edits.former_of(
        entry, change.live, revoke_after=until, is_dead=by is None or by in work.dead, now=work.now
    )
