"""Which objects of an estate a spec is to take over, by what keys, and which of them belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from reconciler.exporting.keys import keys, slug
from reconciler.kinds import Kind, Registry, parts_of
from reconciler.matching.canonical import at_path
from reconciler.model import Address, Live, ProviderSpec, Snapshot
from reconciler.surveying import Estate

Ident = tuple[str, str, str]  # provider, kind, remote id


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        stack: the name of the new stack.
        side: the one administrator's half; "" for both.
        match: patterns of names, without case; none for all.
        claims: objects that belong to somebody already → to whom, in words.
        lenders: providers that aren't asked, and whose callback URLs may be meant.
        only: objects that are wanted → their keys; None for all.
        known: (kind, id) → the variable that will hold the secret of an object.
    """

    stack: str
    side: str = ""
    match: tuple[str, ...] = ()
    claims: Mapping[Ident, str] = field(default_factory=dict)
    lenders: Mapping[str, ProviderSpec] = field(default_factory=dict)
    only: Mapping[tuple[str, str], str] | None = None
    known: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One object that is taken over."""

    kind: Kind[Any]
    provider: str
    live: Live
    key: str = ""

    @property
    def address(self) -> Address:
        """Its address in the new spec."""
        return Address(self.kind.name, self.key)

    @property
    def client_id(self) -> str:
        """Of a receiver, what it uses; of others, their own."""
        return client_used(self.kind, self.live) or self.live.computed.get(self.kind.fields.referred_by, "")

    @property
    def ident(self) -> Ident:
        """What it is known by."""
        return self.provider, self.kind.name, self.live.id

    @property
    def is_databricks(self) -> bool:
        """Whether it is an integration with Databricks: only there a client_id says whose it is."""
        return self.live.attributes.get("template") == "databricks"


@dataclass(frozen=True)
class Choice:
    """The objects of a new spec.

    Attributes:
        items: in their groups, sorted.
        groups: address → name of its group.
        others: client_id, without case → who has it and isn't taken over, in words.
    """

    estate: Estate
    wishes: Wishes
    items: tuple[Item, ...]
    groups: Mapping[Address, str]
    others: Mapping[str, str]
    kinds: Registry

    @cached_property
    def owners(self) -> Mapping[str, Item]:
        """client_id, to the letter → the app or principal that has it."""
        return _owners(self.items)

    @cached_property
    def users(self) -> Mapping[str, list[Item]]:
        """client_id → the integrations with Databricks that use it."""
        found: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            if item.kind.receives and item.is_databricks:
                found[item.client_id].append(item)
        return found

    @cached_property
    def used(self) -> frozenset[str]:
        """Every client_id that an integration refers to, whoever has it; without case."""
        return frozenset(used.casefold() for used in clients_used(self.estate.snapshot, self.kinds))

    def secrets(self, item: Item) -> list[Live]:
        """The secrets of a principal that were listed."""
        parts = [part.name for part in parts_of(self.kinds, item.kind.name) if part.fields.issues]
        within = self.estate.snapshot.within
        return [live for part in parts for live in within(item.provider, part, item.live.id)]


def client_used(kind: Kind[Any], live: Live) -> str:
    """The client_id that a receiver shows, to the letter; "" of what is no receiver."""
    shown = kind.fields.shows_referred
    return str(at_path(live.attributes, shown) or "") if shown else ""


def clients_used(snapshot: Snapshot, kinds: Registry) -> frozenset[str]:
    """Every client_id that a receiver refers to."""
    found = {client_used(kinds[kind], live) for (_, kind), live in _each(snapshot)}
    return frozenset(found - {""})


def used_holders(snapshot: Snapshot, kinds: Registry) -> dict[str, list[str]]:
    """Provider → the objects with credentials inside (principals) that a receiver refers to."""
    used, found = clients_used(snapshot, kinds), defaultdict(list)
    for (provider, name), live in _each(snapshot):
        own = live.computed.get(kinds[name].fields.referred_by, "")
        if own in used and any(part.fields.issues for part in parts_of(kinds, name)):
            found[provider].append(live.id)
    return found


def _each(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], Live]]:
    return ((key, live) for key, lives in sorted(snapshot.objects.items()) for live in lives.values())


def choose(estate: Estate, wishes: Wishes, kinds: Registry) -> Choice:
    """What is taken over: all that belongs to nobody, or what was asked for with what it hangs together."""
    found = _all(estate, wishes, kinds)
    if wishes.match:
        found = _matching(found, wishes.match)
    named = _keyed(found, wishes)
    taken = {item.live.id for item in named}
    others: dict[str, str] = {}
    for (provider, kind), live in _each(estate.snapshot):
        client_id = live.computed.get(kinds[kind].fields.referred_by, "")
        if client_id and live.id not in taken:
            others[client_id.casefold()] = _elsewhere(estate, wishes, (provider, kind, live.id), live)
    groups = _groups(named)
    ordered = sorted(named, key=lambda item: (groups[item.address], item.address))
    names = {address: name for address, (_, name, _) in groups.items()}
    return Choice(estate, wishes, tuple(ordered), names, others, kinds)


def _elsewhere(estate: Estate, wishes: Wishes, ident: Ident, live: Live) -> str:
    if owner := wishes.claims.get(ident):
        return f"it belongs to {owner}"
    if estate.is_ourselves(ident[0], live):
        return "this tool itself signs in with it"
    return "it isn't taken over here"


def _all(estate: Estate, wishes: Wishes, kinds: Registry) -> list[Item]:
    found = []
    for (provider, kind), live in _each(estate.snapshot):
        is_elsewhere = (provider, kind, live.id) in wishes.claims or estate.is_ourselves(provider, live)
        is_wanted = wishes.only is None or (kind, live.id) in wishes.only
        is_given = live.attributes.get("template") == "connect"
        if kinds[kind].exported_as and is_wanted and not is_elsewhere and not is_given:
            found.append(Item(kinds[kind], provider, live))
    return found


def _matching(items: Iterable[Item], patterns: Iterable[str]) -> list[Item]:
    """What has a matching name, what that uses, and what uses that."""
    every = list(items)
    forms = [pattern.casefold() for pattern in patterns]
    hit = [item for item in every if any(fnmatchcase(item.live.name.casefold(), form) for form in forms)]
    taken = {item.ident for item in hit}
    uses = {item.client_id.casefold() for item in hit if item.kind.receives and item.is_databricks}
    owns = {item.client_id.casefold() for item in hit if not item.kind.receives}
    return [item for item in every if item.ident in taken or _is_other_end(item, uses - {""}, owns - {""})]


def _is_other_end(item: Item, uses: Set[str], owns: Set[str]) -> bool:
    """Whether an object owns what a match uses, or uses what a match owns."""
    if item.kind.receives:
        return item.is_databricks and item.client_id.casefold() in owns
    return item.client_id.casefold() in uses


def _keyed(items: Iterable[Item], wishes: Wishes) -> list[Item]:
    by_kind: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_kind[item.kind.name].append(item)
    found = []
    for name, each in by_kind.items():
        given, noun = wishes.only or {}, each[0].kind.exported_as
        slugs = keys({(item.provider, item.live.id): item.live.name for item in each}, noun)
        for item in each:
            key = given.get((name, item.live.id)) or slugs[(item.provider, item.live.id)]
            found.append(replace(item, key=key))
    return found


def _owners(items: Iterable[Item]) -> dict[str, Item]:
    return {item.client_id: item for item in items if not item.kind.receives and item.client_id}


def _groups(items: Iterable[Item]) -> dict[Address, tuple[str, str, str]]:
    """Address → what its group is sorted by: the name as a key, the name itself, and an id."""
    every = list(items)
    owners, found = _owners(every), {}
    for item in every:
        is_paired = item.kind.receives and item.is_databricks
        head = owners.get(item.client_id, item) if is_paired else item
        name = head.live.name or head.key
        found[item.address] = (slug(name), name, head.live.id)
    return found
