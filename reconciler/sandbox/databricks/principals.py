"""Service principals and groups of the account as state: fact sheet, section 3."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.databricks.scim import (
    Operation,
    boolean,
    changed_elements,
    elements,
    invalid,
    operations,
)
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World

SERVICE_PRINCIPAL_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
_FIRST_ID = 5_821_740_139_562_341
_SETTABLE = ("displayName", "externalId", "active", "roles")
# sent by clients that echo what they read; without effect at account level
_IGNORED = frozenset({"schemas", "id", "groups", "entitlements", "account_id", "meta"})


class Numbers:
    """SCIM ids: 16 digits, ascending with gaps, never given twice."""

    def __init__(self) -> None:
        self.last = _FIRST_ID

    def next(self) -> str:
        """A new id."""
        self.last += random.randint(1, 997)  # noqa: S311 - an id, not a secret
        return str(self.last)


class ServicePrincipals:
    """All service principals of the account."""

    def __init__(self, world: World, numbers: Numbers) -> None:
        self._world = world
        self._numbers = numbers
        self.table = Table(world)
        self._by_application: dict[str, str] = {}

    def create(self, body: Mapping[str, Any]) -> Row:
        """A new service principal.

        Raises:
            Refusal: 400 for a bad body; 409, the `applicationId` is taken.
        """
        application = self._application(body)
        if application in self._by_application:
            message = f"Service principal with application ID {application} already exists."
            raise Refusal(409, "uniqueness", message)
        row: Row = {
            "schemas": [SERVICE_PRINCIPAL_SCHEMA],
            "id": self._numbers.next(),
            "applicationId": application,
            "displayName": application,
            "active": True,
            "roles": [],
        }
        for name in _SETTABLE:
            if body.get(name) is not None:
                _set(row, name, body[name])
        self.table.add(row["id"], row)
        self._by_application[application] = row["id"]
        return row

    def get(self, key: str) -> Row:
        """One service principal.

        Raises:
            Refusal: 404, there is none with this id.
        """
        row = self.table.get(key)
        if row is None:
            raise Refusal(404, "", f"Service principal with id {key} not found.")
        return row

    def patch(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out the operations of a PATCH, all or none.

        Raises:
            Refusal: 404; 400, an operation can't be carried out.
        """
        row = self.get(key)
        changed = dict(row)
        for operation in operations(body):
            _apply(changed, operation)
        row.update(changed)
        if "externalId" not in changed:
            row.pop("externalId", None)
        return row

    def replace(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out a PUT: roles and external id that aren't sent again are gone.

        Raises:
            Refusal: 404; 400, also for an `applicationId` missing on Azure or sent elsewhere.
        """
        row = self.get(key)
        _known(body)
        sent = body.get("applicationId")
        if self._world.knobs.azure and sent != row["applicationId"]:
            raise invalid("applicationId must be sent, unchanged.", "mutability")
        if not self._world.knobs.azure and sent is not None:
            raise _no_application_id()
        changed: Row = {**row, "roles": [], "active": True}
        changed.pop("externalId", None)
        for name in _SETTABLE:
            if body.get(name) is not None:
                _set(changed, name, body[name])
        row.clear()
        row.update(changed)
        return row

    def delete(self, key: str) -> None:
        """Remove a service principal.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(key)
        row = self.table.remove(key)
        if row is not None:
            del self._by_application[row["applicationId"]]

    def by_application(self, application_id: str) -> Row | None:
        """The service principal with this client id, if any."""
        return self.table.get(self._by_application.get(application_id, ""))

    def load(self, rows: list[Row]) -> None:
        """Take over rows from a state file."""
        self.table.load(rows, "id")
        self._by_application.update({row["applicationId"]: row["id"] for row in rows})

    def _application(self, body: Mapping[str, Any]) -> str:
        _known(body)
        sent = body.get("applicationId")
        if sent is None:
            return str(uuid.uuid4())
        if not self._world.knobs.azure:
            raise _no_application_id()
        try:
            return str(uuid.UUID(sent))
        except (ValueError, AttributeError, TypeError):
            raise invalid("applicationId must be a UUID.", "invalidValue") from None


class Groups:
    """All groups of the account; members are service principals or groups."""

    def __init__(self, world: World, numbers: Numbers) -> None:
        self._numbers = numbers
        self.table = Table(world)
        self._memberships: dict[str, list[dict[str, str]]] | None = None

    def create(self, body: Mapping[str, Any]) -> Row:
        """A new group.

        Raises:
            Refusal: 400 without a name; 409, the name is taken.
        """
        name = body.get("displayName")
        if not isinstance(name, str) or not name:
            raise invalid("displayName is required.", "invalidValue")
        if any(row["displayName"] == name for row in self.table):
            raise Refusal(409, "uniqueness", f"Group with name {name} already exists.")
        row: Row = {
            "schemas": [GROUP_SCHEMA],
            "id": self._numbers.next(),
            "displayName": name,
            "members": elements(body.get("members") or []),
        }
        if body.get("externalId"):
            row["externalId"] = body["externalId"]
        self.table.add(row["id"], row)
        self._memberships = None
        return row

    def get(self, key: str) -> Row:
        """One group.

        Raises:
            Refusal: 404, there is none with this id.
        """
        row = self.table.get(key)
        if row is None:
            raise Refusal(404, "", f"Group with id {key} not found.")
        return row

    def patch(self, key: str, body: Mapping[str, Any]) -> Row:
        """Add or remove members, or rename.

        Raises:
            Refusal: 404; 400, an operation can't be carried out.
        """
        row = self.get(key)
        changed = dict(row)
        for operation in operations(body):
            if operation.attribute == "members":
                changed["members"] = changed_elements(changed["members"], operation)
            elif operation.attribute in ("displayName", "externalId"):
                changed[operation.attribute] = operation.value
            else:
                raise invalid(f"{operation.attribute} can't be changed.", "invalidPath")
        row.update(changed)
        self._memberships = None
        return row

    def delete(self, key: str) -> None:
        """Remove a group.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(key)
        self.table.remove(key)
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
        self.table.load(rows, "id")
        self._memberships = None


def _apply(row: Row, operation: Operation) -> None:
    name = operation.attribute
    if name == "roles":
        row["roles"] = changed_elements(row["roles"], operation)
    elif operation.op == "remove" and name == "externalId":
        row.pop(name, None)
    elif operation.op != "remove" and name in _SETTABLE:
        _set(row, name, operation.value)
    else:
        raise invalid(f"{name} can't be changed by {operation.op}.", "invalidPath")


def _set(row: Row, name: str, value: Any) -> None:
    if name == "roles":
        row[name] = elements(value)
    elif name == "active":
        row[name] = boolean(value)
    elif isinstance(value, str) and (name != "externalId" or len(value) <= 64):
        row[name] = value
    else:
        raise invalid(f"{name} has a wrong type or is too long.", "invalidValue")


def _known(body: Mapping[str, Any]) -> None:
    for name in body:
        if name not in _SETTABLE and name not in _IGNORED and name != "applicationId":
            raise invalid(f"Request is unparsable or violates the schema: {name}", "invalidSyntax")


def _no_application_id() -> Refusal:
    detail = "Request is unparsable or violates the schema: applicationId cannot be specified."
    return invalid(detail, "invalidSyntax")
