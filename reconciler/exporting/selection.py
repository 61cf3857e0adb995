"""Which objects of an estate a spec is to take over, by what keys, and which of them belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from reconciler.exporting.keys import keys, slug
from reconciler.matching.canonical import at_path
from reconciler.model import Address, Live, ProviderSpec
from reconciler.surveying import Estate

SECRETS = "service_principals.client_secret"
APPS, PRINCIPALS, INTEGRATIONS = "oauth_apps", "service_principals", "connect_integrations"
NOUNS = {APPS: "app", PRINCIPALS: "principal", INTEGRATIONS: "integration"}

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

    kind: str
    provider: str
    live: Live
    key: str

    @property
    def address(self) -> Address:
        """Its address in the new spec."""
        return Address(self.kind, self.key)

    @property
    def client_id(self) -> str:
        """Of an app or principal, what is its own; of an integration, what it uses."""
        if self.kind == INTEGRATIONS:
            return str(at_path(self.live.attributes, "config.client_id") or "")
        return self.live.computed.get("client_id", "")

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

    @cached_property
    def owners(self) -> Mapping[str, Item]:
        """client_id, to the letter → the app or principal that has it."""
        return {item.client_id: item for item in self.items if item.kind != INTEGRATIONS and item.client_id}

    @cached_property
    def users(self) -> Mapping[str, list[Item]]:
        """client_id → the integrations with Databricks that use it."""
        found: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            if item.kind == INTEGRATIONS and item.is_databricks:
                found[item.client_id].append(item)
        return found

    @cached_property
    def used(self) -> frozenset[str]:
        """Every client_id that an integration refers to, whoever has it; without case."""
        lives = (
            live
            for (_, kind), each in self.estate.snapshot.objects.items()
            if kind == INTEGRATIONS
            for live in each.values()
        )
        return frozenset(str(at_path(live.attributes, "config.client_id") or "").casefold() for live in lives)

    def secrets(self, item: Item) -> list[Live]:
        """The secrets of a principal that were listed."""
        return list(self.estate.snapshot.within(item.provider, SECRETS, item.live.id))


def choose(estate: Estate, wishes: Wishes) -> Choice:
    """What is taken over: all that belongs to nobody, or what was asked for with what it hangs together."""
    found = _all(estate, wishes)
    if wishes.match:
        found = _matching(found, wishes.match)
    named = _keyed(found, wishes)
    taken = {item.live.id for item in named}
    others: dict[str, str] = {}
    for (provider, kind), lives in estate.snapshot.objects.items():
        if kind not in (APPS, PRINCIPALS):
            continue
        for live in lives.values():
            client_id = live.computed.get("client_id", "")
            if client_id and live.id not in taken:
                others[client_id.casefold()] = _elsewhere(estate, wishes, (provider, kind, live.id), live)
    groups = _groups(named)
    ordered = sorted(named, key=lambda item: (groups[item.address], item.kind, item.key))
    names = {address: name for address, (_, name, _) in groups.items()}
    return Choice(estate, wishes, tuple(ordered), names, others)


def _elsewhere(estate: Estate, wishes: Wishes, ident: Ident, live: Live) -> str:
    if owner := wishes.claims.get(ident):
        return f"it belongs to {owner}"
    if estate.is_ourselves(ident[0], live):
        return "this tool itself signs in with it"
    return "it isn't taken over here"


def _all(estate: Estate, wishes: Wishes) -> list[Item]:
    found = []
    for (provider, kind), lives in sorted(estate.snapshot.objects.items()):
        for live in lives.values() if kind in NOUNS else ():
            if (provider, kind, live.id) in wishes.claims or live.attributes.get("template") == "connect":
                continue
            if kind == PRINCIPALS and estate.is_ourselves(provider, live):
                continue
            if wishes.only is None or (kind, live.id) in wishes.only:
                found.append(Item(kind, provider, live, ""))
    return found


def _matching(items: Iterable[Item], patterns: Iterable[str]) -> list[Item]:
    """What has a matching name, what that uses, and what uses that."""
    every = list(items)
    forms = [pattern.casefold() for pattern in patterns]
    hit = [item for item in every if any(fnmatchcase(item.live.name.casefold(), form) for form in forms)]
    taken = {(item.provider, item.kind, item.live.id) for item in hit}
    uses = {item.client_id.casefold() for item in hit if item.kind == INTEGRATIONS and item.is_databricks}
    owns = {item.client_id.casefold() for item in hit if item.kind != INTEGRATIONS}
    return [
        item
        for item in every
        if (item.provider, item.kind, item.live.id) in taken or _is_other_end(item, uses - {""}, owns - {""})
    ]


def _is_other_end(item: Item, uses: Set[str], owns: Set[str]) -> bool:
    """Whether an object owns what a match uses, or uses what a match owns."""
    if item.kind == INTEGRATIONS:
        return item.is_databricks and item.client_id.casefold() in owns
    return item.client_id.casefold() in uses


def _keyed(items: Iterable[Item], wishes: Wishes) -> list[Item]:
    by_kind: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_kind[item.kind].append(item)
    found = []
    for kind, each in by_kind.items():
        given = wishes.only or {}
        slugs = keys({(item.provider, item.live.id): item.live.name for item in each}, NOUNS[kind])
        for item in each:
            key = given.get((kind, item.live.id)) or slugs[(item.provider, item.live.id)]
            found.append(Item(kind, item.provider, item.live, key))
    return found


def _groups(items: Iterable[Item]) -> dict[Address, tuple[str, str, str]]:
    """Address → what its group is sorted by: the name as a key, the name itself, and an id."""
    every = list(items)
    owners = {item.client_id: item for item in every if item.kind != INTEGRATIONS and item.client_id}
    found = {}
    for item in every:
        is_paired = item.kind == INTEGRATIONS and item.is_databricks
        head = owners.get(item.client_id, item) if is_paired else item
        name = head.live.name or head.key
        found[item.address] = (slug(name), name, head.live.id)
    return found
