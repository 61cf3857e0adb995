"""An estate: whole systems as values, put into a sandbox at once, without a request for each object.

Everything is in the shape in which GET shows it, with its ids, times and creators; what is left out is
filled in as a server would. Secrets are told by their metadata. A value may be given (`client_secret` of
an app or an integration, `secret` of a principal's): it is kept as its hash. What has none is taken to
fit what has the same client id, as it did where it was copied from.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.credentials import copied, digest
from reconciler.sandbox.databricks.account import GROUPS, Account
from reconciler.sandbox.databricks.groups import GROUP_SCHEMA
from reconciler.sandbox.databricks.principal_secrets import LONGEST_LIFETIME
from reconciler.sandbox.databricks.principals import SERVICE_PRINCIPAL_SCHEMA
from reconciler.sandbox.databricks.users import USER_SCHEMA
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import millis

if TYPE_CHECKING:
    from reconciler.sandbox.connect.server import ConnectServer
    from reconciler.sandbox.core import Sandbox

Rows = Sequence[Mapping[str, Any]]
_DERIVED = ("groups", "meta", "account_id")


@dataclass(frozen=True)
class AccountEstate:
    """One Databricks account."""

    apps: Rows = ()
    service_principals: Rows = ()
    users: Rows = ()
    groups: Rows = ()  # with members; `_provider` marks those of an identity provider
    secrets: Mapping[str, Rows] = field(default_factory=dict)  # by SCIM id
    federation_policies: Mapping[str, Rows] = field(default_factory=dict)  # by SCIM id, "" for all
    rule_sets: Mapping[str, Rows] = field(default_factory=dict)  # grant_rules, by name
    workspaces: Rows = ()  # where there are any, they take the place of the sandbox's
    assignments: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ServerEstate:
    """One Connect server."""

    users: Rows = ()
    groups: Rows = ()  # `members` are GUIDs of users
    content: Rows = ()
    integrations: Rows = ()
    associations: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by GUID of the content


@dataclass(frozen=True)
class Estate:
    """Both systems; Connect servers by the path before `/__api__`, "" for one at the root.

    `fresh` drops what a server makes by itself (the visitor integration, content, groups) before.
    """

    databricks: AccountEstate = AccountEstate()
    connect: Mapping[str, ServerEstate] = field(default_factory=dict)
    fresh: bool = False

    @classmethod
    def of(cls, text: Mapping[str, Any]) -> Estate:
        """An estate from JSON, with the names of the fields above.

        Raises:
            ValueError: a name that isn't one of them.
        """
        _known(cls, text)
        account, servers = text.get("databricks", {}), text.get("connect", {})
        _known(AccountEstate, account)
        for server in servers.values():
            _known(ServerEstate, server)
        built = {prefix: ServerEstate(**server) for prefix, server in servers.items()}
        return cls(AccountEstate(**account), built, bool(text.get("fresh", False)))


def load(sandbox: Sandbox, estate: Estate) -> None:
    """Put an estate into a sandbox, all of it or nothing; lists show it at once.

    Raises:
        ValueError, KeyError, TypeError, Refusal: an object lacks what it can't be without, or refers
            to what isn't there; an id is taken.
    """
    with sandbox.lock:
        before = sandbox.state
        sandbox.state = type(before).restored(sandbox.world, before.dump())
        try:
            with sandbox.world.unlagged():
                _load_account(sandbox.state.account, estate)
                for prefix, server in estate.connect.items():
                    _load_server(sandbox.state.connect(prefix.rstrip("/")), server, fresh=estate.fresh)
        except BaseException:
            sandbox.state = before
            raise
        sandbox.state.account.keep_tokens(before.account)
        sandbox.dirty.set()


def _load_account(account: Account, estate: Estate) -> None:
    given = estate.databricks
    if estate.fresh:
        for group in list(account.groups.table):
            account.delete(GROUPS, group["id"])
    account.apps.load(
        [_app(account, each) for each in _new(account.apps.table, given.apps, "integration_id")]
    )
    principals = [_principal(account, each) for each in given.service_principals]
    account.principals.load(_new(account.principals.table, principals, "id"))
    # in a copy, who is there from the start is there already
    there = {row["userName"] for row in account.users.table} if estate.fresh else set()
    new = [each for each in given.users if each["userName"] not in there]
    users = [_identity(account, each, USER_SCHEMA, each["userName"]) for each in new]
    account.users.table.load(_new(account.users.table, users, "id"), "id")
    groups = [_group(account, each) for each in given.groups]
    account.groups.load(_new(account.groups.table, groups, "id"))
    _load_rights(account, given)


def _load_rights(account: Account, given: AccountEstate) -> None:
    for owner, rows in given.secrets.items():
        client = account.principals.get(owner)["applicationId"]
        table = account.secrets.tables.setdefault(owner, Table(account.world))
        table.load([_secret(account, row, client) for row in rows], "id")
    for owner, rows in given.federation_policies.items():
        for row in rows:
            policy = account.federation.create(owner, row, row.get("policy_id", ""))
            times = {name: row[name] for name in ("uid", "create_time", "update_time") if name in row}
            account.federation.get(owner, policy["policy_id"]).update(times)
    for name, rules in given.rule_sets.items():
        account.rule_sets.load(name, [dict(rule) for rule in rules])
    if given.workspaces:
        account.spaces = {int(r["workspace_id"]): str(r["workspace_name"]) for r in given.workspaces}
        account.assignments = {str(number): {} for number in account.spaces}
    for space, assigned in given.assignments.items():
        account.assignments[space].update({key: list(levels) for key, levels in assigned.items()})


def _load_server(server: ConnectServer, given: ServerEstate, *, fresh: bool) -> None:
    if fresh:
        server.clear()
    users = _unless_built_in(server, given.users) if fresh else given.users
    for user in _new(server.people.users, users, "guid"):
        server.people.add_user(user)
    for group in _new(server.people.groups, given.groups, "guid"):
        server.people.add_group(group)
    for item in _new(server.content, given.content, "guid"):
        server.add_content(item)
    for row in _new(server.integrations.table, given.integrations, "guid"):
        server.integrations.load(row)
    for guid, integrations in given.associations.items():
        _associate(server, guid, integrations)


def _unless_built_in(server: ConnectServer, users: Rows) -> list[Mapping[str, Any]]:
    """Those who aren't there from the start; who has a name of theirs takes it over."""
    wanted = {user.get("username") for user in users if user.get("guid") not in server.people.users}
    for row in server.people.users:
        if row["username"] in wanted:
            row["username"] = f"{row['username']} of the sandbox"
    return [user for user in users if user.get("guid") not in server.people.users]


