"""What an audit judges by: the live objects with who uses whom, who manages them, and the rules in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from reconciler.errors import Location
from reconciler.model import Entry, Ledger, Live, ProviderSpec, Resource, Snapshot, Sourced, Stack
from reconciler.model.audit import Subject
from reconciler.model.policy import Policy
from reconciler.model.times import parse_time

APPS = "oauth_apps"
PRINCIPALS = "service_principals"
SECRETS = "service_principals.client_secret"
INTEGRATIONS = "connect_integrations"
SERVICE = "Service Account"

_NOUNS = {
    APPS: "app",
    PRINCIPALS: "service principal",
    SECRETS: "secret",
    INTEGRATIONS: "integration",
}
Ident = tuple[str, str, str]  # provider, kind, remote id


@dataclass(frozen=True)
class Watched:
    """One stack of the run with its memory."""

    stack: Stack
    ledger: Ledger


@dataclass(frozen=True)
class Owner:
    """Who manages an object.

    Attributes:
        at: where its spec declares it; None for a stack that isn't part of the run.
        resource: as its spec wants it; None where it doesn't any more.
        entry: as its ledger has it; None for one that is only named.
    """

    stack: str
    at: Location | None = None
    resource: Resource | None = None
    entry: Entry | None = None


@dataclass(frozen=True)
class Rights:
    """Which workspaces there are, and who may use those that integrations name.

    Attributes:
        hosts: host → its provider and the id of the workspace.
        assigned: provider and workspace → remote ids of principals; one that couldn't be read is absent.
    """

    hosts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    assigned: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditContext:
    """All that an audit looks at.

    Attributes:
        asked: the systems that were read.
        lenders: those that only lend their address.
        owners: who manages what.
        policies: rules for everything.
        own_policies: a stack's rules for what it manages.
        ourselves: the client ids that this tool signs in with, in lower case.
    """

    asked: Mapping[str, ProviderSpec]
    lenders: Mapping[str, ProviderSpec]
    snapshot: Snapshot
    now: datetime
    owners: Mapping[Ident, Owner] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    own_policies: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    rights: Rights = Rights()
    ourselves: frozenset[str] = frozenset()

    @property
    def sees_accounts(self) -> bool:
        """Whether apps and principals were read."""
        return any(each.type == "databricks" for each in self.asked.values())

    @property
    def sees_servers(self) -> bool:
        """Whether the integrations of every server were read."""
        return any(each.type == "connect" for each in self.asked.values()) and not any(
            each.type == "connect" for each in self.lenders.values()
        )

    def each(self, kind: str) -> Iterator[tuple[str, Live]]:
        """Every object of a kind with its provider, in a fixed order."""
        for (provider, name), lives in sorted(self.snapshot.objects.items()):
            if name == kind:
                yield from ((provider, lives[key]) for key in sorted(lives))

    def subject(self, provider: str, kind: str, live: Live) -> Subject:
        """An object as findings name it."""
        owner = self.owners.get((provider, kind, live.id))
        name = live.name
        return Subject(provider, kind, live.id, name, owner.stack if owner else "", _NOUNS[kind])

    def rules(self, subject: Subject) -> tuple[Policy, ...]:
        """The policies that hold for an object."""
        return (*self.policies, *self.own_policies.get(subject.stack, ()))

    def place(self, subject: Subject) -> Location | None:
        """The line that declares an object, else that of its provider."""
        owner = self.owners.get(subject.ident)
        provider = self.asked.get(subject.provider)
        return owner.at if owner and owner.at else provider.at if provider else None

    @cached_property
    def held_elsewhere(self) -> frozenset[str]:
        """Ids of the credentials that what wasn't looked at holds, such as a file: as ledgers have it."""
        unseen = (
            owner.entry for (provider, _, _), owner in self.owners.items() if provider not in self.asked
        )
        return frozenset(held.credential for entry in unseen if entry for held in entry.deliveries.values())

    def secrets(self, provider: str, principal: str) -> Sequence[Live]:
        """All secrets that a principal's list shows."""
        return self.snapshot.within(provider, SECRETS, principal)

    def is_live(self, secret: Live) -> bool:
        """Whether a secret hasn't ended."""
        ends = parse_time(secret.expires_at)
        return ends is None or ends > self.now

    @cached_property
    def clients(self) -> Mapping[str, tuple[str, str, Live]]:
        """Client id, in lower case → provider, kind and object."""
        found: dict[str, tuple[str, str, Live]] = {}
        for kind in (APPS, PRINCIPALS):
            for provider, live in self.each(kind):
                client = live.computed.get("client_id", "").casefold()
                if client:
                    found.setdefault(client, (provider, kind, live))
        return found

    @cached_property
    def users(self) -> Mapping[Ident, Sequence[tuple[str, Live]]]:
        """App or principal → the integrations that use it, with their servers."""
        found: dict[Ident, list[tuple[str, Live]]] = {}
        for server, integration in self.each(INTEGRATIONS):
            used = self.clients.get(client_id(integration))
            if used:
                found.setdefault((used[0], used[1], used[2].id), []).append((server, integration))
        return found


