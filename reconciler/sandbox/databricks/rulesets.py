"""Rule sets as state: who may use or manage a principal, guarded by etags."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.messages import Refusal

if TYPE_CHECKING:
    from reconciler.sandbox.databricks.account import Account

Rules = list[dict[str, Any]]
MANAGER = "roles/servicePrincipal.manager"
_ROLES = {
    "": (
        "marketplace.admin",
        "billing.admin",
        "tagPolicy.creator",
        "tagPolicy.manager",
        "tagPolicy.assigner",
    ),
    "servicePrincipals": ("servicePrincipal.user", "servicePrincipal.manager"),
    "groups": ("group.manager", "group.assumer"),
}
_ETAG = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
_SUFFIX = "/ruleSets/default"


class RuleSets:
    """The rule sets of the account: one for itself, and one for each group and service principal."""

    def __init__(self, account: Account) -> None:
        self._account = account
        # name -> {"version": how often it was written, "rules": [...]}
        self.kept: dict[str, dict[str, Any]] = {}

    def born(self, application: str, creator: Identity) -> None:
        """A new principal's creator manages it."""
        sort = "users" if "@" in creator.username else "servicePrincipals"
        rule = {"role": MANAGER, "principals": [f"{sort}/{creator.username}"]}
        name = f"{self._base}/servicePrincipals/{application}{_SUFFIX}"
        self.kept[name] = {"version": 1, "rules": [rule]}

    def load(self, name: str, rules: Rules) -> None:
        """Take over the rules of a set.

        Raises:
            Refusal: 404, no such set.
        """
        self._resource(name)
        self.kept[name] = {"version": self.kept.get(name, {}).get("version", 0) + 1, "rules": rules}

    def shown(self, name: str, etag: str) -> dict[str, Any]:
        """A rule set with the etag of now.

        Raises:
            Refusal: 404, no such set; 400, an etag that isn't one (say, with a bare + in the URL).
        """
        self._resource(name)
        if etag and not _ETAG.match(etag):
            raise _bad("etag is not valid.")
        kept = self.kept.get(name, {"version": 0, "rules": []})
        out = {"name": name, "etag": _etag(name, kept["version"])}
        return {**out, "grant_rules": kept["rules"]} if kept["rules"] else out

    def put(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace all rules of a set; every write moves the etag.

        Raises:
            Refusal: 404; 409 for an etag that isn't the newest; 400 for a bad body.
        """
        name, wanted = body.get("name"), body.get("rule_set")
        if not isinstance(name, str) or not isinstance(wanted, dict) or wanted.get("name") != name:
            raise _bad("name and rule_set.name must be the same name.")
        sort = self._resource(name)
        if not wanted.get("etag"):
            raise _bad("rule_set.etag is required.")
        kept = self.kept.get(name, {"version": 0, "rules": []})
        if wanted["etag"] != _etag(name, kept["version"]):
            raise Refusal(409, "RESOURCE_CONFLICT", "Conflict with another RuleSet operation")
        rules = wanted.get("grant_rules") or []
        if not isinstance(rules, list):
            raise _bad("grant_rules must be a list.")
        checked = [self._rule(rule, sort) for rule in rules]
        self.kept[name] = {"version": kept["version"] + 1, "rules": [r for r in checked if r["principals"]]}
        return self.shown(name, "")

    def roles(self, resource: str) -> list[dict[str, str]]:
        """What can be granted on a resource; a principal goes by either of its ids.

        Raises:
            Refusal: 404, no such resource.
        """
        sort = self._resource(resource + _SUFFIX, either_id=True)
        return [{"name": f"roles/{role}"} for role in _ROLES[sort]]

    def renamed(self, before: str, after: str | None) -> None:
        """A grantee is called otherwise now; None says that it is gone, with its own rule set."""
        for kept in self.kept.values():
            if not any(before in rule["principals"] for rule in kept["rules"]):
                continue
            rules = [
                {**rule, "principals": [p if p != before else after for p in rule["principals"]]}
                for rule in kept["rules"]
            ]
            for rule in rules:
                rule["principals"] = [p for p in rule["principals"] if p is not None]
            kept.update(rules=[r for r in rules if r["principals"]], version=kept["version"] + 1)

    def drop(self, resource: str) -> None:
        """A resource (`groups/ID`) is gone with its rule set."""
        self.kept.pop(f"{self._base}/{resource}{_SUFFIX}", None)

    @property
    def _base(self) -> str:
        return f"accounts/{self._account.account_id}"

    def _resource(self, name: str, *, either_id: bool = False) -> str:
        stem = name.removesuffix(_SUFFIX)
        if stem != name and stem == self._base:
            return ""
        sort, _, key = stem.removeprefix(f"{self._base}/").partition("/")
        account = self._account
        found = sort == "groups" and key in account.groups.table
        if sort == "servicePrincipals":
            found = account.principals.by_application(key) is not None
            found = found or (either_id and key in account.principals.table)
        if stem == name or not found:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"{name} does not exist.")
        return sort

    def _rule(self, rule: Any, sort: str) -> dict[str, Any]:
        role = rule.get("role") if isinstance(rule, dict) else None
        if not isinstance(role, str) or role.removeprefix("roles/") not in _ROLES[sort]:
            raise _bad(f"The role {role} can't be granted here.")
        principals = rule.get("principals") or []
        for principal in principals if isinstance(principals, list) else [principals]:
            self._check(str(principal))
        return {"role": role, "principals": list(dict.fromkeys(principals))}

    def _check(self, principal: str) -> None:
        sort, _, name = principal.partition("/")
        account = self._account
        if sort not in ("users", "groups", "servicePrincipals") or not name:
            raise _bad(f"Unsupported principal: {principal}")
        known = account.knows_client(name) if sort == "servicePrincipals" else account.users.named(name)
        if sort == "groups":
            known = any(row["displayName"] == name for row in account.groups.table)
        if not known:
            raise _bad(f"Principal {principal} does not exist.")


def _etag(name: str, version: int) -> str:
    # a bare + in a URL is a blank: each etag has one, so that nobody gets by without encoding
    digest = hashlib.sha256(f"{name} {version}".encode()).digest()
    return base64.b64encode(b"DEN\xfb\xef\xff" + digest + b"\0\0").decode()


def _bad(message: str) -> Refusal:
    return Refusal(400, "INVALID_PARAMETER_VALUE", message)
