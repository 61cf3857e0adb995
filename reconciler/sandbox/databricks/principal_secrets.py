"""Secrets of service principals as state: at most five at a time, each until it expires."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.credentials import digest, new_secret
from reconciler.sandbox.databricks.principals import ServicePrincipals
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World, millis

LONGEST_LIFETIME = 63_072_000  # seconds: 730 days, also the default
MOST_SECRETS = 5
_LIFETIME = re.compile(r"(\d{1,12})(?:\.\d{1,9})?s\Z")
_SETTABLE = frozenset({"lifetime", "scopes", "service_principal_id"})


class PrincipalSecrets:
    """All secrets, by the SCIM id of their principal; only hashes are kept."""

    def __init__(self, world: World, principals: ServicePrincipals) -> None:
        self._world = world
        self._principals = principals
        self.tables: dict[str, Table] = {}

    def live(self, principal: str) -> list[Row]:
        """The secrets that haven't expired; true at once, whatever lists show."""
        return list(self._unexpired(principal))

    def create(self, principal: str, body: Mapping[str, Any]) -> tuple[Row, str]:
        """A new secret: its row, and its value, which is kept nowhere.

        Raises:
            Refusal: 404; 400 for a bad lifetime, and for a sixth secret.
        """
        table = self._table(principal)
        lifetime = _lifetime(body.get("lifetime", f"{LONGEST_LIFETIME}s"))
        for name in body:
            if name not in _SETTABLE:
                raise Refusal(400, "INVALID_PARAMETER_VALUE", f"{name} is not known.")
        if len(table) >= MOST_SECRETS:
            message = f"Service principal {principal} already has {MOST_SECRETS} secrets."
            raise Refusal(400, "BAD_REQUEST", message)
        now, value = round(self._world.now(), 3), new_secret()
        row: Row = {
            "id": secrets.token_hex(32),
            "secret_hash": base64.b64encode(secrets.token_bytes(24)).decode(),
            "status": "ACTIVE",
            "create_time": millis(now),
            "update_time": millis(now),
            "expire_time": millis(now + lifetime),
            "scopes": list(body.get("scopes") or ["all-apis"]),
            "_sha256": digest(value),
            "_expires": now + lifetime,
        }
        self.tables.setdefault(principal, table).add(row["id"], row)
        return row, value

    def page(self, principal: str, size: int, token: str) -> tuple[list[Row], str]:
        """A page of the secrets that a list shows.

        Raises:
            Refusal: 404; 400 for a token that isn't ours.
        """
        return self._table(principal).page(size, token)

    def delete(self, principal: str, key: str) -> None:
        """Revoke a secret.

        Raises:
            Refusal: 404, there is no such secret or service principal.
        """
        if self._table(principal).remove(key) is None:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Secret {key} does not exist.")

    def _table(self, principal: str) -> Table:
        if principal not in self._principals.table:
            message = f"Service principal {principal} does not exist."
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)
        return self._unexpired(principal)

    def _unexpired(self, principal: str) -> Table:
        # expired secrets vanish from the list and don't count towards the five
        table, now = self.tables.get(principal, Table(self._world)), self._world.now()
        for row in list(table):
            if row["_expires"] <= now:
                table.remove(row["id"])
        return table


def _lifetime(text: Any) -> int:
    found = _LIFETIME.match(text) if isinstance(text, str) else None
    if found is None or not 0 < int(found[1]) <= LONGEST_LIFETIME:
        message = f'lifetime must be a text such as "86400s", at most {LONGEST_LIFETIME}s.'
        raise Refusal(400, "INVALID_PARAMETER_VALUE", message)
    return int(found[1])