def every_principal(snapshot: Snapshot) -> Mapping[str, Collection[str]]:
    """Every principal by its provider: also one that nothing uses may have secrets that should end."""
    return {p: list(lives) for (p, kind), lives in snapshot.objects.items() if kind == PRINCIPALS}


def config(integration: Live) -> Mapping[str, object]:
    """The settings of an integration."""
    found = integration.attributes.get("config")
    return found if isinstance(found, Mapping) else {}


def client_id(integration: Live) -> str:
    """The client id that an integration uses, in lower case; "" if it has none."""
    return str(config(integration).get("client_id") or "").strip().casefold()


def is_databricks(integration: Live) -> bool:
    """Whether it is of the template that speaks with Databricks and nobody else."""
    return integration.attributes.get("template") == "databricks"


def is_service(integration: Live) -> bool:
    """Whether it acts as a service account."""
    return config(integration).get("auth_type") == SERVICE


def is_viewer(integration: Live) -> bool:
    """Whether it acts as the person who looks."""
    return (config(integration).get("auth_type") or "Viewer") == "Viewer"


def owned(
    watched: Iterable[Watched],
    claims: Mapping[Ident, str],
    providers: Mapping[str, ProviderSpec],
    snapshot: Snapshot,
) -> dict[Ident, Owner]:
    """Who manages what: the ledgers of the run first, then what its specs name, then ledgers beside them.

    Args:
        claims: a remote system's mark, kind and remote id → the stack that owns it.
    """
    names = {(each.type, each.identity): name for name, each in providers.items()}
    systems = {each.system: name for name, each in providers.items()}
    found: dict[Ident, Owner] = {}
    named: dict[Ident, Owner] = {}
    for each in watched:
        here = {
            name: names.get((spec.type, spec.identity), names.get((spec.type, ""), name))
            for name, spec in each.stack.providers.items()
        }
        for ident, owner in _of_ledger(each, here):
            found.setdefault(ident, owner)
        for ident, owner in _of_spec(each, here, snapshot):
            named.setdefault(ident, owner)
    for (system, kind, live_id), stack in claims.items():
        if system in systems:
            named.setdefault((systems[system], kind, live_id), Owner(stack))
    return {**named, **found}


def _of_ledger(each: Watched, here: Mapping[str, str]) -> Iterator[tuple[Ident, Owner]]:
    stack = each.stack
    moved = {move.source: move.target for move in stack.moved}
    for address, entry in each.ledger.entries.items():
        resource = stack.resources.get(moved.get(address, address))
        parent = stack.resources.get(address.parent) if address.parent else None
        at = resource.at if resource else parent.at if parent else None
        provider = here.get(entry.provider, entry.provider)
        for live_id in (entry.id, *(former.id for former in entry.formers)):
            if live_id:
                yield (provider, address.kind_name, live_id), Owner(stack.name, at, resource, entry)


def _of_spec(each: Watched, here: Mapping[str, str], snapshot: Snapshot) -> Iterator[tuple[Ident, Owner]]:
    """What a spec names and no ledger has: by id, or, where the stack keeps no memory, by its name."""
    for address, resource in each.stack.resources.items():
        if address.part or address in each.ledger.entries:
            continue
        provider = here.get(resource.provider, resource.provider)
        owner = Owner(each.stack.name, resource.at, resource)
        if resource.lifecycle.adopt:
            yield (provider, address.kind_name, resource.lifecycle.adopt.id), owner
        elif each.stack.ledger_url == "none":
            value = resource.attributes.get("name", resource.attributes.get("display_name", ""))
            name = str(value.value if isinstance(value, Sourced) else value)
            alike = snapshot.named(provider, address.kind_name, name) if name else ()
            if len(alike) == 1:
                yield (provider, address.kind_name, alike[0].id), owner
