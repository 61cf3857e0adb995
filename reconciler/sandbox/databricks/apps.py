"""Custom OAuth app integrations as state: docs/facts/databricks.md, 1."""

from __future__ import annotations

import hmac
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.credentials import digest, new_secret
from reconciler.sandbox.databricks.policies import check_policy, with_policy
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table, public
from reconciler.sandbox.world import World, millis

_LISTS = ("redirect_urls", "scopes", "user_authorized_scopes")
_UPDATABLE = frozenset({*_LISTS, "token_access_policy"})
_CREATABLE = _UPDATABLE | {"name", "confidential"}


@dataclass(frozen=True)
class Identity:
    """Who is calling: the number in `created_by`, the name in `creator_username`."""

    number: int
    username: str
    admin: bool = True


class Apps:
    """All custom apps of the account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.table = Table(world)
        self._by_client: dict[str, str] = {}

    def create(self, body: Mapping[str, Any], creator: Identity) -> dict[str, str]:
        """A new app: its two ids, and its secret if it is confidential.

        Raises:
            Refusal: 400 for a bad body, 409 for a name that is taken (with `unique_app_names`).
        """
        _known(body, _CREATABLE)
        _checked(body)
        if not body.get("scopes"):
            raise _bad("Custom application integration must specify at least one valid scope.")
        self._unique(body.get("name", ""))
        row = {
            "integration_id": str(uuid.uuid4()),
            "client_id": str(uuid.uuid4()),
            "name": body.get("name", ""),
            "confidential": body.get("confidential", False),
            "created_by": creator.number,
            "create_time": millis(self._world.now()),
            "creator_username": creator.username,
        }
        _store(row, body, merge=False)
        answer = {name: row[name] for name in ("integration_id", "client_id")}
        if row["confidential"]:
            answer["client_secret"] = new_secret()
            row["_sha256"] = digest(answer["client_secret"])
        self.table.add(row["integration_id"], row)
        self._by_client[row["client_id"]] = row["integration_id"]
        return answer

    def get(self, key: str) -> Row:
        """One app.

        Raises:
            Refusal: 404, there is none with this id.
        """
        return self.table.need(key, _absent(key))

    def update(self, key: str, body: Mapping[str, Any]) -> None:
        """Replace the lists and the policy that the body names.

        Raises:
            Refusal: 404; 400 also for `name` and `confidential`, which can't be changed.
        """
        row = self.get(key)
        _known(body, _UPDATABLE)
        _checked({**{name: row[name] for name in _LISTS if name in row}, **body})
        if "scopes" in body and not body["scopes"]:
            raise _bad("Custom application integration must specify at least one valid scope.")
        _store(row, body, merge=self._world.knobs.merge_policy)

    def delete(self, key: str) -> None:
        """Remove an app; its credential stops working at once.

        Raises:
            Refusal: 404, there is none with this id.
        """
        del self._by_client[self.get(key)["client_id"]]
        self.table.remove(key)

    def accepts(self, client_id: str, sha256: str) -> bool:
        """Whether a confidential app has this client id and a secret with this hash."""
        row = self.table.get(self._by_client.get(client_id, ""))
        return row is not None and hmac.compare_digest(row.get("_sha256", ""), sha256)

    def knows(self, client_id: str) -> bool:
        """Whether an app has this client id."""
        return client_id in self._by_client

    def shown(self, row: Row, *, creator: bool = True) -> dict[str, Any]:
        """An app as get and list show it: what the server fills in, and never the secret."""
        out = public(row)
        if not creator:
            del out["creator_username"]
        if self._world.shuffled:
            for name in _LISTS:
                if name in out:
                    out[name] = random.sample(out[name], len(out[name]))
        if self._world.knobs.numbers_as_text:
            out["created_by"] = str(out["created_by"])
        return with_policy(out, self._world)

    def load(self, rows: list[Row]) -> None:
        """Take over rows from a state file."""
        self.table.load(rows, "integration_id")
        self._by_client.update({row["client_id"]: row["integration_id"] for row in rows})

    def _unique(self, name: str) -> None:
        # whether names must be unique is not known, so it is a knob
        if self._world.knobs.unique_app_names and any(r["name"] == name for r in self.table):
            raise Refusal(409, "ALREADY_EXISTS", f"An integration named '{name}' already exists.")


def _store(row: Row, body: Mapping[str, Any], *, merge: bool) -> None:
    for name in _LISTS:
        if name in body:
            row[name] = list(body[name] or [])
    if body.get("token_access_policy") is not None:
        before = row.get("token_access_policy", {}) if merge else {}
        row["token_access_policy"] = {**before, **body["token_access_policy"]}


def _known(body: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in body:
        if name not in known:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", f"{name} can't be set here.")


def _checked(body: Mapping[str, Any]) -> None:
    if not isinstance(body.get("name", ""), str):
        raise _bad("name must be a string.")
    if not isinstance(body.get("confidential", False), bool):
        raise _bad("confidential must be true or false.")
    for name in _LISTS:
        value = body.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _bad(f"{name} must be a list of strings.")
    for url in body.get("redirect_urls") or []:
        if "://" not in url:
            raise _bad(f"redirect URL '{url}' is not an absolute URL.")
    if set(body.get("user_authorized_scopes") or []) - set(body.get("scopes") or []):
        raise _bad("user_authorized_scopes must be a subset of scopes.")
    check_policy(body.get("token_access_policy") or {})


def _bad(message: str) -> Refusal:
    return Refusal(400, "BAD_REQUEST", message)


def _absent(key: str) -> Refusal:
    message = f"Custom OAuth app integration '{key}' does not exist."
    return Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)
