"""Copies of real systems, as sandboxes in this process: what was heard of each becomes an estate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from reconciler import sandbox
from reconciler.model import ProviderSpec
from reconciler.rehearsing.hearing import Heard
from reconciler.sandbox import AccountEstate, Estate, Knobs, Sandbox, ServerEstate

_VERSION = re.compile(r"\d{4}\.\d{2}\.\d+")
_GUID = r"([0-9a-fA-F-]{36})"


@dataclass(frozen=True)
class Copy:
    """One remote system as it was heard; a sandbox of it can be had again and again.

    Attributes:
        spec: how to reach the copy: the address of the real one, and no credential of it.
        environment: the credentials of the copy.
        latency: seconds that the real one takes for an answer.
    """

    spec: ProviderSpec
    environment: Mapping[str, str]
    estate: Estate
    knobs: Knobs
    latency: float

    @property
    def is_account(self) -> bool:
        """Whether it is a Databricks account, by which Connect servers verify credentials."""
        return not self.estate.connect

    @property
    def ids(self) -> frozenset[str]:
        """The ids of what is live."""
        account, servers = self.estate.databricks, self.estate.connect.values()
        rows = [
            *account.apps,
            *account.service_principals,
            *(r for rows in account.secrets.values() for r in rows),
        ]
        rows += [row for server in servers for row in server.integrations]
        found = {str(row.get("integration_id") or row.get("guid") or row.get("id")) for row in rows}
        policies = account.federation_policies.items()
        return frozenset(
            found | {f"{owner}/{row.get('policy_id')}" for owner, rows in policies for row in rows}
        )

    def without_accounts(self) -> Copy:
        """The same where no account is known: by which nobody can verify a credential."""
        lacks = ",".join(filter(None, [self.knobs.lacks, "verify"]))
        return replace(self, knobs=replace(self.knobs, lacks=lacks))

    def opened(self) -> Sandbox:
        """A sandbox that holds what is live."""
        box = Sandbox(self.knobs)
        sandbox.load(box, self.estate)
        return box


def copy_of(spec: ProviderSpec, api: Any, heard: Heard) -> Copy:
    """The copy of one system.

    Args:
        api: the client that read it.
    """
    environment = sandbox.environment(api.address)
    plain = replace(spec, address=api.address, settings={}, from_environment=False)
    if spec.type == "connect":
        prefix = urlsplit(api.address).path.rstrip("/")
        estate = Estate(connect={prefix: server_estate(heard)}, fresh=True)
        return Copy(plain, environment, estate, _connect_knobs(heard), api.http.latency)
    ourselves = api.principal()
    knobs = Knobs(account_id=api.account_id, unfederated=_unfederated(api.troubles))
    if ourselves:
        knobs, environment["DATABRICKS_CLIENT_ID"] = replace(knobs, operator=ourselves), ourselves
    environment["DATABRICKS_ACCOUNT_ID"] = api.account_id
    plain = replace(plain, account_id=api.account_id)
    return Copy(plain, environment, Estate(account_estate(heard), fresh=True), knobs, api.http.latency)


def account_estate(heard: Heard) -> AccountEstate:
    """A Databricks account as far as it was read."""
    principals = heard.objects("/scim/v2/ServicePrincipals", "Resources", "id")
    groups = heard.objects("/scim/v2/Groups", "Resources", "id")
    assigned = {
        space: _levels(body) for space, body in heard.of("/workspaces/([0-9]+)/permissionassignments")
    }
    secrets = _by_parent(heard, "/servicePrincipals/([^/]+)/credentials/secrets", "secrets")
    policies = _by_parent(heard, "/servicePrincipals/([^/]+)/federationPolicies", "policies")
    policies[""] = next(
        iter(_by_parent(heard, "/accounts/([^/]+)/federationPolicies", "policies").values()), []
    )
    rule_sets = {
        str(body["name"]): body.get("grant_rules") or []
        for _, body in heard.of("/access-control/rule-sets")
        if isinstance(body, dict) and body.get("name")
    }
    users = heard.objects("/scim/v2/Users", "Resources", "id")
    return AccountEstate(
        users=_with_grantees(users.values(), rule_sets, "users", "userName"),
        apps=list(heard.objects("/oauth2/custom-app-integrations", "apps", "integration_id").values()),
        service_principals=list(principals.values()),
        groups=_with_grantees(
            [group for group in groups.values() if group.get("displayName")],
            rule_sets,
            "groups",
            "displayName",
        ),
        secrets={owner: rows for owner, rows in secrets.items() if owner in principals},
        federation_policies={o: rows for o, rows in policies.items() if not o or o in principals},
        rule_sets=rule_sets,
        workspaces=_workspaces(heard, assigned),
        assignments=assigned,
    )


def _with_grantees(
    rows: Iterable[dict[str, Any]], rule_sets: Mapping[str, Any], sort: str, name: str
) -> list[dict[str, Any]]:
    """Users or groups: those that were looked up, and those that rule sets name."""
    found = list(rows)
    rules = (rule for each in rule_sets.values() for rule in each)
    named = (str(one) for rule in rules for one in rule.get("principals") or ())
    there = {row.get(name) for row in found}
    for one in dict.fromkeys(named):
        of, _, called = one.partition("/")
        if of == sort and called not in there:
            found.append({name: called})
    return found


def _by_parent(heard: Heard, pattern: str, key: str) -> dict[str, list[Any]]:
    found: dict[str, dict[str, Any]] = {}
    for parent, body in heard.of(pattern):
        rows = body.get(key, ()) if isinstance(body, dict) else ()
        found.setdefault(parent, {}).update({str(row.get("uid") or row.get("id")): row for row in rows})
    return {parent: list(rows.values()) for parent, rows in found.items()}


def _levels(body: Any) -> dict[str, list[str]]:
    rows = body.get("permission_assignments", ()) if isinstance(body, dict) else ()
    return {
        str(row["principal"]["principal_id"]): list(row.get("permissions", ()))
        for row in rows
        if row.get("principal", {}).get("principal_id") is not None
    }


def _workspaces(heard: Heard, assigned: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that were listed, by the name that makes their host, and those that were looked into."""
    rows = heard.objects("/workspaces", "", "workspace_id")
    named = {number: str(row.get("deployment_name") or number) for number, row in rows.items()}
    return [
        {"workspace_id": number, "workspace_name": named.get(number, number)}
        for number in dict.fromkeys([*named, *assigned])
    ]


