"""The calls that take an object over, or change it: deliveries confirmed before anything is revoked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from reconciler.applying import ledger_edits, rights
from reconciler.applying.advice import with_advice
from reconciler.applying.context import ApplyContext, secret_leaves, sources_of, still_wanted
from reconciler.applying.grants import grants_of
from reconciler.applying.ledger_draft import LedgerEdit
from reconciler.applying.patch import patch_of, unproven
from reconciler.applying.remote_call import RemoteCall, always, was_refused
from reconciler.applying.superseded import switched
from reconciler.kinds import EVERYONE, Evidence
from reconciler.matching.canonical import leaves
from reconciler.model import (
    Address,
    Change,
    Credential,
    CredentialState,
    Delivery,
    Entry,
    IntentResolution,
    Live,
    Origin,
    Ref,
    Resource,
    Superseded,
)
from reconciler.secrets import Fingerprint


def adopt(context: ApplyContext, change: Change) -> Iterator[RemoteCall]:
    """On record first, with secrets on trust; then what the spec wants otherwise."""
    live = change.live
    if live is None:
        return
    resource = context.resource(change.address)
    pending = {field.path for field in change.fields}
    trusted_fields = {p: v for p, v in secret_leaves(resource.attributes) if p not in pending}
    trusted = {
        path: delivery
        for path, value in trusted_fields.items()
        if not resource.lifecycle.ignores(path)
        if (delivery := context.trusted(value)) is not None
    }
    applied = context.without_secrets(change.address, context.recordable(resource), live)
    entry = ledger_edits.entry_of(
        resource,
        live,
        applied=_without(applied, pending),
        origin=_origin(context, change, live),
        credential=_on_trust(context, resource, live),
        deliveries=trusted,
        now=context.now,
        there=rights.there(context, change.address, live),
    )
    before = context.entry(change.address)
    former = None
    if before is not None and before.id and before.id != live.id:
        # what an interrupted replace had made: its predecessor is still to go
        former = Superseded(
            before.id,
            before.parent,
            before.name,
            before.computed,
            before.credential,
            origin=before.origin,
            since=context.now,
        )
    yield RemoteCall(
        before=ledger_edits.all_of(
            ledger_edits.recorded(change.address, entry, former=former),
            ledger_edits.settled(change.address),
            ledger_edits.arrived(sources_of(trusted_fields), str(change.address), confirmed=True),
            ledger_edits.approved(context.plan, change),
        )
    )
    yield from update(context, change)


def _origin(context: ApplyContext, change: Change, live: Live) -> Origin:
    """How the object came: made by an interrupted run, named by its id, or found by its name."""
    if change.settles is IntentResolution.FOUND:
        # a principal is recognised by its name alone: taken over, rather than known to be ours
        is_weak = context.kind(change.address).evidence is Evidence.NAME
        return Origin.ADOPTED if is_weak else Origin.CREATED
    return Origin.ADOPTED if change.address.part or change.lifecycle.names(live.id) else Origin.FOUND


def _on_trust(context: ApplyContext, resource: Resource, live: Live) -> Credential | None:
    if not context.fields(resource.address).shows_secret:
        return None
    value = context.values.get(live.id)
    mark = Fingerprint.of(value) if value else None
    credential = Credential(
        CredentialState.HELD,
        mark.salt if mark else "",
        mark.mark if mark else "",
        expires_at=live.expires_at,
    )
    return context.custody.kept(credential, value)


def _without(tree: Mapping[str, Any], paths: set[str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if path in paths:
            continue
        kept[key] = _without(item, paths, path) if isinstance(item, Mapping) else item
    return kept


def update(context: ApplyContext, change: Change) -> Iterator[RemoteCall]:
    """One PATCH for what changed, then a call for each key of an additive attribute."""
    live = change.live
    if live is None:
        return
    grants, paths = _split(context, change)
    if context.fields(change.address).access in paths:
        paths.discard(context.fields(change.address).access)
        access: Iterator[RemoteCall] = _guarded(context, change, live)
    else:
        access = iter(())
    if paths:
        yield from _patched(context, change, live, paths)
    yield from access
    yield from grants_of(context, change, grants)


def _guarded(context: ApplyContext, change: Change, live: Live) -> Iterator[RemoteCall]:
    """Who may use it, whole and by itself: what is wrong with it keeps no credential from its receiver."""
    address, fields = change.address, context.fields(change.address)
    wanted = rights.access_of(context, context.resource(address))
    record = rights.access_on_record(context, context.resource(address))
    body = {fields.access: wanted if wanted == EVERYONE else sorted(wanted)}

    def done(answer: Live | None) -> LedgerEdit:
        def one(entry: Entry) -> Entry:
            seen_at = answer.updated_at if answer else entry.updated_at
            return replace(entry, applied={**entry.applied, fields.access: record}, updated_at=seen_at)

        written: LedgerEdit = lambda draft: draft.change(address, one)  # noqa: E731
        return ledger_edits.all_of(written, ledger_edits.approved(context.plan, change))

    yield RemoteCall(
        run=partial(context.kind(address).update, context.apis[change.provider], live.id, body),
        after=done,
    )


def _patched(context: ApplyContext, change: Change, live: Live, paths: set[str]) -> Iterator[RemoteCall]:
    """The PATCH, the whole where that has to follow, and the remote system's own word on what is new."""
    address, resource = change.address, context.resource(change.address)
    kind, api = context.kind(address), context.apis[change.provider]
    handed = {p: v for p, v in secret_leaves(resource.attributes) if p in paths}
    patch = patch_of(context, change, live, paths | _companions(context, resource, handed))
    sources = sources_of(handed)
    # what only the whole carries: on its way no earlier, and on record before it is
    more = sources_of({p: v for p, v in secret_leaves(resource.attributes) if p in patch.secrets})
    deliveries = {path: context.delivery(value) for path, value in handed.items()}

    def done(answer: Live | None) -> LedgerEdit | None:
        if patch.refusal and not patch.sent_whole:
            return None  # nothing took effect yet
        if patch.lost and not patch.sent_whole:  # what the server dropped isn't held any more
            return unproven(address, {*patch.missing, *patch.secrets, *handed})
        if patch.note:
            context.notes[address] = patch.note
        given = {**deliveries, **(patch.secrets if patch.sent_whole else {})}
        arrived = [*sources, *(more if patch.sent_whole else ())]
        return ledger_edits.all_of(
            switched(address, given, context.now),
            lambda draft: draft.change(
                address, lambda entry: _updated(context, change, entry, answer, given)
            ),
            ledger_edits.arrived(arrived, str(address), confirmed=True),
        )

    def failed(error: Exception) -> LedgerEdit | None:
        if patch.lost or not was_refused(error):
            return None  # a lost answer confirms nothing (rule 9)
        return ledger_edits.arrived(
            [*sources, *(more if patch.wants_more else ())], str(address), confirmed=False
        )

    update = partial(kind.update, api, live.id)
    yield RemoteCall(
        before=_sending(context, address, live, sources),
        run=lambda: with_advice(kind, change, lambda: patch.send(update, live, kind.wants_whole)),
        after=done,
        failed=failed,
    )
    if patch.wants_more:
        yield RemoteCall(
            before=_sending(context, address, live, more),
            run=lambda: with_advice(kind, change, lambda: patch.restore(update)),
            after=done,
            failed=failed,
        )
    yield from _confirmed(context, change, live, handed)


