"""Who refers to an app or a service principal: every integration of every Connect server that was looked at,
whoever made it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model import Action, Address, Change, Live, Snapshot, Stack
from reconciler.planning.compare import at_path

INTEGRATIONS = "connect_integrations"
OWNERS = ("oauth_apps", "service_principals")  # what an integration refers to by its client_id


@dataclass(frozen=True)
class User:
    """One integration that refers to a client_id."""

    id: str
    name: str
    provider: str
    contents: str = ""  # how many contents it has; "" if the server doesn't say

    @property
    def words(self) -> str:
        """For people: which integration, where, and how much hangs on it."""
        of = {"": "", "1": ", with 1 content"}.get(self.contents, f", with {self.contents} contents")
        return f"the integration {self.id} ({self.name!r}) on {self.provider}{of}"


def is_owner(address: Address) -> bool:
    """Whether integrations refer to objects of this kind by a client_id."""
    return address.kind in OWNERS and not address.part


def users_in(provider: str, lives: Iterable[Live]) -> Iterable[tuple[str, User]]:
    """client_id → who refers to it, of one server's integrations."""
    for live in lives:
        client_id = at_path(live.attributes, "config.client_id")
        if isinstance(client_id, str) and client_id:
            yield same(client_id), User(live.id, live.name, provider, live.computed.get("content_count", ""))


def users_by_client_id(snapshot: Snapshot) -> Mapping[str, list[User]]:
    """client_id → the live integrations that refer to it, on all servers."""
    found: dict[str, list[User]] = defaultdict(list)
    for (provider, kind), objects in sorted(snapshot.objects.items()):
        if kind == INTEGRATIONS:
            for client_id, user in users_in(provider, objects.values()):
                found[client_id].append(user)
    return found


def same(client_id: str | None) -> str:
    """A client_id for comparing: application ids are GUIDs, whose case says nothing."""
    return (client_id or "").casefold()


def leaving(changes: Iterable[Change]) -> frozenset[str]:
    """Ids of the integrations that a plan deletes, or switches to another client_id."""
    found: set[str] = set()
    for change in changes:
        if change.address.kind != INTEGRATIONS or not change.is_pending:
            continue
        if change.action is not Action.FORGET:
            found.update((*change.removes, *change.clears))
        if change.id and any(field.path == "config.client_id" for field in change.fields):
            found.add(change.id)
    return frozenset(found)


def unseen(stack: Stack, snapshot: Snapshot) -> tuple[str, ...]:
    """The stack's Connect servers whose integrations couldn't be looked at, sorted."""
    servers = (name for name, spec in stack.providers.items() if spec.type == "connect")
    return tuple(sorted(name for name in servers if (name, INTEGRATIONS) not in snapshot.objects))
