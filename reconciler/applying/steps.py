"""What one step does: a sequence of calls, each with what is written before it and after it.

A step is a generator of `Call`s. The executor makes what stands in `before` durable, makes the one remote
call, and makes durable what `after` says of its answer, before it asks for the next call.
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from reconciler.applying import records
from reconciler.applying.records import Edit
from reconciler.applying.work import Work, secret_leaves, utc
from reconciler.errors import (
    AnswerError,
    ConflictError,
    ReconcileError,
    RemoteError,
    ServerError,
    UnreachableError,
)
from reconciler.kinds import Created, Kind
from reconciler.model import (
    Action,
    Address,
    Change,
    Credential,
    CredentialState,
    Delivery,
    Entry,
    Former,
    Live,
    Origin,
    ReplaceOrder,
    Resource,
    Settles,
)
from reconciler.model.values import seconds
from reconciler.planning import Phase, Step, keep_old
from reconciler.secrets import Fingerprint

DEFAULT_LIFETIME = 730 * 86_400  # seconds; what Databricks gives, and the most it gives


class NotSentError(ReconcileError):
    """A call that was taken back before it was sent."""

    code = "not-sent"


@dataclass(frozen=True)
class Call:
    """One remote call with its place in the ledger.

    Attributes:
        before: made durable before the call is sent.
        run: the call; None where there is nothing to send.
        after: from the answer to what has to be made durable.
        failed: from the error to what has to be made durable; the step ends.
    """

    before: Edit | None = None
    run: Callable[[], Any] | None = None
    after: Callable[[Any], Edit | None] = lambda answer: None
    failed: Callable[[Exception], Edit | None] = lambda error: None


def calls_of(work: Work, change: Change, step: Step) -> Iterator[Call]:
    """The calls of one step."""
    if step.phase is Phase.CLEAR:
        yield from _remove(work, change, change.clears)
    elif step.phase is Phase.REMOVE:
        yield from _remove(work, change, change.removes)
    elif change.action in (Action.CREATE, Action.REPLACE, Action.ROTATE):
        yield from _create(work, change)
    elif change.action is Action.ADOPT:
        yield from _adopt(work, change)
    elif change.action is Action.UPDATE:
        yield from _update(work, change)
    elif change.action is Action.FORGET:
        yield Call(before=records.forgotten(change.address))


def _always(edit: Edit, answer: object) -> Edit:
    return edit


def was_refused(error: Exception) -> bool:
    """Whether an error proves that a write took no effect (rule 3)."""
    if isinstance(error, (UnreachableError, NotSentError)):
        return True
    return isinstance(error, AnswerError) and not isinstance(error, ServerError)


# --- create ----------------------------------------------------------------------------------------------


def _create(work: Work, change: Change) -> Iterator[Call]:
    address = change.address
    resource = work.resource(address)
    kind, api = work.kind(address), work.apis[change.provider]
    parent = work.credential(address.parent) if address.parent else ""
    attributes, tag = _body(work, resource)
    handed = dict(secret_leaves(resource.attributes))
    sources = _sources(handed)
    intent = work.intent(change, attributes, parent, tag)

    def made(created: Created) -> Edit:
        _learn(work, address, created)
        return records.all_of(
            records.recorded(
                address,
                _entry(work, resource, created, handed),
                former=_former(work, change, resource),
            ),
            records.settled(address),
            records.arrived(sources, str(address), confirmed=True),
            records.approved(work.plan, change),
        )

    def failed(error: Exception) -> Edit | None:
        if not was_refused(error):
            return None  # nobody knows: the intent stays open, and the next plan finds out
        return records.all_of(
            records.settled(address), records.arrived(sources, str(address), confirmed=False)
        )

    yield Call(
        before=records.all_of(
            records.intended(address, intent), records.sending(sources, str(address), "", work.runner)
        ),
        run=lambda: _with_advice(change, lambda: kind.create(api, attributes, parent)),
        after=made,
        failed=failed,
    )
    yield from _grants(work, change, _additive(work, change))
    yield from _tried(work, change)


def _tried(work: Work, change: Change) -> Iterator[Call]:
    """What a renewed credential goes through before anybody gets it: a token request, or a while."""
    address = change.address
    if change.action is Action.ROTATE and address.parent is not None:
        client_id = work.computed.get(address.parent, {}).get("client_id", "")
        secret = work.values[work.credential(address)]
        yield Call(
            run=partial(work.kind(address).check, work.apis[change.provider], client_id, secret),
            failed=partial(_always, records.refused(change)),
        )
    elif change.action is Action.REPLACE and work.settle and work.fields(address).shows_secret:
        yield Call(run=partial(work.pause, work.settle))


def _body(work: Work, resource: Resource) -> tuple[dict[str, Any], int]:
    """What a create sends, and the exact lifetime by which a secret is known as ours."""
    fields = work.fields(resource.address)
    skipped = fields.additive | fields.local | ({"service_principal"} if resource.address.part else set())
    body = {k: v for k, v in resource.attributes.items() if k not in skipped and v is not None}
    if not resource.address.part:
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
    applied = work.without_secrets(resource.address, _applied(resource))
    return records.entry_of(
        resource,
        created.live,
        applied={k: v for k, v in applied.items() if k not in work.fields(resource.address).additive},
        origin=Origin.CREATED,
        credential=credential,
        deliveries={path: work.delivery(value) for path, value in handed.items()},
        now=work.now,
    )


def _applied(resource: Resource) -> dict[str, Any]:
    return {k: v for k, v in resource.attributes.items() if v is not None and k != "service_principal"}


def _former(work: Work, change: Change, resource: Resource) -> Former | None:
    if change.action not in (Action.REPLACE, Action.ROTATE) or change.live is None:
        return None
    if change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return None  # it is gone already
    if change.live.id in change.clears:
        return None  # nobody ever had it, and it went first
    entry = work.entry(change.address)
    wait = keep_old(work.plan.stack, change.address)
    until = utc(work.clock() + timedelta(seconds=wait)) if wait else ""
    by = entry.credential.by if entry and entry.credential else None
    return records.former_of(
        entry, change.live, revoke_after=until, is_dead=by is None or by in work.dead, now=work.now
    )


def _with_advice(change: Change, call: Callable[[], Any]) -> Any:
    """The call; an answer that a person can do something about gets the words for it."""
    try:
        return call()
    except ConflictError as error:
        if change.action is Action.REPLACE:
            error.hint = (
                "the API refuses a second object of this name: lifecycle: {replace: delete_first} "
                "removes the old one first"
            )
        raise
    except RemoteError as error:
        if error.remote_code == "229":
            error.hint = (
                f"the server can't change this in place: `--replace {change.address}` makes a new one"
            )
        raise


# --- adopt and update ------------------------------------------------------------------------------------


def _adopt(work: Work, change: Change) -> Iterator[Call]:
    live = change.live
    if live is None:
        return
    resource = work.resource(change.address)
    pending = {field.path for field in change.fields}
    trusted_fields = {p: v for p, v in secret_leaves(resource.attributes) if p not in pending}
    trusted = {
        path: delivery
        for path, value in trusted_fields.items()
        if (delivery := work.trusted(value)) is not None
    }
    applied = work.without_secrets(change.address, _applied(resource))
    entry = records.entry_of(
        resource,
        live,
        applied=_without(applied, pending),
        origin=Origin.CREATED if change.settles is Settles.FOUND else Origin.ADOPTED,
        credential=_on_trust(work, resource, live),
        deliveries=trusted,
        now=work.now,
    )
    before = work.entry(change.address)
    former = None
    if before is not None and before.id and before.id != live.id:
        # what an interrupted replace had made: its predecessor is still to go
        former = Former(before.id, before.parent, before.name, before.computed, before.credential)
    yield Call(
        before=records.all_of(
            records.recorded(change.address, entry, former=former),
            records.settled(change.address),
            records.arrived(_sources(trusted_fields), str(change.address), confirmed=True),
            records.approved(work.plan, change),
        )
    )
    yield from _update(work, change)


def _on_trust(work: Work, resource: Resource, live: Live) -> Credential | None:
    if not work.fields(resource.address).shows_secret:
        return None
    value = work.values.get(live.id)
    mark = Fingerprint.of(value) if value else None
    credential = Credential(
        CredentialState.HELD,
        mark.salt if mark else "",
        mark.mark if mark else "",
        expires_at=live.expires_at,
    )
    return work.in_custody(credential, value)


def _without(tree: Mapping[str, Any], paths: set[str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if path in paths:
            continue
        kept[key] = _without(item, paths, path) if isinstance(item, Mapping) else item
    return kept


def _update(work: Work, change: Change) -> Iterator[Call]:
    address, live = change.address, change.live
    if live is None:
        return
    resource = work.resource(address)
    kind, api = work.kind(address), work.apis[change.provider]
    grants, paths = _split(work, change)
    handed = {p: v for p, v in secret_leaves(resource.attributes) if p in paths}
    if paths:
        body = _patch(work, resource, live, paths | _companions(resource, handed))
        sources = _sources(handed)
        deliveries = {path: work.delivery(value) for path, value in handed.items()}

        def done(answer: Live | None) -> Edit:
            return records.all_of(
                lambda draft: draft.change(
                    address, lambda entry: _updated(work, resource, entry, answer, deliveries)
                ),
                records.arrived(sources, str(address), confirmed=True),
            )

        def failed(error: Exception) -> Edit | None:
            if not was_refused(error):
                return None  # a lost answer confirms nothing (rule 9)
            return records.arrived(sources, str(address), confirmed=False)

        yield Call(
            before=records.sending(sources, str(address), live.updated_at, work.runner) if sources else None,
            run=lambda: _with_advice(change, lambda: kind.update(api, live.id, body)),
            after=done,
            failed=failed,
        )
        if any(work.renews(source) for source in sources):
            # the old one is revoked only after the remote system itself got on with the new one
            yield Call(
                run=partial(kind.confirm, api, live.id),
                failed=partial(_always, records.unproven(address, handed)),
            )
    yield from _grants(work, change, grants)


def _split(work: Work, change: Change) -> tuple[dict[tuple[str, str], Any], set[str]]:
    """The change's fields: keys of additive attributes, and paths of the one PATCH for the rest."""
    additive = work.fields(change.address).additive
    grants: dict[tuple[str, str], Any] = {}
    paths = set()
    for field in change.fields:
        name, _, key = field.path.partition(".")
        if name in additive:
            grants[(name, key)] = field.after
        elif field.path != "id" or "id" in work.resource(change.address).attributes:
            paths.add(field.path)
    return grants, paths


