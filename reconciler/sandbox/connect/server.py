"""One Connect server: its people, content, integrations, and which content has which integration."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.connect.answers import absent, forbidden
from reconciler.sandbox.connect.integrations import AUTH_TYPE_SINCE, Integrations
from reconciler.sandbox.connect.people import ADMINISTRATOR, PUBLISHER, People, User, fixed_guid
from reconciler.sandbox.connect.templates import VIEWER as VIEWER_AUTH
from reconciler.sandbox.connect.templates import template
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World, seconds

_SEVERAL_SINCE = "2025.07.0"
_VISITOR_SINCE = "2025.05.0"
_VISITOR = {
    "name": "Connect Visitor API Key",
    "description": "Allows content to call the Connect API as the visitor.",
    "template": "connect",
    "config": {"max_role": "Admin"},
}
_CONTENT = (
    # name, title, app_mode
    ("sales-dashboard", "Sales dashboard", "python-shiny"),
    ("churn-api", "Churn API", "python-fastapi"),
    ("nightly-report", "Nightly report", "quarto-static"),
)


class ConnectServer:
    """The state of one server. Callers hold the lock of the sandbox."""

    def __init__(self, world: World, prefix: str) -> None:
        self._world = world
        self._prefix = prefix
        self.people = People(world, prefix)
        self.integrations = Integrations(world, self.people)
        self.content = Table(world)
        # content guid -> integration guid -> when they were associated
        self.associations: dict[str, dict[str, str]] = {}

    def seed(self) -> None:
        """Put in what a fresh server has, and makes by itself."""
        self.seed_people()
        if self._world.knobs.connect_version >= _VISITOR_SINCE:
            self.integrations.create(_VISITOR)

    def seed_people(self) -> None:
        """Put in the people and the content that are there from the start."""
        self.people.seed()
        owner = fixed_guid(self._prefix, "user pat")
        for name, title, mode in _CONTENT:
            guid = fixed_guid(self._prefix, f"content {name}")
            fields = {"guid": guid, "name": name, "title": title, "app_mode": mode, "owner_guid": owner}
            self.add_content(fields)

    def clear(self) -> None:
        """Drop content, groups and integrations; whose key is known stays."""
        for table in (self.integrations.table, self.content):
            for guid in [row["guid"] for row in table]:
                table.remove(guid)
        for guid in [row["guid"] for row in self.people.groups]:
            self.people.remove(guid)
        self.associations.clear()

    def add_content(self, fields: Mapping[str, Any]) -> Row:
        """A content item with what is given, and what a server fills in."""
        mode = str(fields.get("app_mode", "python-shiny"))
        static = "static" if mode == "static" else "rendered"
        row: Row = {
            "guid": str(uuid.uuid4()),
            "title": None,
            "description": "",
            "access_type": "logged_in",
            "app_mode": mode,
            "content_category": static if mode.endswith("static") else "interactive",
            "app_role": "owner",
            "locked": False,
            "owner_guid": fixed_guid(self._prefix, "user ada"),
            "created_time": "2025-02-01T09:00:00Z",
            "last_deployed_time": "2025-02-01T09:00:00Z",
            **fields,
        }
        self.content.add(row["guid"], row)
        self.associations.setdefault(row["guid"], {})
        return row

    def remove_content(self, guid: str) -> bool:
        """A content item goes with its associations; false if there is none with this GUID."""
        self.associations.pop(guid, None)
        return self.content.remove(guid) is not None

    def remove_person(self, guid: str) -> bool:
        """A user or group leaves; with `drop_gone_people`, access lists forget it, and may open."""
        if self._world.knobs.drop_gone_people:
            for row in self.integrations.table:
                entries = row["permissions"]
                row["permissions"] = [e for e in entries if guid not in (e["user_guid"], e["group_guid"])]
        return self.people.remove(guid)

    def item(self, guid: str, caller: User) -> Row:
        """A content item that the caller may change.

        Raises:
            Refusal: 404/4, or 403/22 for a viewer and for a publisher who isn't its owner.
        """
        row = self.content.need(guid, absent("content item"))
        owns = caller.role == PUBLISHER and row["owner_guid"] == caller.guid
        if caller.role != ADMINISTRATOR and not owns:
            raise forbidden()
        return row

    def associate(self, item: Row, entries: Any, caller: User) -> None:
        """Replace all associations of a content item, or none of them.

        Raises:
            Refusal: 400 with 207 (unknown), 208 (not a list, or too many), 209 (can't take it),
                258 (twice the same).
        """
        if not isinstance(entries, list):
            raise Refusal(400, 208, "The associations must be a list.")
        guids = [self._associable(item, entry, caller) for entry in entries]
        if len(set(guids)) != len(guids):
            raise Refusal(400, 258, "An OAuth integration is listed more than once.")
        if len(guids) > 1 and self._world.knobs.connect_version < _SEVERAL_SINCE:
            raise Refusal(400, 208, "A content item can have one OAuth integration.")
        before = self.associations[item["guid"]]
        now = seconds(self._world.now())
        self.associations[item["guid"]] = {guid: before.get(guid, now) for guid in guids}

    def delete_integration(self, row: Row) -> None:
        """Remove an integration, silently with its associations."""
        self.integrations.table.remove(row["guid"])
        for associated in self.associations.values():
            associated.pop(row["guid"], None)

    def associated(self, *, content: str = "", integration: str = "") -> list[dict[str, Any]]:
        """The associations of a content item, or of an integration."""
        return [
            self._association(guid, row, created)
            for guid, associated in self.associations.items()
            if content in ("", guid)
            for key, created in associated.items()
            if integration in ("", key)
            for row in (self.integrations.table.get(key),)
            if row is not None
        ]

    def content_counts(self) -> Counter[str]:
        """How many content items have each integration."""
        return Counter(guid for associated in self.associations.values() for guid in associated)

    def _association(self, content: str, row: Row, created: str) -> dict[str, Any]:
        out = {
            "app_guid": content,
            "content_guid": content,
            "oauth_integration_guid": row["guid"],
            "oauth_integration_name": row["name"],
            "oauth_integration_description": row["description"],
            "oauth_integration_template": row["template"],
            "oauth_integration_auth_type": template(row["template"]).auth_type(row["config"]),
            "created_time": created,
        }
        if self._world.knobs.connect_version < _SEVERAL_SINCE:
            del out["content_guid"]
        if self._world.knobs.connect_version < AUTH_TYPE_SINCE:
            del out["oauth_integration_auth_type"]
        return out

    def _associable(self, item: Row, entry: Any, caller: User) -> str:
        guid = entry.get("oauth_integration_guid") if isinstance(entry, dict) else None
        row = self.integrations.table.get(str(guid))
        if row is None or not self.integrations.visible(row, caller):
            raise Refusal(400, 207, f"{guid} is not a valid OAuth integration GUID.")
        flow = template(row["template"]).auth_type(row["config"])
        closed = item["content_category"] == "interactive" and item["access_type"] != "all"
        if (flow == VIEWER_AUTH and not closed) or item["content_category"] == "static":
            message = f"The content item can't use a {flow} integration."
            raise Refusal(400, 209, message)
        return str(guid)
