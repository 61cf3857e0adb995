"""Who there is on a Connect server: three users with a key each, and two groups."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.connect.answers import forbidden
from reconciler.sandbox.credentials import ADMINISTRATOR_KEY, PUBLISHER_KEY, VIEWER_KEY
from reconciler.sandbox.messages import Refusal

ADMINISTRATOR, PUBLISHER, VIEWER = "administrator", "publisher", "viewer"
_CREATED = "2025-01-15T08:30:00Z"


def fixed_guid(prefix: str, name: str) -> str:
    """A GUID that is the same in every run, and another one on every server."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:{prefix}:{name}"))


@dataclass(frozen=True)
class User:
    """A user of a Connect server, and the groups it is in."""

    guid: str
    username: str
    first_name: str
    last_name: str
    role: str
    groups: frozenset[str]

    def shown(self) -> dict[str, Any]:
        """The user as `/v1/users` lists it."""
        return {
            "guid": self.guid,
            "username": self.username,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": f"{self.username}@sandbox.example",
            "user_role": self.role,
            "created_time": _CREATED,
            "updated_time": _CREATED,
            "active_time": None,
            "confirmed": True,
            "locked": False,
        }


class People:
    """The users and groups of one server, seeded and never changing."""

    def __init__(self, prefix: str) -> None:
        group = {name: fixed_guid(prefix, f"group {name}") for name in ("data-science", "finance")}
        science = frozenset({group["data-science"]})
        named = (
            (ADMINISTRATOR_KEY, "ada", "Ada", "Administrator", ADMINISTRATOR, frozenset[str]()),
            (PUBLISHER_KEY, "pat", "Pat", "Publisher", PUBLISHER, science),
            (VIEWER_KEY, "vic", "Vic", "Viewer", VIEWER, frozenset[str]()),
        )
        self._by_key = {
            key: User(fixed_guid(prefix, f"user {name}"), name, first, last, role, groups)
            for key, name, first, last, role, groups in named
        }
        self.users = tuple(self._by_key.values())
        owner = self.users[0].guid
        self.groups = tuple({"guid": guid, "name": name, "owner_guid": owner} for name, guid in group.items())

    def caller(self, headers: Mapping[str, str]) -> User:
        """Whose API key a request carries; `X-RSC-Authorization` does as well, with a bare key too.

        Raises:
            Refusal: 401/24 without a key, 401/30 with a wrong one.
        """
        given = headers.get("x-rsc-authorization") or headers.get("authorization", "")
        if not given:
            raise Refusal(401, 24, "You must be logged in to perform this operation.")
        scheme, _, key = given.partition(" ")
        if not key and "x-rsc-authorization" in headers:
            scheme, key = "Key", given
        user = self._by_key.get(key.strip()) if scheme == "Key" else None
        if user is None:
            raise Refusal(401, 30, "The API key is not valid.")
        return user

    def matching(self, prefix: str, role: str) -> list[User]:
        """Users whose username, first or last name starts with a text, in any case."""
        start = prefix.casefold()
        return [
            user
            for user in self.users
            if any(
                name.casefold().startswith(start) for name in (user.username, user.first_name, user.last_name)
            )
            and role in ("", user.role)
        ]

    def members(self, group: str) -> list[User]:
        """The users in a group."""
        return [user for user in self.users if group in user.groups]


def need(user: User, *roles: str) -> None:
    """Let a user through who has one of the roles.

    Raises:
        Refusal: 403/22, it has none.
    """
    if user.role not in roles:
        raise forbidden()
