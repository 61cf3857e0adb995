"""Service principals of the account as state: docs/facts/databricks.md, 3."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.databricks.scim import assign, invalid
from reconciler.sandbox.databricks.scim_objects import Numbers, ScimObjects, became
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row
from reconciler.sandbox.world import World

SERVICE_PRINCIPAL_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
# sent by clients that echo what they read; without effect at account level
_IGNORED = frozenset({"schemas", "id", "groups", "entitlements", "account_id", "meta"})


class ServicePrincipals(ScimObjects):
    """All service principals of the account."""

    noun = "Service principal"
    settable = ("displayName", "externalId", "active", "roles")
    goes_by = "applicationId"
    grantees = "servicePrincipals"
    name_in_assignments = "service_principal_name"

    def __init__(self, world: World, numbers: Numbers) -> None:
        super().__init__(world, numbers)
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
        for name in self.settable:
            if body.get(name) is not None:
                assign(row, name, body[name])
        self.table.add(row["id"], row)
        self._by_application[application] = row["id"]
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
        for name in self.settable:
            if body.get(name) is not None:
                assign(changed, name, body[name])
        return became(row, changed)

    def delete(self, key: str) -> None:
        """Remove a service principal.

        Raises:
            Refusal: 404, there is none with this id.
        """
        application = self.get(key)["applicationId"]
        super().delete(key)
        del self._by_application[application]

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


def _known(body: Mapping[str, Any]) -> None:
    for name in body:
        if name not in ServicePrincipals.settable and name not in _IGNORED and name != "applicationId":
            raise invalid(f"Request is unparsable or violates the schema: {name}", "invalidSyntax")


def _no_application_id() -> Refusal:
    detail = "Request is unparsable or violates the schema: applicationId cannot be specified."
    return invalid(detail, "invalidSyntax")
