"""Account SCIM over HTTP: service principals, users and groups."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.databricks.answers import scim
from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.databricks.scim import LIST_SCHEMA, chosen, parsed_filter
from reconciler.sandbox.databricks.signin import Authorised, authorised
from reconciler.sandbox.messages import Answer, json_answer
from reconciler.sandbox.routes import WRITES, Call, Route
from reconciler.sandbox.tables import Row, Table

_BASE = "/api/2.0/accounts/{account}/scim/v2"
_PRINCIPALS = f"{_BASE}/ServicePrincipals"
_GROUPS = f"{_BASE}/Groups"
_USERS = f"{_BASE}/Users"
_DELETED = Answer(204)


def create_principal(call: Call, identity: Identity) -> Answer:
    """201 with the object; who makes it manages it."""
    row = call.state.account.principals.create(call.request.json_object())
    call.state.account.rule_sets.born(row["applicationId"], identity)
    return json_answer(_principal(call, row), 201)


def list_principals(call: Call, _: Identity) -> Answer:
    """A page; it ends with an empty one."""
    return _listed(call, call.state.account.principals.table, _principal)


def get_principal(call: Call, _: Identity) -> Answer:
    """One service principal."""
    row = call.state.account.principals.get(call.params["id"])
    return json_answer(chosen(_principal(call, row), call.request.query))


def patch_principal(call: Call, _: Identity) -> Answer:
    """200 with the object."""
    body = call.request.json_object()
    row = call.state.account.principals.patch(call.params["id"], body)
    return json_answer(_principal(call, row))


def put_principal(call: Call, _: Identity) -> Answer:
    """200; what isn't sent again is gone."""
    body, account = call.request.json_object(), call.state.account
    row = account.principals.replace(call.params["id"], body)
    if "groups" not in body:
        account.groups.forget(call.params["id"])
    return json_answer(_principal(call, row))


def delete_principal(call: Call, _: Identity) -> Answer:
    """204 without a body."""
    call.state.account.delete_principal(call.params["id"])
    return _DELETED


def create_group(call: Call, _: Identity) -> Answer:
    """201 with the object."""
    row = call.state.account.groups.create(call.request.json_object())
    return json_answer(_group(call, row), 201)


def list_groups(call: Call, _: Identity) -> Answer:
    """A page, without members; it ends with an empty one."""
    members = call.state.world.knobs.members_in_lists
    return _listed(call, call.state.account.groups.table, _group if members else _memberless)


def get_group(call: Call, _: Identity) -> Answer:
    """One group."""
    row = call.state.account.groups.get(call.params["id"])
    return json_answer(chosen(_group(call, row), call.request.query))


def patch_group(call: Call, _: Identity) -> Answer:
    """200 with the object."""
    body = call.request.json_object()
    return json_answer(_group(call, call.state.account.changed_group(call.params["id"], body, whole=False)))


def put_group(call: Call, _: Identity) -> Answer:
    """200; members and roles that aren't sent again are gone."""
    body = call.request.json_object()
    return json_answer(_group(call, call.state.account.changed_group(call.params["id"], body, whole=True)))


def delete_group(call: Call, _: Identity) -> Answer:
    """204 without a body."""
    call.state.account.delete_group(call.params["id"])
    return _DELETED


def create_user(call: Call, _: Identity) -> Answer:
    """201 with the object."""
    return json_answer(_user(call, call.state.account.users.create(call.request.json_object())), 201)


def list_users(call: Call, _: Identity) -> Answer:
    """A page; it ends with an empty one."""
    return _listed(call, call.state.account.users.table, _user)


def get_user(call: Call, _: Identity) -> Answer:
    """One user."""
    return json_answer(
        chosen(_user(call, call.state.account.users.get(call.params["id"])), call.request.query)
    )


def patch_user(call: Call, _: Identity) -> Answer:
    """200 with the object."""
    users, body = call.state.account.users, call.request.json_object()
    return json_answer(_user(call, users.patch(call.params["id"], body)))


