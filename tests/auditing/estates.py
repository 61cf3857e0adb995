"""Estates for audits: a clean one, and a change for each code that makes it wrong in exactly that way."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from reconciler import sandbox as box
from tests.places import CALLBACK

APP = "aaaaaaaa-0000-4000-8000-000000000001"
ROBOT = "bbbbbbbb-0000-4000-8000-000000000001"
VIEWER = "cccccccc-0000-4000-8000-000000000001"
SERVICE = "cccccccc-0000-4000-8000-000000000002"
CONTENT = "dddddddd-0000-4000-8000-000000000001"
PERSON = "eeeeeeee-0000-4000-8000-000000000001"
HOST = "dbc-1.cloud.databricks.com"
SPACE = "1234567890123456"

Change = Callable[[dict[str, Any]], None]


def clean() -> dict[str, Any]:
    """A pair that acts for people, and one that acts as a service; nothing wrong with either."""
    return deepcopy(
        {
            "databricks": {
                "apps": [
                    {
                        "integration_id": "app-1",
                        "client_id": APP,
                        "name": "dashboards",
                        "confidential": True,
                        "redirect_urls": [CALLBACK],
                        "scopes": ["all-apis", "offline_access"],
                    }
                ],
                "service_principals": [{"id": "11", "displayName": "robot", "applicationId": ROBOT}],
                "secrets": {"11": [{"id": "s" * 64}]},
                "workspaces": [{"workspace_id": SPACE, "workspace_name": "dbc-1"}],
                "assignments": {SPACE: {"11": ["USER"]}},
                "groups": [],
            },
            "connect": {
                "": {
                    "users": [{"guid": PERSON, "username": "ann", "email": "a@example.org"}],
                    "content": [{"guid": CONTENT, "name": "report"}],
                    "integrations": [
                        integration(VIEWER, "viewer", APP, auth_type="Viewer", auth_mode="Confidential"),
                        integration(SERVICE, "service", ROBOT, auth_type="Service Account"),
                    ],
                    "associations": {CONTENT: [VIEWER, SERVICE]},
                }
            },
            "fresh": True,
        }
    )


def integration(guid: str, name: str, client: str, **config: Any) -> dict[str, Any]:
    return {
        "guid": guid,
        "name": name,
        "template": "databricks",
        "config": {"workspace_host": HOST, "client_id": client, **config},
        "permissions": [{"user_guid": PERSON, "group_guid": None}],
    }


def load(sandbox: box.Sandbox, estate: dict[str, Any]) -> None:
    box.load(sandbox, box.Estate.of(estate))
