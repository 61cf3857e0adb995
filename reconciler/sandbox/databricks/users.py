"""Users of the account as state: SCIM objects that go by `userName`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.databricks.principals import Numbers
from reconciler.sandbox.databricks.scim import apply, assign, invalid, operations
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
_SETTABLE = ("displayName", "externalId", "active", "roles", "name", "emails")


class Users:
    """All users of the account."""

    def __init__(self, world: World, numbers: Numbers) -> None:
        self._numbers = numbers
        self.table = Table(world)

    def create(self, body: Mapping[str, Any], key: str = "") -> Row:
        """A new user.

        Raises:
            Refusal: 400 without a name; 409, the name is taken.
        """
        name = body.get("userName")
        if not isinstance(name, str) or "@" not in name:
            raise invalid("userName must be an e-mail address.", "invalidValue")
        if self.named(name) is not None:
            raise Refusal(409, "uniqueness", f"User with email {name} already exists in this account")
        row: Row = {"schemas": [USER_SCHEMA], "id": key or self._numbers.next(), "userName": name}
        _fill(row, body)
        self.table.add(row["id"], row)
        return row

    def get(self, key: str) -> Row:
        """One user.

        Raises:
            Refusal: 404, there is none with this id.
        """
        row = self.table.get(key)
        if row is None:
            raise Refusal(404, "", f"User with id {key} not found.")
        return row

    def named(self, name: str) -> Row | None:
        """The user with this name, in any case."""
        wanted = name.casefold()
        return next((row for row in self.table if row["userName"].casefold() == wanted), None)

    def patch(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out the operations of a PATCH, all or none.

        Raises:
            Refusal: 404; 400, an operation can't be carried out.
        """
        row = self.get(key)
        changed = dict(row)
        for operation in operations(body):
            apply(changed, operation, _SETTABLE)
        row.clear()
        row.update(changed)
        return row

    def replace(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out a PUT: what isn't sent again is gone, but for the name.

        Raises:
            Refusal: 404; 400 for another name, or a wrong type.
        """
        row = self.get(key)
        if body.get("userName", row["userName"]) != row["userName"]:
            raise invalid("userName can't be changed.", "mutability")
        changed: Row = {name: row[name] for name in ("schemas", "id", "userName")}
        _fill(changed, body)
        row.clear()
        row.update(changed)
        return row

    def delete(self, key: str) -> None:
        """Remove a user.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(key)
        self.table.remove(key)


def _fill(row: Row, body: Mapping[str, Any]) -> None:
    name = row["userName"]
    row.update(displayName=name, active=True, roles=[])
    row["emails"] = [{"value": name, "type": "work", "primary": True}]
    for attribute in _SETTABLE:
        if body.get(attribute) is not None:
            assign(row, attribute, body[attribute])
