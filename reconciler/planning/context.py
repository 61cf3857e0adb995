"""What the planner knows: wanted, live and remembered side by side, and the values of references. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, TypeVar, Union

from reconciler.kinds import Fields, Registry
from reconciler.matching.adoption import is_of_adopt
from reconciler.matching.canonical import leaves
from reconciler.matching.matches import Match
from reconciler.matching.recovery import Recovery
from reconciler.matching.users import User, client_of, is_owner, users_of
from reconciler.model import (
    Address,
    Change,
    Entry,
    Intent,
    IntentResolution,
    Ledger,
    Live,
    Ref,
    Resource,
    Runner,
    SecretInput,
    Snapshot,
    Sourced,
    Stack,
    Superseded,
    Text,
    Unknown,
)


@dataclass(frozen=True)
class PlanningContext:
    """Everything a plan is made from.

    Attributes:
        entries: the ledger's, as the spec's `moved:` renames them.
        recovery: what interrupted runs left behind.
        now: for expiry and rotation.
        dead: runners that are proven to be gone.
        opened: credentials whose sealed copy can be opened here; None for all of them.
        forced: addresses whose replace was asked for on the command line.
    """

    stack: Stack
    ledger: Ledger
    entries: Mapping[Address, Entry]
    snapshot: Snapshot
    kinds: Registry
    matches: Mapping[Address, Match]
    recovery: Recovery
    now: datetime
    dead: frozenset[Runner] = field(default_factory=frozenset)
    forced: frozenset[Address] = field(default_factory=frozenset)
    opened: frozenset[str] | None = None

    @property
    def is_stateless(self) -> bool:
        """Whether the spec says `ledger: none`."""
        return self.stack.ledger_url == "none"

    @cached_property
    def in_order(self) -> list[Resource]:
        """The resources, each after what it refers to; ties by address."""
        return in_order(self.stack.resources)

    @cached_property
    def listed(self) -> frozenset[Address]:
        """What `approve:` lists."""
        return frozenset(self.stack.approve)

    @cached_property
    def held(self) -> frozenset[str]:
        """Remote ids of the credentials that an integration holds, as far as the ledger knows."""
        return frozenset(d.credential for e in self.entries.values() for d in e.deliveries.values())

    @cached_property
    def own(self) -> frozenset[str]:
        """Remote ids of all that is this stack's: on record, or matched."""
        found = {entry.id for entry in self.entries.values()}
        found |= {former.id for entry in self.entries.values() for former in entry.formers}
        return frozenset(found | {match.live.id for match in self.matches.values() if match.live})

    @cached_property
    def formers(self) -> Mapping[Address, tuple[Superseded, ...]]:
        """Address → the predecessors that are on record; only of those that have any."""
        return {address: entry.formers for address, entry in self.entries.items() if entry.formers}

    @cached_property
    def receivers(self) -> Mapping[Address, Sequence[Resource]]:
        """Owner of a credential → the resources that are to get it."""
        found: dict[Address, list[Resource]] = {}
        for resource in self.stack.resources.values():
            for source in {ref.source for ref in resource.refs if ref.is_secret}:
                found.setdefault(source, []).append(resource)
        return found

    @cached_property
    def readable(self) -> Mapping[tuple[Address, str], Sequence[Address]]:
        """Source and remote id of a credential → the receivers that can be read back and hold it, as far as
        the ledger knows."""
        found: dict[tuple[Address, str], list[Address]] = {}
        for address, entry in self.entries.items():
            kind = self.kinds.get(address.kind_name)
            delivery = entry.deliveries.get(kind.fields.holds) if kind and kind.fields.holds else None
            if delivery is not None and delivery.source is not None:
                found.setdefault((delivery.source, delivery.credential), []).append(address)
        return found

    @cached_property
    def leftovers(self) -> Mapping[Address, tuple[str, ...]]:
        """Address → ids that interrupted runs left there and that nobody uses; none where there are none."""
        found = {
            address: left.orphans
            for address, left in self.recovery.intents.items()
            if left.settles is IntentResolution.LOST
        }
        for address, late in self.recovery.late.items():
            found[address] = (*found.get(address, ()), *late)
        for address, formers in self.formers.items():
            if condemned := tuple(former.id for former in formers if former.is_condemned):
                found[address] = (*found.get(address, ()), *condemned)
        return {address: tuple(dict.fromkeys(ids)) for address, ids in found.items() if ids}

    @cached_property
    def open_intents(self) -> Mapping[Address, Intent]:
        """What interrupted runs were about to make, by address; of one that was given up, the first."""
        given_up = {one.address: one.intent for one in reversed(self.ledger.pending.given_up)}
        return given_up | {address: left.intent for address, left in self.recovery.intents.items()}

    @cached_property
    def users(self) -> Mapping[str, Sequence[User]]:
        """Ids of our apps and principals → the live receivers that refer to them, whoever made those."""
        found = {}
        for address in {*self.entries, *self.recovery.intents, *self.recovery.late}:
            if is_owner(self.kinds, address):
                for live_id, client_id in self._client_ids(address):
                    if users := users_of(client_id, self.snapshot, self.kinds) if live_id else ():
                        found[live_id] = users
        return found

    def _client_ids(self, address: Address) -> Iterator[tuple[str, str]]:
        """Id and client_id of an address's object, its formers and what interrupted runs left of it; what
        lives says more than what is on record."""
        entry = self.entries.get(address)
        known: dict[str, Mapping[str, str]] = {live_id: {} for live_id in self.leftovers.get(address, ())}
        if entry is not None:
            known |= {entry.id: entry.computed, **{f.id: f.computed for f in entry.formers}}
        for live_id, computed in known.items():
            live = self.live(address, live_id)
            shown = client_of(self.kinds, address, live.computed if live else None)
            yield live_id, shown or client_of(self.kinds, address, computed)

    def live(self, address: Address, live_id: str) -> Live | None:
        """A live object of an address's kind, where that address lives."""
        one = self.stack.resources.get(address) or self.entries.get(address)
        place = one or self.open_intents.get(address)
        return self.snapshot.of(place.provider, address.kind_name).get(live_id) if place else None

    def fields(self, address: Address) -> Fields:
        """The policy of an address's kind."""
        return self.kinds[address.kind_name].fields


