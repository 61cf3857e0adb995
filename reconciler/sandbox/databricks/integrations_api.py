"""OAuth app integrations over HTTP: custom ones, and published apps that are on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.sandbox.databricks.account import Account
from reconciler.sandbox.databricks.apps import Apps, Identity
from reconciler.sandbox.databricks.paging import asked, page
from reconciler.sandbox.databricks.published import PublishedApps
from reconciler.sandbox.databricks.signin import account_route
from reconciler.sandbox.messages import Answer, json_answer
from reconciler.sandbox.routes import Call, Route

_BASE = "/api/2.0/accounts/{account}/oauth2"


@dataclass(frozen=True)
class _Endpoints:
    """What can be done with one sort of them."""

    sort: Callable[[Account], Apps | PublishedApps]

    def create(self, call: Call, identity: Identity) -> Answer:
        """200 with its ids, the one-time secret, and no more: docs/facts/databricks.md, trap 1."""
        return json_answer(self.sort(call.state.account).create(call.request.json_object(), identity))

    def list(self, call: Call, _: Identity) -> Answer:
        """A page; `apps` is absent when there are none."""
        apps = self.sort(call.state.account)
        rows, token = apps.table.page(*asked(call))
        creator = call.request.query.get("include_creator_username") == "true"
        return page("apps", [apps.shown(row, creator=creator) for row in rows], token)

    def get(self, call: Call, _: Identity) -> Answer:
        """One, without its secret."""
        apps = self.sort(call.state.account)
        return json_answer(apps.shown(apps.get(call.params["id"])))

    def update(self, call: Call, _: Identity) -> Answer:
        """200 with an empty object."""
        self.sort(call.state.account).update(call.params["id"], call.request.json_object())
        return json_answer({})

    def delete(self, call: Call, _: Identity) -> Answer:
        """200 with an empty object."""
        self.sort(call.state.account).delete(call.params["id"])
        return json_answer({})

    def routes(self, path: str) -> tuple[Route, ...]:
        """Their methods and paths."""
        whole, one = f"{_BASE}/{path}", f"{_BASE}/{path}/{{id}}"
        return (
            account_route("POST", whole, self.create),
            account_route("GET", whole, self.list),
            account_route("GET", one, self.get),
            account_route("PATCH", one, self.update),
            account_route("DELETE", one, self.delete),
        )


def list_catalogue(call: Call, _: Identity) -> Answer:
    """A page of what the vendor offers."""
    return page("apps", *call.state.account.published.catalogue.page(*asked(call)))


ROUTES = (
    *_Endpoints(lambda account: account.apps).routes("custom-app-integrations"),
    *_Endpoints(lambda account: account.published).routes("published-app-integrations"),
    account_route("GET", f"{_BASE}/published-apps", list_catalogue),
)
