"""The calls that make an object: its intent, its one-time secret, its check."""

from __future__ import annotations

import secrets as entropy
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits, rights
from reconciler.applying.advice import with_advice
from reconciler.applying.context import ApplyContext, secret_leaves, sources_of, utc
from reconciler.applying.grants import additive_keys, grants_of
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.applying.remote_call import RemoteCall, always, was_refused
from reconciler.applying.succession import access_left, handed_on, inherited, record_of
from reconciler.applying.superseded import switched
from reconciler.kinds import EVERYONE, Created, Evidence
from reconciler.model import (
    Action,
    Address,
    Change,
    Credential,
    CredentialState,
    Entry,
    Origin,
    ReplaceOrder,
    Resource,
    Superseded,
)
from reconciler.model.values import seconds
from reconciler.secrets import Fingerprint

DEFAULT_LIFETIME = 730 * 86_400  # seconds; what Databricks gives, and the most it gives


def create(context: ApplyContext, change: Change) -> Iterator[RemoteCall]:
    """Intent, POST, record; then what a renewed credential goes through before anybody gets it."""
    address = change.address
    resource = context.resource(address)
    kind, api = context.kind(address), context.apis[change.provider]
    parent = str(context.resolved(resource.attributes.get(context.fields(address).parent) or ""))
    attributes, tag = _body(context, change, resource)
    before = context.entry(address)
    handed = dict(secret_leaves(resource.attributes))
    sources = sources_of(handed)
    intent = context.intent(change, attributes, parent, tag)

    def made(created: Created) -> LedgerEdit:
        _learn(context, address, created)
        return ledger_edits.all_of(
            switched(address, handed, context.now),
            ledger_edits.recorded(
                address,
                _entry(context, resource, created, handed, record_of(context, change, before)),
                former=_former(context, change, resource),
            ),
            ledger_edits.settled(address),
            ledger_edits.arrived(sources, str(address), confirmed=True),
            ledger_edits.approved(context.plan, change),
        )

    def failed(error: Exception) -> LedgerEdit | None:
        if not was_refused(error):
            return None  # nobody knows: the intent stays open, and the next plan finds out
        return ledger_edits.all_of(
            ledger_edits.settled(address), ledger_edits.arrived(sources, str(address), confirmed=False)
        )

    yield RemoteCall(
        before=ledger_edits.all_of(
            ledger_edits.intended(address, intent),
            ledger_edits.sending(sources, str(address), "", context.runner),
        ),
        run=lambda: with_advice(
            kind,
            change,
            lambda: kind.create(api, attributes, parent),
            lambda: kind.namesake(api, attributes, parent),
        ),
        after=made,
        failed=failed,
    )
    if change.action is Action.REPLACE and change.live is not None and not change.deletes_first:
        yield from handed_on(context, change, change.live.id, context.credential(address), before)
    yield from inherited(context, change, before)
    yield from grants_of(context, change, additive_keys(context, change))
    yield from _tried(context, change)


def _tried(context: ApplyContext, change: Change) -> Iterator[RemoteCall]:
    """What a renewed credential goes through before anybody gets it: a token request, or a while."""
    address = change.address
    if change.action is Action.ROTATE and address.parent is not None:
        client_id = context.computed.get(address.parent, {}).get(
            context.fields(address.parent).referred_by, ""
        )
        secret = context.values[context.credential(address)]
        yield RemoteCall(
            run=partial(context.kind(address).check, context.apis[change.provider], client_id, secret),
            failed=partial(always, ledger_edits.refused(change)),
        )
    elif change.action is Action.REPLACE and context.settle and context.fields(address).shows_secret:
        yield RemoteCall(run=partial(context.pause, context.settle))


def _body(context: ApplyContext, change: Change, resource: Resource) -> tuple[dict[str, Any], int]:
    """What a create sends, and the exact lifetime by which a secret is known as ours."""
    fields = context.fields(resource.address)
    skipped = fields.additive | fields.local | {fields.parent, fields.access}
    body = {k: v for k, v in resource.attributes.items() if k not in skipped and v is not None}
    if context.kind(resource.address).evidence is not Evidence.LIFETIME:
        return {**context.resolved(body), **_access(context, change, resource)}, 0
    lifetime = resource.attributes.get("lifetime")
    tag = labelled(seconds(str(lifetime)) if lifetime else DEFAULT_LIFETIME)
    return {"lifetime_seconds": tag}, tag


def _access(context: ApplyContext, change: Change, resource: Resource) -> dict[str, Any]:
    """Who may use it goes along, so that it is open at no instant; a successor keeps who could before."""
    fields = context.fields(resource.address)
    if not fields.access:
        return {}
    wanted = rights.access_of(context, resource)
    if wanted is None:
        there = change.live.attributes.get(fields.access) if change.live else None
        there = there or access_left(context.entry(resource.address), fields.access)
        return {fields.access: sorted(there)} if there else {}
    return {fields.access: wanted if wanted == EVERYONE else sorted(wanted)}


def labelled(lifetime: int) -> int:
    """A lifetime in seconds that marks a secret as ours: people ask for round ones (crash-safety, §5).

    The wanted one less 61…3599 s, with a remainder by 60 of 10…50; left as it is when too short for that.
    """
    if lifetime < 2 * 3600:
        return lifetime
    whole = lifetime - lifetime % 60
    return whole - 60 * (2 + entropy.randbelow(58)) + 10 + entropy.randbelow(41)


def _learn(context: ApplyContext, address: Address, created: Created) -> None:
    context.computed[address] = {"id": created.live.id, **created.live.computed}
    if created.secret is not None:
        context.values[created.live.id] = created.secret


def _entry(
    context: ApplyContext,
    resource: Resource,
    created: Created,
    handed: Mapping[str, Any],
    inherits: tuple[Mapping[str, Any], Mapping[str, tuple[str, ...]]],
) -> Entry:
    credential = None
    if created.secret is not None:
        mark = Fingerprint.of(created.secret)
        made = Credential(CredentialState.FRESH, mark.salt, mark.mark, expires_at=created.live.expires_at)
        credential = context.custody.kept(made, created.secret)
    applied = context.without_secrets(resource.address, context.recordable(resource))
    additive = context.fields(resource.address).additive
    return ledger_edits.entry_of(
        resource,
        created.live,
        applied={**{k: v for k, v in applied.items() if k not in additive}, **inherits[0]},
        origin=Origin.CREATED,
        credential=credential,
        deliveries={path: context.delivery(value) for path, value in handed.items()},
        now=context.now,
        there=inherits[1],
    )


def _former(context: ApplyContext, change: Change, resource: Resource) -> Superseded | None:
    if not change.action.supersedes or change.live is None:
        return None
    if change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return None  # it is gone already
    if change.live.id in change.clears and change.live.id not in context.stayed:
        return None  # nobody ever had it, and it went first
    entry = context.entry(change.address)
    if entry is not None and any(former.id == change.live.id for former in entry.formers):
        return None  # on record as such already
    wait = change.keeps
    until = utc(context.clock() + timedelta(seconds=wait)) if wait else ""
    by = entry.credential.by if entry and entry.credential else None
    return ledger_edits.former_of(
        entry, change.live, revoke_after=until, is_dead=by is None or by in context.dead, now=context.now
    )
