"""Which stack of a run gets a live object that several of them would take over. Pure.

A ledger's claim comes first, then the stacks' names. The wishes of a whole run are one index, made once: each
object that a stack would take over is looked up in it, so that many stacks cost what their wishes cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model import Ledger, Resource, Sourced, Stack

Wish = tuple[str, Resource]  # a stack's name, and what it wants
Key = tuple[str, str, str]  # provider system, kind name, remote id or what else an object is known by


def plain(value: object) -> object:
    """A value without its wrapper, for matching: what the environment supplied counts as written."""
    return value.value if isinstance(value, Sourced) else value


def application_id(value: object) -> str:
    """What an application id alone is known by."""
    return "application_id " + str(value).casefold()


def by_word(resource: Resource, name: str) -> str:
    """What a resource is matched by, where no id is known: its name, or its application id.

    Args:
        name: the attribute that holds its name.
    """
    wanted = plain(resource.attributes.get("application_id"))
    return str(plain(resource.attributes.get(name))) if wanted is None else application_id(wanted)


def called_by(resource: Resource) -> str:
    """Which word that is, for people."""
    return "name" if plain(resource.attributes.get("application_id")) is None else "application id"


@dataclass(frozen=True)
class Rivals:
    """What the stacks of one run own and wish for.

    Attributes:
        owned: what their ledgers have → the stack's name.
        wishes: an `adopt:` id, or a name → stacks with a resource that no ledger knows, by their names.
    """

    owned: Mapping[Key, str] = field(default_factory=dict)
    wishes: Mapping[Key, tuple[Wish, ...]] = field(default_factory=dict)

    def before(self, stack: str, system: str, kind: str, words: Iterable[str]) -> list[Wish]:
        """The wishes of stacks that come before one, for what is known by any of these words."""
        found = [wish for word in words for wish in self.wishes.get((system, kind, word), ())]
        return sorted((wish for wish in found if wish[0] < stack), key=lambda wish: wish[0])


def rivals_of(members: Iterable[tuple[Stack, Ledger]], names: Mapping[str, str]) -> Rivals:
    """The index of a run.

    Args:
        names: kind name → the attribute that holds the name.
    """
    owned: dict[Key, str] = {}
    wishes: dict[Key, list[Wish]] = defaultdict(list)
    for stack, ledger in sorted(members, key=lambda member: member[0].name):
        systems = {name: spec.system for name, spec in stack.providers.items()}
        for address, entry in ledger.entries.items():
            for live_id in {entry.id, *(former.id for former in entry.formers)} - {""}:
                owned.setdefault((systems.get(entry.provider, ""), address.kind_name, live_id), stack.name)
        if stack.ledger_url == "none":
            continue  # it owns nothing, and takes nothing over
        known = {*ledger.entries, *ledger.pending.intents, *(move.target for move in stack.moved)}
        for address, resource in stack.resources.items():
            if address.part or address in known:
                continue
            kind, adopt = address.kind_name, resource.lifecycle.adopt
            words = {by_word(resource, names[kind])} | ({adopt.id.casefold()} if adopt else set())
            for word in sorted(words):
                wishes[(systems[resource.provider], kind, word)].append((stack.name, resource))
    return Rivals(owned, {key: tuple(found) for key, found in wishes.items()})
