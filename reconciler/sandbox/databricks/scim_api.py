"""Account SCIM over HTTP: service principals, users and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.sandbox.databricks.account import GROUPS, PRINCIPALS, USERS
from reconciler.sandbox.databricks.answers import scim
from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.databricks.scim import LIST_SCHEMA, chosen, parsed_filter
from reconciler.sandbox.databricks.signin import account_route
from reconciler.sandbox.messages import Answer, json_answer
from reconciler.sandbox.routes import Call, Route
from reconciler.sandbox.tables import Row, Table, public

Shown = Callable[[Call, Row], Row]


@dataclass(frozen=True)
class _Endpoints:
    """What can be done with one sort of object.

    Attributes:
        sort: as the path names it.
        shown: an object as answers hold it.
        listed: an object as lists hold it.
    """

    sort: str
    shown: Shown
    listed: Shown

    def create(self, call: Call, identity: Identity) -> Answer:
        """201 with the object."""
        row = call.state.account.create(self.sort, call.request.json_object(), identity)
        return json_answer(self.shown(call, row), 201)

    def list(self, call: Call, _: Identity) -> Answer:
        """A page; it ends with an empty one."""
        return _listed(call, call.state.account.scim[self.sort].table, self.listed)

    def get(self, call: Call, _: Identity) -> Answer:
        """One object."""
        row = call.state.account.scim[self.sort].get(call.params["id"])
        return json_answer(chosen(self.shown(call, row), call.request.query))

    def patch(self, call: Call, _: Identity) -> Answer:
        """200 with the object."""
        return self._change(call, whole=False)

    def put(self, call: Call, _: Identity) -> Answer:
        """200; what isn't sent again is gone."""
        return self._change(call, whole=True)

    def delete(self, call: Call, _: Identity) -> Answer:
        """204 without a body."""
        call.state.account.delete(self.sort, call.params["id"])
        return Answer(204)

    def routes(self) -> tuple[Route, ...]:
        """Their methods and paths."""
        whole = f"/api/2.0/accounts/{{account}}/scim/v2/{self.sort}"
        one = f"{whole}/{{id}}"
        return (
            account_route("POST", whole, self.create, scim),
            account_route("GET", whole, self.list, scim),
            account_route("GET", one, self.get, scim),
            account_route("PATCH", one, self.patch, scim),
            account_route("PUT", one, self.put, scim),
            account_route("DELETE", one, self.delete, scim),
        )

    def _change(self, call: Call, *, whole: bool) -> Answer:
        body = call.request.json_object()
        row = call.state.account.change(self.sort, call.params["id"], body, whole=whole)
        return json_answer(self.shown(call, row))


def _shown(call: Call, row: Row) -> Row:
    shown = public(row)
    if not shown["roles"]:
        del shown["roles"]
    groups = call.state.account.groups.having(row["id"])
    return {**shown, "groups": groups} if groups else shown


def _memberless(call: Call, row: Row) -> Row:
    shown = {**_shown(call, row), "meta": {"resourceType": "Group"}}
    del shown["members"]
    return shown


def _group(call: Call, row: Row) -> Row:
    members = [_member(call, member["value"]) for member in row["members"]]
    shown = _memberless(call, row)
    # absent when empty: docs/facts/databricks.md, trap 9
    return {**shown, "members": members} if members else shown


def _listed_group(call: Call, row: Row) -> Row:
    return (_group if call.state.world.knobs.members_in_lists else _memberless)(call, row)


def _member(call: Call, key: str) -> Row:
    found = call.state.account.find(key)
    if found is None:
        return {"value": key}
    sort, row = found
    return {"value": key, "$ref": f"{sort}/{key}", "display": row["displayName"]}


def _listed(call: Call, table: Table, shown: Shown) -> Answer:
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


ROUTES = (
    *_Endpoints(PRINCIPALS, _shown, _shown).routes(),
    *_Endpoints(GROUPS, _group, _listed_group).routes(),
    *_Endpoints(USERS, _shown, _shown).routes(),
)
