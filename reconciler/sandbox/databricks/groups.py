"""Groups of the account as state: their members go by SCIM id, and are read group by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.sandbox.databricks.scim import (
    Operation,
    assign,
    changed_elements,
    elements,
    invalid,
)
from reconciler.sandbox.databricks.scim_objects import Numbers, ScimObjects, became
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row
from reconciler.sandbox.world import World

GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Groups(ScimObjects):
    """All groups; members are users, service principals or groups.

    `exists` tells whether there is a principal with a SCIM id. A row with `_provider` belongs to an
    identity provider: its members can't be edited here.
    """

    noun = "Group"
    settable = ("displayName", "externalId", "roles")
    goes_by = "displayName"
    grantees = "groups"
    name_in_assignments = "group_name"

    def __init__(self, world: World, numbers: Numbers, exists: Callable[[str], bool]) -> None:
        super().__init__(world, numbers)
        self._exists = exists
        self._memberships: dict[str, list[dict[str, str]]] | None = None

    def create(self, body: Mapping[str, Any]) -> Row:
        """A new group.

        Raises:
            Refusal: 400 without a name or with an unknown member; 409, the name is taken.
        """
        row: Row = {"schemas": [GROUP_SCHEMA], "id": self._numbers.next(), "members": [], "roles": []}
        self._fill(row, body)
        self.table.add(row["id"], row)
        self._memberships = None
        return row

    def patch(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out the operations of a PATCH, all or none.

        Raises:
            Refusal: 404; 403 for members of a provider's group; 400, 409: it can't be carried out.
        """
        row = super().patch(key, body)
        self._memberships = None
        return row

    def _apply(self, row: Row, operation: Operation) -> None:
        if operation.attribute == "members":
            row["members"] = self._members(row, operation)
        else:
            super()._apply(row, operation)

    def _check(self, row: Row) -> None:
        self._unique(row["displayName"], row["id"])

    def replace(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out a PUT: members and roles that aren't sent again are gone.

        Raises:
            Refusal: as for `patch`.
        """
        row = self.get(key)
        changed = {name: row[name] for name in row if name in ("schemas", "id") or name.startswith("_")}
        self._fill(changed, body)
        if "_provider" in row and changed["members"] != row["members"]:
            raise _provided(row)
        self._memberships = None
        return became(row, changed)

    def delete(self, key: str) -> None:
        """Remove a group.

        Raises:
            Refusal: 404, there is none with this id.
        """
        super().delete(key)
        self.forget(key)

    def forget(self, principal: str) -> None:
        """Take a deleted principal out of every group."""
        for row in self.table:
            if any(member["value"] == principal for member in row["members"]):
                row["members"] = [m for m in row["members"] if m["value"] != principal]
        self._memberships = None

    def having(self, principal: str) -> list[dict[str, str]]:
        """The groups that a principal is a direct member of, as SCIM shows them."""
        if self._memberships is None:
            self._memberships = {}
            for row in self.table:
                shown = {"value": row["id"], "display": row["displayName"], "type": "direct"}
                for member in row["members"]:
                    self._memberships.setdefault(member["value"], []).append(shown)
        return self._memberships.get(principal, [])

    def load(self, rows: list[Row]) -> None:
        """Take over rows from a state file."""
        self.table.load([{"roles": [], **row} for row in rows], "id")
        self._memberships = None

    def _fill(self, row: Row, body: Mapping[str, Any]) -> None:
        name = body.get("displayName")
        if not isinstance(name, str) or not name:
            raise invalid("displayName is required.", "invalidValue")
        self._unique(name, row["id"])
        given = elements(body.get("members") or [])
        row.update(members=self._checked(given), roles=[])
        for attribute in self.settable:
            if body.get(attribute) is not None:
                assign(row, attribute, body[attribute])

    def _unique(self, name: str, key: str) -> None:
        if any(row["displayName"] == name and row["id"] != key for row in self.table):
            raise Refusal(409, "uniqueness", f"Group with name {name} already exists.")

    def _members(self, row: Row, operation: Operation) -> list[dict[str, Any]]:
        if "_provider" in row:
            raise _provided(row)
        before = row["members"]
        if self._world.knobs.strict_members:
            known = {member["value"] for member in before}
            if operation.op == "remove" and operation.element not in {None, *known}:
                raise Refusal(404, "", f"{operation.element} is no member of group {row['id']}.")
            if operation.op == "add" and known & {e["value"] for e in elements(operation.value)}:
                raise Refusal(409, "uniqueness", f"It is a member of group {row['id']} already.")
        after = changed_elements(before, operation)
        self._checked([member for member in after if member not in before])
        return [{"value": member["value"]} for member in after]

    def _checked(self, members: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # a principal goes by its SCIM id, never by its applicationId
        for member in members:
            if not self._exists(member["value"]):
                raise invalid(f"The member {member['value']} does not exist.", "invalidValue")
        return [{"value": member["value"]} for member in members]


def _provided(row: Row) -> Refusal:
    message = f"The members of group {row['displayName']} are managed by the identity provider."
    return Refusal(403, "PERMISSION_DENIED", message)