Sorted = TypeVar("Sorted", Resource, Change)


def in_order(found: Mapping[Address, Sorted]) -> list[Sorted]:
    """Each after what it depends on, ties by address."""
    graph = {a: [d for d in found[a].depends_on if d in found] for a in sorted(found)}
    return [found[address] for address in TopologicalSorter(graph).static_order()]


def is_at_hand(context: PlanningContext, source: Address) -> bool:
    """Whether a credential's value is known: given with `adopt:`, sealed, or to be read back.

    A plan takes for granted that whoever applies it has the private key and every file.
    """
    return _is_held(context, source) or _opens(context, context.entries.get(source)) is not False


def is_kept(context: PlanningContext, source: Address) -> bool:
    """The same, wherever the private key is: on another machine, an apply there hands it over."""
    return _is_held(context, source) or _is_sealed(context.entries.get(source))


def is_in_reach(context: PlanningContext, source: Address) -> bool:
    """Whether a value is known to hand it over where that may as well be left: what only another machine
    holds isn't, and a plan, which can't know what key the next apply has, goes by what the last one had."""
    entry = context.entries.get(source)
    opens = _opens(context, entry)
    if opens is None:
        opens = entry is not None and entry.credential is not None and not entry.credential.unopened
    return opens or _is_given(context, source, entry) or any(_holders(context, source, entry))


def _opens(context: PlanningContext, entry: Entry | None) -> bool | None:
    """Whether there is a sealed copy that opens here; None where only an apply can tell."""
    if entry is None or not _is_sealed(entry):
        return False
    return None if context.opened is None else entry.id in context.opened


def _is_sealed(entry: Entry | None) -> bool:
    return entry is not None and entry.credential is not None and bool(entry.credential.sealed)


def _is_held(context: PlanningContext, source: Address) -> bool:
    """Whether a value is known without any copy."""
    entry = context.entries.get(source)
    return _is_given(context, source, entry) or any(True for _ in _holders(context, source, entry))


def _is_given(context: PlanningContext, source: Address, entry: Entry | None) -> bool:
    resource = context.stack.resources.get(source.parent or source)
    adopt = resource.lifecycle.adopt if resource else None
    match = context.matches.get(source)
    live = match.live if match else None
    if adopt is None or adopt.client_secret is None or live is None:
        return False
    return is_of_adopt(source, entry, live, adopt)


def _holders(context: PlanningContext, source: Address, owner: Entry | None) -> Iterator[bool]:
    """The receivers that can be read back and hold a credential, as far as the ledger knows: whether each is
    here, and not on another machine."""
    for address in context.readable.get((source, owner.id), ()) if owner else ():
        entry = context.entries[address]
        key = (entry.provider, address.kind_name)
        live = context.snapshot.of(*key).get(entry.id)
        if key not in context.snapshot.objects or (live and live.updated_at == entry.updated_at):
            yield live is not None


def is_secret(value: Any) -> bool:
    """Whether an attribute's value is handed over and never compared."""
    return isinstance(value, SecretInput) or (isinstance(value, Ref) and value.is_secret)


def secret_fields(resource: Resource) -> dict[str, Any]:
    """Dotted path → reference or input, for every secret field of a resource."""
    if not resource.has_secrets:
        return {}
    return {path: value for path, value in leaves(resource.attributes) if is_secret(value)}


Known = Callable[[Address, str], Union[str, None]]  # the value of an attribute that others may refer to


def nothing_known(address: Address, attribute: str) -> str | None:
    """Of what isn't there yet."""
    return None


def resolve(value: Any, known: Known) -> Any:
    """A value with its references replaced by what is known; Unknown where one isn't."""
    if isinstance(value, str):
        return value  # most are, and the other questions take longer
    if isinstance(value, Ref):
        found = known(value.address, value.attribute)
        return Unknown(value) if found is None else found
    if isinstance(value, Text):
        parts = [resolve(part, known) for part in value.parts]
        missing = next((part for part in parts if isinstance(part, Unknown)), None)
        if missing is not None:
            return missing
        sourced = next((part for part in parts if isinstance(part, Sourced)), None)
        text = "".join(p.value if isinstance(p, Sourced) else str(p) for p in parts)
        return Sourced(sourced.source, text, str(value)) if sourced else text
    if isinstance(value, Mapping):
        return {key: resolve(item, known) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(item, known) for item in value]
    return value


def shown(value: Any) -> Any:
    """A value as plain JSON for the plan: special values by their text, as `(env NAME)`."""
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, (Ref, Text, Sourced, SecretInput, Unknown)):
        return "(known after apply)" if isinstance(value, (Ref, Text)) else str(value)
    return value