def _confirmed(
    context: ApplyContext, change: Change, live: Live, handed: Mapping[str, Any]
) -> Iterator[RemoteCall]:
    address, api = change.address, context.apis[change.provider]
    if any(context.renews(source) for source in sources_of(handed)):
        # the old one is revoked only after the remote system itself got on with the new one
        confirm = partial(context.kind(address).confirm, api, live.id)
        yield RemoteCall(run=confirm, failed=partial(always, unproven(address, handed)))


def _sending(
    context: ApplyContext, receiver: Address, live: Live, sources: Sequence[Address]
) -> LedgerEdit | None:
    return ledger_edits.sending(sources, str(receiver), live.updated_at, context.runner) if sources else None


def _split(context: ApplyContext, change: Change) -> tuple[dict[tuple[str, str], Any], set[str]]:
    """The change's fields: keys of additive attributes, and paths of the one PATCH for the rest."""
    additive = context.fields(change.address).additive
    grants: dict[tuple[str, str], Any] = {}
    paths = set()
    for field in change.fields:
        name, _, key = field.path.partition(".")
        if name in additive:
            grants[(name, key)] = field.after
        elif field.path != "id" or "id" in context.resource(change.address).attributes:
            paths.add(field.path)
    return grants, paths


def _companions(context: ApplyContext, resource: Resource, handed: Mapping[str, Any]) -> set[str]:
    """What names a credential's owner goes along with it, always in one PATCH (rule 10)."""
    owners = {value.address for value in handed.values() if isinstance(value, Ref)}
    beside = {Ref(owner, context.fields(owner).referred_by) for owner in owners}
    return {
        path
        for path, value in leaves(resource.attributes)
        if isinstance(value, Ref) and value in beside and not resource.lifecycle.ignores(path)
    }


def _updated(
    context: ApplyContext,
    change: Change,
    entry: Entry,
    answer: Live | None,
    deliveries: Mapping[str, Delivery],
) -> Entry:
    resource = context.resource(change.address)
    if change.left:  # what was sent is the credential alone: all else stays as last applied
        seen_at = answer.updated_at if answer else entry.updated_at
        return replace(entry, deliveries={**entry.deliveries, **deliveries}, updated_at=seen_at)
    applied = context.without_secrets(resource.address, context.recordable(resource), change.live)
    return replace(
        entry,
        name=ledger_edits.name_on_record(applied, answer.name)
        if answer
        else str(applied.get(context.fields(resource.address).name, entry.name)),
        named=resource.named,
        applied=applied,
        computed={**entry.computed, **(answer.computed if answer else {})},
        depends_on=resource.depends_on,
        lifecycle=resource.lifecycle,
        origin=entry.origin_under(resource.lifecycle),
        there=rights.there(context, resource.address, change.live),
        deliveries={**still_wanted(entry.deliveries, resource), **deliveries},
        updated_at=answer.updated_at if answer else entry.updated_at,
    )