def _companions(resource: Resource, handed: Mapping[str, Any]) -> set[str]:
    """`client_id` goes with its `client_secret`, always in one PATCH (rule 10)."""
    return {
        f"{parent}.client_id"
        for path in handed
        if (parent := path.rpartition(".")[0]) and "client_id" in (resource.attributes.get(parent) or {})
    }


def _patch(work: Work, resource: Resource, live: Live, paths: set[str]) -> dict[str, Any]:
    """The attributes that a PATCH sends: what changed, and whole objects where the API wants them whole."""
    fields = work.fields(resource.address)
    body: dict[str, Any] = {}
    for path in sorted(paths):
        name, _, rest = path.partition(".")
        if name in fields.whole:
            there = live.attributes.get(name) or {}
            body[name] = {**there, **work.resolved(resource.attributes.get(name) or {})}
        elif rest:
            value = work.resolved((resource.attributes.get(name) or {}).get(rest))
            body.setdefault(name, {})[rest] = value
        else:
            body[name] = work.resolved(resource.attributes.get(name))
    return body


def _updated(
    work: Work, resource: Resource, entry: Entry, answer: Live | None, deliveries: Mapping[str, Delivery]
) -> Entry:
    applied = work.without_secrets(resource.address, _applied(resource))
    return replace(
        entry,
        name=answer.name if answer else str(applied.get(work.fields(resource.address).name, entry.name)),
        named=resource.named,
        applied=applied,
        computed={**entry.computed, **(answer.computed if answer else {})},
        depends_on=resource.depends_on,
        lifecycle=resource.lifecycle,
        deliveries={**entry.deliveries, **deliveries},
        updated_at=answer.updated_at if answer else entry.updated_at,
    )


