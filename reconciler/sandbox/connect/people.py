"""Who there is on a Connect server: users, some with a key, and groups."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.connect.answers import forbidden
from reconciler.sandbox.credentials import ADMINISTRATOR_KEY, PUBLISHER_KEY, VIEWER_KEY
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table, public
from reconciler.sandbox.world import World

ADMINISTRATOR, PUBLISHER, VIEWER = "administrator", "publisher", "viewer"
_CREATED = "2025-01-15T08:30:00Z"
_NAMES = ("username", "first_name", "last_name")
_KEYS = {ADMINISTRATOR_KEY: "ada", PUBLISHER_KEY: "pat", VIEWER_KEY: "vic"}
_SEEDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    ADMINISTRATOR: ("ada", "Administrator", ()),
    PUBLISHER: ("pat", "Publisher", ("data-science",)),
    VIEWER: ("vic", "Viewer", ()),
}


def fixed_guid(prefix: str, name: str) -> str:
    """A GUID that is the same in every run, and another one on every server."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:{prefix}:{name}"))


@dataclass(frozen=True)
class User:
    """A user of a Connect server, and the groups it is in."""

    row: Row
    groups: frozenset[str]

    @property
    def guid(self) -> str:
        """What permissions and content call it."""
        return str(self.row["guid"])

    @property
    def role(self) -> str:
        """What it may do."""
        return str(self.row["user_role"])

    def shown(self) -> dict[str, Any]:
        """The user as `/v1/users` lists it."""
        return public(self.row)


class People:
    """The users and groups of one server; three users bring a key along, others sign in elsewhere."""

    def __init__(self, world: World, prefix: str) -> None:
        self._prefix = prefix
        self.users = Table(world)
        self.groups = Table(world)
        # what an identity provider knows and the server doesn't yet: they have no guid
        self.remote: dict[str, list[str]] = {"users": [], "groups": []}

    def seed(self) -> None:
        """Put in who is there from the start."""
        group = {name: fixed_guid(self._prefix, f"group {name}") for name in ("data-science", "finance")}
        for role, (name, last, groups) in _SEEDS.items():
            names = {"username": name, "first_name": name.capitalize(), "last_name": last}
            row = {"guid": fixed_guid(self._prefix, f"user {name}"), **names, "user_role": role}
            self.add_user({**row, "_groups": [group[each] for each in groups]})
        owner = fixed_guid(self._prefix, "user ada")
        for name, guid in group.items():
            self.add_group({"guid": guid, "name": name, "owner_guid": owner})

    def add_user(self, fields: Mapping[str, Any]) -> Row:
        """A user with what is given, and what a server fills in."""
        row: Row = {
            "guid": str(uuid.uuid4()),
            "first_name": "",
            "last_name": "",
            "email": f"{fields['username']}@sandbox.example",
            "user_role": PUBLISHER,
            "created_time": _CREATED,
            "updated_time": _CREATED,
            "active_time": None,
            "confirmed": True,
            "locked": False,
            "_groups": [],
            **fields,
        }
        self.users.add(row["guid"], row)
        return row

    def add_group(self, fields: Mapping[str, Any]) -> Row:
        """A group with what is given; `members` are GUIDs of users."""
        given = dict(fields)
        members = given.pop("members", ())
        row: Row = {"guid": str(uuid.uuid4()), "owner_guid": None, **given}
        self.groups.add(row["guid"], row)
        for guid in members:
            user = self.users.get(guid)
            if user is not None:
                user["_groups"] = [*user["_groups"], row["guid"]]
        return row

    def remove(self, guid: str) -> bool:
        """A user or group leaves; false if there is none with this GUID."""
        for row in self.users:
            if guid in row["_groups"]:
                row["_groups"] = [each for each in row["_groups"] if each != guid]
        return (self.users.remove(guid) or self.groups.remove(guid)) is not None

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
        name = _KEYS.get(key.strip(), "") if scheme == "Key" else ""
        row = self.users.get(fixed_guid(self._prefix, f"user {name}"))
        if row is None:
            raise Refusal(401, 30, "The API key is not valid.")
        return _user(row)

    def matching(self, prefix: str, role: str = "", status: str = "") -> list[User]:
        """Users whose username, first or last name starts with a text, in any case."""
        start = prefix.casefold()
        return [
            _user(row)
            for _, row in self.users.listing()
            if any(row[name].casefold().startswith(start) for name in _NAMES)
            and role in ("", row["user_role"])
            and status in ("", "locked" if row["locked"] else "licensed")
        ]

    def groups_matching(self, prefix: str) -> list[Row]:
        """Groups whose name starts with a text, in any case."""
        start = prefix.casefold()
        return [row for _, row in self.groups.listing() if row["name"].casefold().startswith(start)]

    def members(self, group: str) -> list[User]:
        """The users in a group."""
        return [_user(row) for row in self.users if group in row["_groups"]]

    def dump(self) -> dict[str, Any]:
        """Everybody as JSON."""
        return {"users": self.users.dump(), "groups": self.groups.dump(), "remote": self.remote}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over people from a state file."""
        self.users.load(dumped["users"], "guid")
        self.groups.load(dumped["groups"], "guid")
        self.remote = dumped["remote"]


def _user(row: Row) -> User:
    return User(row, frozenset(row["_groups"]))


def need(user: User, *roles: str) -> None:
    """Let a user through who has one of the roles.

    Raises:
        Refusal: 403/22, it has none.
    """
    if user.role not in roles:
        raise forbidden()
