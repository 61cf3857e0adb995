"""What the steps of one apply share: clients, values at hand, and how references become values."""

from __future__ import annotations

import secrets as entropy
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from reconciler.applying import rights
from reconciler.applying.custody import Custody
from reconciler.applying.fresh_lists import FreshLists
from reconciler.errors import InternalError, ReconcileError, RemoteError
from reconciler.kinds import Fields, Kind, Registry
from reconciler.matching import at_path, is_of_adopt, leaves
from reconciler.model import (
    Action,
    Address,
    Change,
    Delivery,
    Entry,
    Intent,
    IntentResolution,
    Ledger,
    Live,
    Plan,
    Ref,
    Resource,
    Runner,
    SecretInput,
    Snapshot,
    Sourced,
    Text,
)
from reconciler.planning import origins, remembered
from reconciler.secrets import Fingerprint, Identities, Recipients, Secret, unseal

GHOST = timedelta(hours=1)


def utc(moment: datetime) -> str:
    """A moment as the ledger writes it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ApplyContext:
    """One apply in progress. Only the coordinating thread changes it.

    Attributes:
        memory: the ledger as it is durable now.
        dead: runners that are proven to be gone.
        settle: seconds between making an app's successor and switching to it: changes of an app can take
            half an hour to act.
        identities: private keys that sealed copies are opened with.
        opened: remote ids of credentials whose sealed copy they open.
        pause: waits that many seconds, or less if the run is stopped.
        values: remote id of an app or SP secret → its secret, as long as this process lives.
        computed: address → what others may refer to, of objects that exist.
        stayed: remote id of what was to go and stays after all → who uses it.
        lists: integrations of the servers that this run writes to.
        notes: address → what a person should know of how it was done.
    """

    plan: Plan
    snapshot: Snapshot
    apis: Mapping[str, Any]
    kinds: Registry
    runner: Runner
    memory: Callable[[], Ledger]
    dead: frozenset[Runner] = frozenset()
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    pause: Callable[[float], object] = time.sleep
    settle: float = 0.0
    identities: Identities = field(default_factory=Identities)
    opened: frozenset[str] = frozenset()
    values: dict[str, Secret] = field(default_factory=dict)
    computed: dict[Address, Mapping[str, str]] = field(default_factory=dict)
    stayed: dict[str, str] = field(default_factory=dict)
    lists: FreshLists = field(default_factory=FreshLists)
    notes: dict[Address, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = self.plan.stack.recipients
        recipients = Recipients.parse(wanted) if wanted else None
        self.custody = Custody(recipients, self.identities, self.opened)
        self._renewed = {change.address for change in self.plan.changes if change.action.supersedes}
        for change in self.plan.changes:
            if change.live is not None and not change.action.makes:
                self.computed[change.address] = {"id": change.live.id, **change.live.computed}
                if (given := self._given(change, change.live)) is not None:
                    self.values[change.live.id] = given

    def _given(self, change: Change, live: Live) -> Secret | None:
        """What `adopt: {client_secret}` says: the secret of that app, or the one that a principal had."""
        owner = change.address.parent or change.address
        resource = self.plan.stack.resources.get(owner)
        adopt = resource.lifecycle.adopt if resource else None
        if adopt is None or adopt.client_secret is None:
            return None
        is_it = is_of_adopt(change.address, self.entry(change.address), live, adopt)
        return adopt.client_secret.secret if is_it and adopt.client_secret.secret else None

    @property
    def now(self) -> str:
        """The time, as the ledger writes it."""
        return utc(self.clock())

    @property
    def horizon(self) -> str:
        """Ghosts deleted before this are forgotten."""
        return self.before(GHOST)

    def before(self, span: timedelta) -> str:
        """The time that long ago, as the ledger writes it."""
        return utc(self.clock() - span)

    def kind(self, address: Address) -> Kind[Any]:
        """The kind of an address."""
        return self.kinds[address.kind_name]

    def fields(self, address: Address) -> Fields:
        """The policy of an address's kind."""
        return self.kind(address).fields

    def resource(self, address: Address) -> Resource:
        """The wanted object of an address."""
        return self.plan.stack.resources[address]

    def entry(self, address: Address) -> Entry | None:
        """The address's entry, as it is durable now."""
        return self.memory().entries.get(address)

    # --- references -------------------------------------------------------------------------------------

    def resolved(self, value: Any) -> Any:
        """A value with its references replaced; secrets stay wrapped.

        Raises:
            ReconcileError: a secret isn't at hand.
            InternalError: something that should exist by now doesn't.
        """
        if isinstance(value, Ref):
            return self.secret(value) if value.is_secret else self.known(value)
        if isinstance(value, SecretInput):
            return _supplied(value)
        if isinstance(value, Sourced):
            return value.value
        if isinstance(value, Text):
            return "".join(str(self.resolved(part)) for part in value.parts)
        if isinstance(value, Mapping):
            return {key: self.resolved(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.resolved(item) for item in value]
        return value

    def known(self, ref: Ref) -> str:
        """What a reference stands for."""
        found = self.computed.get(ref.address, {}).get(ref.attribute)
        if found is None:
            raise InternalError(f"{ref} isn't known, though {ref.address} comes first")
        return found

    def secret(self, ref: Ref) -> Secret:
        """The one-time secret that a reference stands for."""
        credential = self.credential(ref.source)
        found = self.values.get(credential) or self._unsealed(ref.source, credential)
        found = found or self._read_back(ref.source, credential)
        if found is None:
            raise ReconcileError(
                f"the secret of {ref.source} isn't at hand",
                code="secret-not-at-hand",
                address=str(ref.source),
                hint="run plan again: it will make a new one",
            )
        return found

    def _unsealed(self, source: Address, credential: str) -> Secret | None:
        """The value from the sealed copy in the ledger, if a private key is at hand."""
        entry = self.entry(source)
        if entry is None or entry.id != credential or entry.credential is None or not entry.credential.sealed:
            return None
        found = unseal(entry.credential.sealed, self.identities)
        if found is not None:
            self.values[credential] = found
        return found

    def _read_back(self, source: Address, credential: str) -> Secret | None:
        """The value from a receiver that still holds just that, where it can be read."""
        known = self.entry(source)
        if known is None or known.id != credential or known.credential is None or not known.credential.mark:
            return None
        mark = Fingerprint(known.credential.salt, known.credential.mark)
        for address in self._holders.get(credential, ()):
            entry, kind = self.entry(address), self.kind(address)
            api = self.apis.get(entry.provider) if entry else None
            delivery = entry.deliveries.get(kind.fields.holds) if entry else None
            if entry is None or api is None or delivery is None or delivery.credential != credential:
                continue
            with suppress(RemoteError):
                found = kind.held(api, entry.id)
                if found is not None and mark.matches(found):
                    self.values[credential] = found
                    return found
        return None

    @cached_property
    def _holders(self) -> Mapping[str, list[Address]]:
        """Remote id of a credential → receivers to read it from; what this run hands over is at hand."""
        found: dict[str, list[Address]] = {}
        for address, entry in self.memory().entries.items():
            if (delivery := entry.deliveries.get(self.fields(address).holds)) is not None:
                found.setdefault(delivery.credential, []).append(address)
        return found

    def credential(self, source: Address) -> str:
        """Remote id of the app or secret that a source stands for now; "" if there is none on record."""
        return self.computed.get(source, {}).get("id", "")

    # --- what goes on record ----------------------------------------------------------------------------

    def without_secrets(
        self, address: Address, attributes: Mapping[str, Any], live: Live | None = None
    ) -> dict[str, Any]:
        """The attributes as the ledger keeps them: resolved, no secrets, additive ones by what we added."""
        fields = self.fields(address)
        additive = fields.additive
        kept = {k: v for k, v in attributes.items() if k not in additive and k != fields.access}
        before = self.entry(address)
        if live is not None:  # an ignored field stays as it was applied, if it ever was
            kept = _unless_ignored(self.resource(address), kept, before.applied if before else {})
        plain = remembered(
            self._with_origins(drop_secrets(kept)), before.applied if before else None, self.fields(address)
        )
        ours = {name: rights.additive(self, address, name, live)[0] for name in sorted(additive)}
        access = {} if not fields.access else {fields.access: rights.guarded(self, address, live)}
        return {**plain, **{name: mine for name, mine in {**ours, **access}.items() if mine}}

    def _with_origins(self, value: Any) -> Any:
        """A value resolved, in which what a variable or file gave still says so."""
        if isinstance(value, Text):
            sources = [part.source for part in value.parts if isinstance(part, Sourced)]
            text = self.resolved(value)
            return Sourced(", ".join(dict.fromkeys(sources)), text, str(value)) if sources else text
        if isinstance(value, Mapping):
            return {key: self._with_origins(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._with_origins(item) for item in value]
        return value if isinstance(value, Sourced) else self.resolved(value)

    def recordable(self, resource: Resource) -> dict[str, Any]:
        """The attributes that go on record: what is stated, without what an object lives in."""
        parent = self.fields(resource.address).parent
        return {k: v for k, v in resource.attributes.items() if v is not None and k != parent}

    def refreshed(self, entry: Entry, change: Change) -> Entry:
        """An entry with what the spec says now, of an object that needs no call."""
        resource = self.resource(change.address)
        attributes = self.recordable(resource)
        live = change.live
        held = entry.credential
        refreshed = replace(
            entry,
            credential=self.custody.kept(held, self.values.get(entry.id)) if held else None,
            provider=resource.provider,
            named=resource.named,
            deliveries=still_wanted(entry.deliveries, resource),
            applied=self.without_secrets(change.address, attributes, live),
            there=rights.there(self, change.address, live),
            depends_on=resource.depends_on,
            lifecycle=resource.lifecycle,
            origin=entry.origin_under(resource.lifecycle),
            # how the API shows the creator of what is ours: by it a lost create is recognised
            created_by=entry.created_by or (live.created_by if live else ""),
        )
        if change.settles is not IntentResolution.DELIVERED or live is None:
            return refreshed
        trusted = {path: self.trusted(value) for path, value in secret_leaves(resource.attributes)}
        arrived = {path: delivery for path, delivery in trusted.items() if delivery is not None}
        return replace(refreshed, deliveries={**refreshed.deliveries, **arrived}, updated_at=live.updated_at)

    def delivery(self, value: Ref | SecretInput) -> Delivery:
        """What is to be remembered of a secret that was just delivered."""
        if isinstance(value, SecretInput) and value.mark:
            return Delivery(None, "", value.salt, value.mark)  # as the handoff marks it
        mark = Fingerprint.of(self.resolved(value))
        if isinstance(value, SecretInput):
            return Delivery(None, "", mark.salt, mark.mark)
        return Delivery(value.source, self.credential(value.source), mark.salt, mark.mark)

    def renews(self, source: Address) -> bool:
        """Whether this plan rotates or replaces the credential of a source."""
        return source in self._renewed

    def trusted(self, value: Ref | SecretInput) -> Delivery | None:
        """What is to be remembered of a secret that an adopted integration holds already."""
        if isinstance(value, SecretInput):
            return None
        return Delivery(value.source, self.credential(value.source))

    # --- intents ----------------------------------------------------------------------------------------

    def intent(self, change: Change, attributes: Mapping[str, Any], parent: str, tag: int = 0) -> Intent:
        """The intent record of a create (crash-safety, §3). No secret is in it."""
        fields = self.fields(change.address)
        name = str(attributes.get(fields.name, ""))
        plain = drop_secrets(attributes)
        sources = [ref.source for ref in self.resource(change.address).refs if ref.is_secret]
        return Intent(
            id=entropy.token_hex(8),
            kind=change.address.kind_name,
            provider=change.provider,
            at=self.snapshot.dates.get(change.provider) or utc(self.clock()),
            runner=self.runner,
            why={Action.REPLACE: "replace", Action.ROTATE: "rotate"}.get(change.action, "create"),
            parent=parent,
            before=self._before(change, name, parent),
            sent=self._sent(change.address, plain),
            credential=self.credential(sources[0]) if sources else "",
            tag=tag,
        )

    def _sent(self, address: Address, plain: Mapping[str, Any]) -> dict[str, Any]:
        """What the object will be recognised by."""
        fields, wanted = self.fields(address), self.resource(address).attributes
        found = {}
        for path in sorted(fields.identity):
            origin, value = at_path(wanted, path), at_path(plain, path)
            if value is not None:
                origin = self._with_origins(origin) if origins(origin) else value
                found[path] = remembered(origin, None, fields, path)
        return found

    def _before(self, change: Change, name: str, parent: str) -> tuple[str, ...]:
        kind = change.address.kind_name
        rivals = self.snapshot.within if parent else self.snapshot.named
        return tuple(sorted(live.id for live in rivals(change.provider, kind, parent or name)))


def _supplied(value: SecretInput) -> Secret:
    if not isinstance(value.secret, Secret):
        words, hint = value.absence
        raise ReconcileError(f"{words}, and a secret comes from it", code="unset-variable", hint=hint)
    return value.secret


def _unless_ignored(
    resource: Resource, attributes: Mapping[str, Any], before: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Attributes, with what was applied last in the place of those that are ignored."""
    kept: dict[str, Any] = {}
    for key, item in attributes.items():
        path, last = f"{prefix}{key}", before.get(key)
        if resource.lifecycle.ignores(path):
            if last is not None:
                kept[key] = last
        elif isinstance(item, Mapping):
            last = last if isinstance(last, Mapping) else {}
            kept[key] = _unless_ignored(resource, item, last, f"{path}.")
        else:
            kept[key] = item
    return kept


def drop_secrets(value: Any) -> Any:
    """A value without its secret leaves."""
    if isinstance(value, Mapping):
        return {key: drop_secrets(item) for key, item in value.items() if not is_secret(item)}
    return value


def is_secret(value: Any) -> bool:
    """Whether a value, wanted or resolved, must not be written down."""
    return isinstance(value, (Secret, SecretInput)) or (isinstance(value, Ref) and value.is_secret)


def secret_leaves(attributes: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Dotted path and reference or input of every secret field."""
    return ((path, value) for path, value in leaves(attributes) if is_secret(value))


def still_wanted(deliveries: Mapping[str, Delivery], resource: Resource) -> dict[str, Delivery]:
    """Those whose fields the spec still has: a field that is gone holds nothing."""
    paths = {path for path, _ in secret_leaves(resource.attributes)}
    return {path: delivery for path, delivery in deliveries.items() if path in paths}


def sources_of(handed: Mapping[str, Any]) -> list[Address]:
    """The addresses whose credentials are handed over, sorted; what the user supplies has none."""
    return sorted({value.source for value in handed.values() if hasattr(value, "is_secret")})
