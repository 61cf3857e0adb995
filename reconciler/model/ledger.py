"""What the ledger remembers: entries by address, credentials and their deliveries, intents, tombstones.

The terms and their reasons are those of the crash-safety protocol (docs/crash-safety.md). No value here
is ever a readable secret. `extra` holds the fields of a newer writer, to be written back as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from reconciler.model.values import Address
from reconciler.model.wanted import Lifecycle


class Origin(str, Enum):
    """How an object came into the ledger."""

    CREATED = "created"
    ADOPTED = "adopted"  # its id was named, or it is the only secret of its principal
    FOUND = "found"  # by its name


class CredentialState(str, Enum):
    """How far a credential got on its way to those who use it."""

    FRESH = "fresh"  # recorded, never sent
    SENDING = "sending"  # delivery intent durable, nothing confirmed
    HELD = "held"  # confirmed, or taken on trust
    CONDEMNED = "condemned"  # to be revoked; a one-way door
    QUARANTINED = "quarantined"  # to be revoked, but a paused runner may still deliver it


@dataclass(frozen=True)
class Runner:
    """One running process of this tool, so that a later one can tell whether it is dead.

    Attributes:
        boot: the host's boot id; a pid says nothing across boots.
        start: the process's start time in clock ticks; pids are reused.
        machine: where pids of this number space are counted: a mark of the machine and, in a container,
            of its pid namespace, since host names are given twice; "" for unknown.
    """

    owner: str
    host: str
    boot: str
    pid: int
    start: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """A one-time secret by everything but its value.

    Attributes:
        state: see CredentialState.
        salt, mark: the fingerprint, hex; "" when it was adopted on trust.
        expires_at: RFC 3339; "" for never or unknown.
        by: who delivers it, while `sending`.
        to: integration's remote id → its `updated_time` before the delivery, while `sending`.
        sealed: ASCII-armoured age copy; "" without custody.
        sealed_to: mark of the recipients that it is sealed to.
        unopened: the last apply had no private key that opens the copy.
        since: when it became quarantined, RFC 3339; "" otherwise.
    """

    state: CredentialState
    salt: str = ""
    mark: str = ""
    expires_at: str = ""
    by: Runner | None = None
    to: Mapping[str, str] = field(default_factory=dict)
    sealed: str = ""
    sealed_to: str = ""
    unopened: bool = False
    since: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Which credential a live integration holds in one of its secret fields.

    Attributes:
        source: address of the app or secret that it came from; None for one the user supplies.
        credential: remote id of that app or secret; "" for one the user supplies.
        salt, mark: the fingerprint of the value, hex; "" when taken on trust.
    """

    source: Address | None = None
    credential: str = ""
    salt: str = ""
    mark: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Superseded:
    """An object that its successor has replaced, kept on record until its deletion is confirmed.

    Attributes:
        revoke_after: RFC 3339; not to be removed before (`keep_old`); "" for as soon as possible.
        origin: how it came: a secret that this stack didn't issue isn't its to revoke.
        since: RFC 3339, when its successor was made, or its last receiver was switched over; "" if that isn't
            known.
        carries: what its successor is still to get, by attribute: what points at it, who may use it.
    """

    id: str
    parent: str = ""
    name: str = ""
    computed: Mapping[str, str] = field(default_factory=dict)
    credential: Credential | None = None
    revoke_after: str = ""
    origin: Origin = Origin.CREATED
    since: str = ""
    carries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_condemned(self) -> bool:
        """Whether it was decided for good that it goes."""
        return self.credential is not None and self.credential.state is CredentialState.CONDEMNED


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one address.

    Attributes:
        id: remote id; "" when only formers are left.
        origin: how it came; a ledger from before there was `found` says `adopted` of both.
        applied: attributes as last applied, in the spec's shape, references resolved, without secrets.
        computed: what others may refer to (`client_id`, `id`).
        depends_on: as last applied, so that deletes keep their order.
        lifecycle: as last applied, so that it still holds when the resource leaves the spec.
        credential: of an app or an SP secret.
        deliveries: dotted path of a secret field → what was delivered there.
        updated_at: the object's own `updated_time` after our last write.
        created_at, created_by: as the API answered, where it did.
        formers: predecessors not yet removed.
        there: additive attribute → its keys that were there before: on record, and never taken back.
        extra: fields of a newer writer, kept as they are.
    """

    provider: str
    id: str
    name: str
    origin: Origin
    parent: str = ""
    named: bool = True
    applied: Mapping[str, Any] = field(default_factory=dict)
    computed: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[Address, ...] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    credential: Credential | None = None
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    updated_at: str = ""
    created_at: str = ""
    created_by: str = ""
    recorded_at: str = ""
    formers: tuple[Superseded, ...] = ()
    there: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def origin_under(self, lifecycle: Lifecycle) -> Origin:
        """How it came: what was found by its name counts as adopted once the spec names its id."""
        is_named = self.origin is Origin.FOUND and lifecycle.names(self.id)
        return Origin.ADOPTED if is_named else self.origin


@dataclass(frozen=True)
class Intent:
    """A create that was about to be sent: written before, erased by its outcome.

    Attributes:
        id: random, so that two intents of one address are told apart.
        parent: remote id of the SP, for a secret.
        at: RFC 3339; the server's `Date` of the list that gave `before`, else our clock.
        before: ids that existed then: of the same name, or all secrets of that SP.
        why: `create`, `replace` or `rotate`.
        sent: digest of the body without secrets, and the fields that identify.
        credential: for an integration, remote id of the app or secret that it carries.
        tag: for a secret, its exact lifetime in seconds: the label by which it is known as ours.
    """

    id: str
    kind: str
    provider: str
    at: str
    runner: Runner
    why: str
    parent: str = ""
    before: tuple[str, ...] = ()
    sent: Mapping[str, Any] = field(default_factory=dict)
    credential: str = ""
    tag: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tombstone:
    """A tombstone: an intent given up, whose effect may still arrive.

    Attributes:
        given_up: RFC 3339, when.
        proven_dead: whether the runner that sent it was known to be dead then.
    """

    address: Address
    intent: Intent
    given_up: str
    proven_dead: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deleted:
    """An id that we deleted lately: a list that still shows it shows a ghost."""

    kind: str
    provider: str
    id: str
    at: str


@dataclass(frozen=True)
class Pending:
    """All that isn't settled yet."""

    intents: Mapping[Address, Intent] = field(default_factory=dict)
    given_up: tuple[Tombstone, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """The stack's memory. Never the source of truth for what exists.

    Attributes:
        lineage: a UUID; two ledgers of different lineage have nothing in common.
        serial: up by one per write.
        epoch: random, of the runner that holds the lease: a runner that finds another one is fenced off.
        remotes: provider → ProviderSpec.record.
        approvals: addresses of `approve:` that have been used up → plan digest.
        extra: fields of a newer writer, kept as they are.
        is_new: nothing has been written yet.
    """

    stack: str
    lineage: str
    serial: int = 0
    epoch: str = ""
    remotes: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[Address, Entry] = field(default_factory=dict)
    pending: Pending = Pending()
    approvals: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_new: bool = False

    @property
    def providers(self) -> frozenset[str]:
        """Every provider where something is owned, or may have been made."""
        pending = self.pending
        open_creates = (*pending.intents.values(), *(tombstone.intent for tombstone in pending.given_up))
        owned = {entry.provider for entry in self.entries.values()}
        return frozenset(owned | {intent.provider for intent in open_creates})

    def of_kinds(self, known: Collection[str]) -> Ledger:
        """The same memory as far as it is of these kinds: nothing can be asked about any other."""
        entries = {a: entry for a, entry in self.entries.items() if a.kind_name in known}
        intents = {a: one for a, one in self.pending.intents.items() if a.kind_name in known}
        given_up = tuple(
            tombstone for tombstone in self.pending.given_up if tombstone.address.kind_name in known
        )
        pending = replace(self.pending, intents=intents, given_up=given_up)
        return replace(self, entries=entries, pending=pending)