def _associate(server: ConnectServer, content: str, integrations: Sequence[str]) -> None:
    for guid in integrations:
        row = server.integrations.table.get(guid)
        if row is None:
            raise ValueError(f"content {content} has an integration that isn't there: {guid}")
        server.associations[content][guid] = row["created_time"]


def _app(account: Account, given: Mapping[str, Any]) -> Row:
    row: Row = {
        "integration_id": str(uuid.uuid4()),
        "client_id": str(uuid.uuid4()),
        "name": "",
        "confidential": False,
        "created_by": 0,
        "creator_username": "",
        "create_time": millis(account.world.now()),
        **given,
    }
    value = row.pop("client_secret", None)
    if row["confidential"]:
        row["_sha256"] = digest(value) if value else copied(row["client_id"])
    return row


def _principal(account: Account, given: Mapping[str, Any]) -> Row:
    application = str(given.get("applicationId") or uuid.uuid4())
    row = _identity(account, given, SERVICE_PRINCIPAL_SCHEMA, application)
    return {**row, "applicationId": application}


def _group(account: Account, given: Mapping[str, Any]) -> Row:
    row = _identity(account, given, GROUP_SCHEMA, given["displayName"])
    del row["active"]
    row["members"] = [{"value": member["value"]} for member in given.get("members", ())]
    return row


def _identity(account: Account, given: Mapping[str, Any], schema: str, name: str) -> Row:
    row: Row = {"schemas": [schema], "id": "", "displayName": name, "active": True, "roles": [], **given}
    row["id"] = str(row["id"] or account.numbers.next())
    account.numbers.last = max(account.numbers.last, int(row["id"]))
    return {key: value for key, value in row.items() if key not in _DERIVED}


def _secret(account: Account, given: Mapping[str, Any], client: str) -> Row:
    now = millis(account.world.now())
    made = str(given.get("create_time") or now)
    end = given.get("expire_time")
    expires = _moment(str(end)) if end else _moment(made) + LONGEST_LIFETIME
    row: Row = {
        "id": secrets.token_hex(32),
        "secret_hash": "",
        "status": "ACTIVE",
        "create_time": made,
        "update_time": made,
        "expire_time": millis(expires),
        "scopes": ["all-apis"],
        **given,
        "_expires": expires,
    }
    value = row.pop("secret", None)
    row["_sha256"] = digest(value) if value else copied(client)
    return row


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _new(table: Table, rows: Rows, key: str) -> list[Row]:
    seen: set[str] = set()
    for row in rows:
        if key in row and (row[key] in table or row[key] in seen):
            raise ValueError(f"{key} {row[key]} is taken")
        seen |= {row[key]} if key in row else set()
    return [dict(row) for row in rows]


def _known(kind: type[Any], given: Mapping[str, Any]) -> None:
    names = [each.name for each in fields(kind)]
    for name in given:
        if name not in names:
            raise ValueError(f"no part of an estate is called {name!r}; there are {', '.join(names)}")