def _sources(handed: Mapping[str, Any]) -> list[Address]:
    return sorted({value.source for value in handed.values() if hasattr(value, "is_secret")})


# --- additive attributes ---------------------------------------------------------------------------------


def _additive(work: Work, change: Change) -> dict[tuple[str, str], Any]:
    """All keys that a new object gets, as the plan shows them."""
    fields = work.fields(change.address)
    found = {}
    for field in change.fields:
        name, _, key = field.path.partition(".")
        if name in fields.additive and key:
            found[(name, key)] = field.after
    return found


def _grants(work: Work, change: Change, grants: Mapping[tuple[str, str], Any]) -> Iterator[Call]:
    """One call per key."""
    kind, api = work.kind(change.address), work.apis[change.provider]
    for (name, key), value in sorted(grants.items()):
        live_id = work.credential(change.address)
        run: Callable[[], Any] = (
            partial(kind.revoke, api, live_id, name, key)
            if value is None
            else partial(kind.grant, api, live_id, name, key, value)
        )
        edit = records.granted(change.address, name, key, value, work.now)
        yield Call(run=run, after=partial(_always, edit))


# --- remove ----------------------------------------------------------------------------------------------


def _remove(work: Work, change: Change, ids: Iterable[str]) -> Iterator[Call]:
    """Condemned first, then deleted; the record goes when the deletion is confirmed."""
    address = change.address
    kind, api = work.kind(address), work.apis[change.provider]
    entry = work.entry(address)
    parents = {former.id: former.parent for former in entry.formers} if entry else {}
    if entry is not None:
        parents[entry.id] = entry.parent
    for live_id in ids:
        parent = parents.get(live_id) or (change.live.parent if change.live else "") or change.parent
        edit = records.all_of(
            records.removed(address, change.provider, live_id, work.now, work.horizon),
            records.approved(work.plan, change),
        )
        yield Call(
            before=records.condemned(change, [live_id]),
            run=_removal(kind, api, live_id, parent, deactivates=is_deactivation(change)),
            after=partial(_always, edit),
        )


def _removal(kind: Kind[Any], api: Any, live_id: str, parent: str, *, deactivates: bool) -> Callable[[], Any]:
    if deactivates:
        return partial(kind.update, api, live_id, {"active": False})
    return partial(kind.delete, api, live_id, parent)


def is_deactivation(change: Change) -> bool:
    """Whether a delete only deactivates (service principals)."""
    return change.action is Action.DELETE and any(field.path == "active" for field in change.fields)
