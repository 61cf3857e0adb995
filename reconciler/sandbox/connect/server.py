"""One Connect server: its people, content, integrations, and which content has which integration."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.connect.answers import absent, forbidden
from reconciler.sandbox.connect.integrations import Integrations
from reconciler.sandbox.connect.people import ADMINISTRATOR, PUBLISHER, People, User, fixed_guid
from reconciler.sandbox.connect.templates import TEMPLATES
from reconciler.sandbox.connect.templates import VIEWER as VIEWER_AUTH
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row
from reconciler.sandbox.world import World, seconds

_SEVERAL_SINCE = "2025.07.0"
_CONTENT = (
    # name, title, app_mode, category of what it shows
    ("sales-dashboard", "Sales dashboard", "python-shiny", "interactive"),
    ("churn-api", "Churn API", "python-fastapi", "interactive"),
    ("nightly-report", "Nightly report", "quarto-static", "rendered"),
)


class ConnectServer:
    """The state of one server. Callers hold the lock of the sandbox."""

    def __init__(self, world: World, prefix: str) -> None:
        self._world = world
        self.people = People(prefix)
        self.integrations = Integrations(world, self.people)
        owner = self.people.users[1].guid
        self.content = {
            guid: _content(guid, entry, owner)
            for entry in _CONTENT
            for guid in (fixed_guid(prefix, f"content {entry[0]}"),)
        }
        # content guid -> integration guid -> when they were associated
        self.associations: dict[str, dict[str, str]] = {guid: {} for guid in self.content}

    def seed(self) -> None:
        """Put in what a fresh server makes by itself."""
        body = {
            "name": "Connect Visitor API Key",
            "description": "Allows content to call the Connect API as the visitor.",
            "template": "connect",
            "config": {"max_role": "Admin"},
        }
        self.integrations.create(body)

    def item(self, guid: str, caller: User) -> Row:
        """A content item that the caller may change.

        Raises:
            Refusal: 404/4, or 403/22 for a viewer and for a publisher who isn't its owner.
        """
        row = self.content.get(guid)
        if row is None:
            raise absent("content item")
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

    def content_count(self, integration: str) -> int:
        """How many content items have an integration."""
        return sum(integration in associated for associated in self.associations.values())

    def _association(self, content: str, row: Row, created: str) -> dict[str, Any]:
        out = {
            "app_guid": content,
            "content_guid": content,
            "oauth_integration_guid": row["guid"],
            "oauth_integration_name": row["name"],
            "oauth_integration_description": row["description"],
            "oauth_integration_template": row["template"],
            "oauth_integration_auth_type": TEMPLATES[row["template"]].auth_type(row["config"]),
            "created_time": created,
        }
        if self._world.knobs.connect_version < _SEVERAL_SINCE:
            del out["content_guid"]
        return out

    def _associable(self, item: Row, entry: Any, caller: User) -> str:
        guid = entry.get("oauth_integration_guid") if isinstance(entry, dict) else None
        row = self.integrations.table.get(str(guid))
        if row is None or not self.integrations.visible(row, caller):
            raise Refusal(400, 207, f"{guid} is not a valid OAuth integration GUID.")
        flow = TEMPLATES[row["template"]].auth_type(row["config"])
        if flow == VIEWER_AUTH and item["content_category"] != "interactive":
            message = f"The content item can't use a {VIEWER_AUTH} integration."
            raise Refusal(400, 209, message)
        return str(guid)


def _content(guid: str, entry: tuple[str, str, str, str], owner: str) -> Row:
    name, title, mode, category = entry
    return {
        "guid": guid,
        "name": name,
        "title": title,
        "description": "",
        "access_type": "logged_in",
        "app_mode": mode,
        "content_category": category,
        "app_role": "owner",
        "locked": False,
        "owner_guid": owner,
        "created_time": "2025-02-01T09:00:00Z",
        "last_deployed_time": "2025-02-01T09:00:00Z",
    }
