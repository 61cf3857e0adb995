"""Published apps as state: what the vendor offers, and what of it is switched on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.databricks.apps import Identity
from reconciler.sandbox.databricks.policies import check_policy, with_policy
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World, millis

_BI = ("sql", "offline_access")
_CATALOGUE = (
    # app id, name, redirect URL, scopes
    ("power-bi", "Power BI", "https://oauth.powerbi.com/views/oauthredirect.html", _BI),
    ("tableau-desktop", "Tableau Desktop", "http://localhost:55556/Callback", _BI),
    ("databricks-dbt-adapter", "dbt-databricks", "http://localhost:8050/", _BI),
    ("databricks-cli", "Databricks CLI", "http://localhost:8020", ("all-apis", "offline_access")),
)
_ON = ("power-bi", "tableau-desktop", "databricks-dbt-adapter")
_SINCE = "2023-06-01T00:00:00.000Z"


class PublishedApps:
    """The catalogue, and an integration for each app that is on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.table = Table(world)
        self.catalogue = Table(world)
        self.catalogue.load([_entry(*app) for app in _CATALOGUE], "app_id")

    def seed(self) -> None:
        """Some are on in every account, without anybody having made them."""
        for app in _ON:
            row = {"app_id": app, "integration_id": app, "created_by": 0, "create_time": _SINCE}
            self.table.add(app, row)

    def create(self, body: Mapping[str, Any], creator: Identity) -> dict[str, str]:
        """Switch an app on.

        Raises:
            Refusal: 404, no such app; 409, it is on; 400 for a bad policy.
        """
        app = str(body.get("app_id"))
        check_policy(body.get("token_access_policy") or {})
        if app not in self.catalogue:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Published app '{app}' does not exist.")
        if any(row["app_id"] == app for row in self.table):
            raise Refusal(409, "ALREADY_EXISTS", f"Published app '{app}' is enabled already.")
        key = str(uuid.uuid4())
        row: Row = {"app_id": app, "integration_id": key, "created_by": creator.number}
        row["create_time"] = millis(self._world.now())
        if body.get("token_access_policy"):
            row["token_access_policy"] = dict(body["token_access_policy"])
        self.table.add(key, row)
        return {"integration_id": key}

    def get(self, key: str) -> Row:
        """One that is on.

        Raises:
            Refusal: 404, there is none with this id.
        """
        message = f"Published OAuth app integration '{key}' does not exist."
        return self.table.need(key, Refusal(404, "RESOURCE_DOES_NOT_EXIST", message))

    def update(self, key: str, body: Mapping[str, Any]) -> None:
        """Replace the policy: nothing else can be changed.

        Raises:
            Refusal: 404; 400 for a bad body.
        """
        row = self.get(key)
        if set(body) - {"token_access_policy"}:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "Only token_access_policy can be changed.")
        check_policy(body.get("token_access_policy") or {})
        if body.get("token_access_policy") is not None:
            row["token_access_policy"] = dict(body["token_access_policy"])

    def delete(self, key: str) -> None:
        """Switch an app off for the whole account.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(key)
        self.table.remove(key)

    def shown(self, row: Row, *, creator: bool = True) -> dict[str, Any]:
        """An integration as the API shows it; nobody's name is part of it."""
        app = self.catalogue.get(row["app_id"])
        return with_policy({**row, "name": row["app_id"] if app is None else app["name"]}, self._world)


def _entry(app: str, name: str, redirect: str, scopes: tuple[str, ...]) -> Row:
    return {
        "app_id": app,
        "client_id": name if name.startswith("dbt") else app,
        "name": name,
        "description": name,
        "is_confidential_client": False,
        "redirect_urls": [redirect],
        "scopes": list(scopes),
    }
