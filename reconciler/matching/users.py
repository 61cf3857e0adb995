"""Who refers to what has a credential: every receiver of every provider that was looked at, whoever made it.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.kinds import Kind, Registry, same_client
from reconciler.model import Action, Address, Change, Ledger, Live, Lives, Snapshot, Stack


@dataclass(frozen=True, slots=True)
class User:
    """One receiver that refers to a client_id."""

    id: str
    name: str
    provider: str
    noun: str = "integration"
    contents: str = ""  # how many contents it has; "" if the server doesn't say

    @property
    def words(self) -> str:
        """For people: which receiver, where, and how much hangs on it."""
        of = {"": "", "1": ", with 1 content"}.get(self.contents, f", with {self.contents} contents")
        return f"the {self.noun} {self.id} ({self.name!r}) on {self.provider}{of}"


def is_owner(kinds: Registry, address: Address) -> bool:
    """Whether receivers refer to objects of this kind by a client_id."""
    kind = kinds.get(address.kind_name)
    return kind is not None and bool(kind.fields.referred_by)


def shows_owner(kinds: Registry, kind_name: str) -> bool:
    """Whether an object of this kind shows whose credential it holds."""
    kind = kinds.get(kind_name)
    return kind is not None and bool(kind.fields.shows_referred)


def client_of(kinds: Registry, address: Address, computed: Mapping[str, str] | None) -> str:
    """The client_id by which receivers refer to an object; "" if it has none."""
    return same_client((computed or {}).get(kinds[address.kind_name].fields.referred_by))


def users_in(kind: Kind[Any], provider: str, lives: Lives, client_id: str) -> list[User]:
    """Who refers to a client_id, of one provider's receivers."""
    return [_user(kind, provider, live) for live in lives.by(kind.referring, client_id)]


def users_of(client_id: str, snapshot: Snapshot, kinds: Registry) -> list[User]:
    """The live receivers that refer to a client_id, of all providers."""
    return [
        user
        for provider, name in (sorted(snapshot.objects) if client_id else ())
        if shows_owner(kinds, name)
        for user in users_in(kinds[name], provider, snapshot.of(provider, name), client_id)
    ]


def _user(kind: Kind[Any], provider: str, live: Live) -> User:
    return User(live.id, live.name, provider, kind.noun, live.computed.get(kind.fields.users, ""))


def leaving(changes: Iterable[Change], kinds: Registry) -> frozenset[str]:
    """Ids of the receivers that a plan deletes, or switches to another client_id."""
    found: set[str] = set()
    for change in changes:
        if not change.is_pending or not shows_owner(kinds, change.address.kind_name):
            continue
        if change.action is not Action.FORGET:
            found.update((*change.removes, *change.clears))
        shown = kinds[change.address.kind_name].fields.shows_referred
        if change.id and any(field.path == shown for field in change.fields):
            found.add(change.id)
    return frozenset(found)


def unseen(stack: Stack, snapshot: Snapshot, kinds: Registry) -> tuple[str, ...]:
    """The stack's servers whose receivers couldn't be looked at, sorted."""
    return tuple(
        sorted(name for name, kind in _servers(stack, kinds) if (name, kind) not in snapshot.objects)
    )


def servers_beside(stack: Stack, ledger: Ledger, kinds: Registry) -> set[str]:
    """The servers of a stack that has apps or principals: a receiver of theirs may use one."""
    is_any = any(is_owner(kinds, address) for address in {*stack.resources, *ledger.entries})
    return {name for name, _ in _servers(stack, kinds)} if is_any else set()


def _servers(stack: Stack, kinds: Registry) -> Iterator[tuple[str, str]]:
    """Providers with their kinds of receivers, as far as they can be reached from anywhere."""
    for name, spec in stack.providers.items():
        for kind in kinds.values():
            if kind.fields.shows_referred and not kind.elsewhere and kind.provider_type == spec.type:
                yield name, kind.name