def _unfederated(troubles: Mapping[str, str]) -> str:
    return ",".join(subject.removeprefix("workspace ") for subject in troubles if "workspace " in subject)


def server_estate(heard: Heard) -> ServerEstate:
    """A Connect server as far as it was read."""
    integrations = heard.objects("/v1/oauth/integrations", "", "guid")
    content = heard.objects("/v1/content", "", "guid")
    uses = _associations(heard)
    for guid, row in integrations.items():
        # content that nobody looked at: only that it is there counts
        seen = sum(guid in guids for guids in uses.values())
        for number in range(int(row.get("content_count") or 0) - seen):
            uses[f"{guid[:24]}{number:012x}"] = [guid]
    known = {guid: [each for each in guids if each in integrations] for guid, guids in uses.items()}
    for guid in known:
        content.setdefault(guid, {"guid": guid, "name": guid})
    return ServerEstate(
        users=_people(heard, integrations, "users", "user_guid", "username"),
        groups=_people(heard, integrations, "groups", "group_guid", "name"),
        content=list(content.values()),
        integrations=list(integrations.values()),
        associations=known,
    )


def _people(
    heard: Heard, integrations: Mapping[str, Mapping[str, Any]], resource: str, key: str, name: str
) -> list[dict[str, Any]]:
    """Users or groups: those that were looked up, and those that access lists name."""
    found = heard.objects(f"/v1/{resource}", "results", "guid")
    for row in integrations.values():
        for entry in row.get("permissions") or ():
            if guid := entry.get(key):
                found.setdefault(str(guid), {"guid": guid, name: guid})
    return list(found.values())


def _associations(heard: Heard) -> dict[str, list[str]]:
    """Content → its integrations, from the lists of either."""
    found: dict[str, list[str]] = {}
    for guid, body in heard.of(f"/v1/content/{_GUID}/oauth/integrations/associations"):
        found.setdefault(guid, []).extend(str(row.get("oauth_integration_guid")) for row in body or ())
    for guid, body in heard.of(f"/v1/oauth/integrations/{_GUID}/associations"):
        for row in body or ():
            found.setdefault(str(row.get("app_guid")), []).append(guid)
    return {guid: list(dict.fromkeys(guids)) for guid, guids in found.items()}


def _connect_knobs(heard: Heard) -> Knobs:
    settings = next((body for _, body in heard.of("/server_settings") if isinstance(body, dict)), {})
    version = _VERSION.match(str(settings.get("version") or ""))
    rows = heard.objects("/v1/oauth/integrations", "", "guid").values()
    lacks = [word for word, key in _SHOWN.items() if rows and not any(key in row for row in rows)]
    knobs = Knobs(lacks=",".join(lacks))
    return replace(knobs, connect_version=version[0]) if version else knobs


_SHOWN = {"permissions": "permissions", "counts": "content_count"}