def put_user(call: Call, _: Identity) -> Answer:
    """200; what isn't sent again is gone."""
    users, body = call.state.account.users, call.request.json_object()
    return json_answer(_user(call, users.replace(call.params["id"], body)))


def delete_user(call: Call, _: Identity) -> Answer:
    """204 without a body."""
    call.state.account.delete_user(call.params["id"])
    return _DELETED


def _user(call: Call, row: Row) -> Row:
    return _principal(call, row)


def _principal(call: Call, row: Row) -> Row:
    shown = dict(row)
    groups = call.state.account.groups.having(row["id"])
    if groups:
        shown["groups"] = groups
    if not shown["roles"]:
        del shown["roles"]
    return shown


def _memberless(call: Call, row: Row) -> Row:
    shown = {name: value for name, value in row.items() if not name.startswith("_")}
    del shown["members"]
    if not shown["roles"]:
        del shown["roles"]
    groups = call.state.account.groups.having(row["id"])
    return {**shown, **({"groups": groups} if groups else {}), "meta": {"resourceType": "Group"}}


def _group(call: Call, row: Row) -> Row:
    members = [_member(call, member["value"]) for member in row["members"]]
    shown = _memberless(call, row)
    # absent when empty: docs/facts/databricks.md, trap 9
    return {**shown, "members": members} if members else shown


def _member(call: Call, key: str) -> Row:
    account = call.state.account
    sorts = {
        "ServicePrincipals": account.principals.table,
        "Users": account.users.table,
        "Groups": account.groups.table,
    }
    for sort, table in sorts.items():
        row = table.get(key)
        if row is not None:
            return {"value": key, "$ref": f"{sort}/{key}", "display": row["displayName"]}
    return {"value": key}


def _listed(call: Call, table: Table, shown: Callable[[Call, Row], Row]) -> Answer:
    query = call.request.query
    start = max(1, call.query_int("startIndex", 1))
    most = call.state.world.knobs.page_size
    # capped without a word: docs/facts/databricks.md, trap 10
    count = max(0, min(call.query_int("count", most), most))
    rows = [row for _, row in table.listing(first=start == 1)]
    if query.get("filter"):
        test = parsed_filter(query["filter"])
        rows = [row for row in rows if test(row)]
    page = rows[start - 1 : start - 1 + count]
    body: dict[str, object] = {
        "schemas": [LIST_SCHEMA],
        "totalResults": len(rows),
        "startIndex": start,
        "itemsPerPage": len(page),
    }
    if page:
        body["Resources"] = [chosen(shown(call, row), query) for row in page]
    return json_answer(body)


def _route(method: str, template: str, handler: Authorised) -> Route:
    write = method in WRITES
    return Route(method, template, authorised(handler), scim, "databricks", write)


ROUTES = (
    _route("POST", _PRINCIPALS, create_principal),
    _route("GET", _PRINCIPALS, list_principals),
    _route("GET", f"{_PRINCIPALS}/{{id}}", get_principal),
    _route("PATCH", f"{_PRINCIPALS}/{{id}}", patch_principal),
    _route("PUT", f"{_PRINCIPALS}/{{id}}", put_principal),
    _route("DELETE", f"{_PRINCIPALS}/{{id}}", delete_principal),
    _route("POST", _GROUPS, create_group),
    _route("GET", _GROUPS, list_groups),
    _route("GET", f"{_GROUPS}/{{id}}", get_group),
    _route("PATCH", f"{_GROUPS}/{{id}}", patch_group),
    _route("PUT", f"{_GROUPS}/{{id}}", put_group),
    _route("DELETE", f"{_GROUPS}/{{id}}", delete_group),
    _route("POST", _USERS, create_user),
    _route("GET", _USERS, list_users),
    _route("GET", f"{_USERS}/{{id}}", get_user),
    _route("PATCH", f"{_USERS}/{{id}}", patch_user),
    _route("PUT", f"{_USERS}/{{id}}", put_user),
    _route("DELETE", f"{_USERS}/{{id}}", delete_user),
)
