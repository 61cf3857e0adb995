"""Users of the account as state: SCIM objects that go by `userName`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.databricks.scim import assign, invalid
from reconciler.sandbox.databricks.scim_objects import ScimObjects, became
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"


class Users(ScimObjects):
    """All users of the account."""

    noun = "User"
    settable = ("displayName", "externalId", "active", "roles", "name", "emails")
    goes_by = "userName"
    grantees = "users"
    name_in_assignments = "user_name"

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
        self._fill(row, body)
        self.table.add(row["id"], row)
        return row

    def named(self, name: str) -> Row | None:
        """The user with this name, in any case."""
        wanted = name.casefold()
        return next((row for row in self.table if row["userName"].casefold() == wanted), None)

    def replace(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out a PUT: what isn't sent again is gone, but for the name.

        Raises:
            Refusal: 404; 400 for another name, or a wrong type.
        """
        row = self.get(key)
        if body.get("userName", row["userName"]) != row["userName"]:
            raise invalid("userName can't be changed.", "mutability")
        changed: Row = {name: row[name] for name in ("schemas", "id", "userName")}
        self._fill(changed, body)
        return became(row, changed)

    def _fill(self, row: Row, body: Mapping[str, Any]) -> None:
        name = row["userName"]
        row.update(displayName=name, active=True, roles=[])
        row["emails"] = [{"value": name, "type": "work", "primary": True}]
        for attribute in self.settable:
            if body.get(attribute) is not None:
                assign(row, attribute, body[attribute])
