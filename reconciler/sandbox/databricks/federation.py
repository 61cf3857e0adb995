"""Federation policies as state: whose foreign tokens are taken, account-wide or for one principal."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table, public
from reconciler.sandbox.world import World, seconds

MOST = 20
_ID = re.compile(r"[0-9a-z-]{2,63}\Z")
_OUTPUT = frozenset({"name", "uid", "policy_id", "service_principal_id", "create_time", "update_time"})
_TEXTS = ("issuer", "subject", "subject_claim", "jwks_uri", "jwks_json")
_OIDC = frozenset({*_TEXTS, "audiences"})


class Federation:
    """All policies; `owner` is the SCIM id of a principal, or "" for the account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tables: dict[str, Table] = {}

    def create(self, owner: str, body: Mapping[str, Any], policy_id: str) -> dict[str, Any]:
        """A new policy.

        Raises:
            Refusal: 400 for a bad id or body and for the 21st; 409, the id is taken.
        """
        key = policy_id or str(uuid.uuid4())
        if not _ID.match(key):
            words = "Must contain only 0-9, a-z, and hyphen."
            raise _bad(f"Invalid federation policy id: '{key}'. {words}")
        table = self.tables.setdefault(owner, Table(self._world))
        if key in table:
            raise Refusal(409, "ALREADY_EXISTS", f"Federation policy '{key}' already exists.")
        if len(table) >= MOST:
            raise Refusal(400, "BAD_REQUEST", f"There are {MOST} federation policies already.")
        _named(body, self._name(owner, key))
        now = seconds(self._world.now())
        row: Row = {"policy_id": key, "uid": str(uuid.uuid4()), "create_time": now, "update_time": now}
        table.add(key, {**row, **_given(body, owner), "_owner": owner})
        return self.shown(self.get(owner, key))

    def get(self, owner: str, key: str) -> Row:
        """One policy.

        Raises:
            Refusal: 404, there is none with this id.
        """
        message = f"Federation policy '{key}' does not exist."
        table = self.tables.get(owner, Table(self._world))
        return table.need(key, Refusal(404, "RESOURCE_DOES_NOT_EXIST", message))

    def update(self, owner: str, key: str, body: Mapping[str, Any], mask: str) -> dict[str, Any]:
        """Change what the mask names, or without a mask what the body has.

        Raises:
            Refusal: 404; 400 for a bad mask or body.
        """
        row = self.get(owner, key)
        _named(body, self._name(owner, key))
        old: dict[str, Any] = {name: row[name] for name in ("description", "oidc_policy") if name in row}
        given = {name: value for name, value in body.items() if name not in _OUTPUT}
        wanted = _given(given if mask == "*" else _masked(old, given, mask), owner)
        for name in ("description", "oidc_policy"):
            row.pop(name, None)
        row.update(wanted, update_time=seconds(self._world.now()))
        return self.shown(row)

    def delete(self, owner: str, key: str) -> None:
        """Remove a policy.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(owner, key)
        self.tables[owner].remove(key)

    def page(self, owner: str, size: int, token: str) -> tuple[list[Row], str]:
        """A page; the account's may show those of principals, too (`all_policies`).

        Raises:
            Refusal: 400, the token isn't one of ours.
        """
        if not owner and self._world.knobs.all_policies:
            everything = Table(self._world)
            rows = [row for _, table in sorted(self.tables.items()) for _, row in table.listing()]
            everything.load([{"_key": f"{r['_owner']}/{r['policy_id']}", **r} for r in rows], "_key")
            return everything.page(size, token)
        return self.tables.get(owner, Table(self._world)).page(size, token)

    def shown(self, row: Row) -> dict[str, Any]:
        """A policy as the API shows it."""
        owner = row["_owner"]
        out = public(row)
        out["name"] = self._name(owner, row["policy_id"])
        if owner:
            out["service_principal_id"] = owner if self._world.knobs.numbers_as_text else int(owner)
        return out

    def subject(self, owner: str, token: str) -> str | None:
        """What the claim of a foreign token says, if a policy takes the token. Nobody signs here."""
        claims = _claims(token)
        for row in self.tables.get(owner) or ():
            policy = row["oidc_policy"]
            said = claims.get("aud")
            heard = said if isinstance(said, list) else [said]
            wanted = policy.get("audiences") or [self._world.knobs.account_id]
            subject = claims.get(policy.get("subject_claim", "sub"))
            fits = policy["issuer"] == claims.get("iss") and set(wanted) & {str(a) for a in heard}
            if fits and isinstance(subject, str) and policy.get("subject", subject) == subject:
                expires = claims.get("exp", self._world.now() + 1)
                return subject if expires > self._world.now() else None
        return None

    def _name(self, owner: str, key: str) -> str:
        base = f"accounts/{self._world.knobs.account_id}"
        return (
            f"{base}/servicePrincipals/{owner}/federationPolicies/{key}"
            if owner
            else (f"{base}/federationPolicies/{key}")
        )


def _named(body: Mapping[str, Any], name: str) -> None:
    if body.get("name", name) != name:
        raise _bad(f"name must be {name}.")


def _masked(old: Mapping[str, Any], given: Mapping[str, Any], mask: str) -> dict[str, Any]:
    out, oidc = dict(old), dict(old.get("oidc_policy", {}))
    # without a mask only what is set overwrites, and an empty list isn't set
    inner = {k: v for k, v in (given.get("oidc_policy") or {}).items() if v or mask}
    if not mask:
        return {**out, **{k: v for k, v in given.items() if v}, "oidc_policy": {**oidc, **inner}}
    for path in mask.split(","):
        name, _, field = path.partition(".")
        if name == "oidc_policy" and field in _OIDC:
            oidc.pop(field, None)
            oidc.update({field: inner[field]} if field in inner else {})
        elif path == "oidc_policy":
            oidc = inner
        elif path == "description":
            out["description"] = given.get("description", "")
        else:
            raise _bad(f"update_mask: {path} is not known.")
    return {**out, "oidc_policy": oidc}


def _given(body: Mapping[str, Any], owner: str) -> dict[str, Any]:
    unknown = set(body) - _OUTPUT - {"description", "oidc_policy"}
    policy = body.get("oidc_policy")
    if unknown or not isinstance(policy, dict) or set(policy) - _OIDC:
        raise _bad("oidc_policy is required, and nothing but a policy may be sent.")
    for name in _TEXTS:
        if not isinstance(policy.get(name, ""), str):
            raise _bad(f"oidc_policy.{name} must be a string.")
    audiences = policy.get("audiences") or []
    if not isinstance(audiences, list) or not all(isinstance(item, str) for item in audiences):
        raise _bad("oidc_policy.audiences must be a list of strings.")
    if not policy.get("issuer"):
        raise _bad("oidc_policy.issuer is required.")
    if bool(policy.get("subject")) != bool(owner):
        words = "is required for" if owner else "can't be set without"
        raise _bad(f"oidc_policy.subject {words} a service principal.")
    out: dict[str, Any] = {"oidc_policy": {k: v for k, v in policy.items() if v}}
    return {**out, "description": str(body["description"])} if body.get("description") else out


def _claims(token: str) -> dict[str, Any]:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _bad(message: str) -> Refusal:
    return Refusal(400, "INVALID_PARAMETER_VALUE", message)
