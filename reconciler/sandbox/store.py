"""All that the sandbox remembers, and the file that it can be kept in (without a readable secret)."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from reconciler.sandbox.connect.server import ConnectServer
from reconciler.sandbox.databricks.account import Account
from reconciler.sandbox.tables import Table
from reconciler.sandbox.world import World

FORMAT = "reconcile.sandbox/1"


class State:
    """One Databricks account and any number of Connect servers, told apart by their path prefix."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account = Account(world)
        self.servers: dict[str, ConnectServer] = {}

    @classmethod
    def fresh(cls, world: World) -> State:
        """A state with nothing but the seeds."""
        state = cls(world)
        with world.unlagged():
            state.account.seed()
        return state

    def connect(self, prefix: str) -> ConnectServer:
        """The Connect server at a path prefix; the first request makes it."""
        server = self.servers.get(prefix)
        if server is None:
            server = self.servers[prefix] = ConnectServer(self.world, prefix)
            with self.world.unlagged():
                server.seed()
        return server

    def dump(self) -> dict[str, Any]:
        """Everything as JSON; of secrets there are only hashes."""
        account = self.account
        return {
            "format": FORMAT,
            "databricks": {
                "last_id": account.numbers.last,
                "apps": account.apps.table.dump(),
                "service_principals": account.principals.table.dump(),
                "groups": account.groups.table.dump(),
                "secrets": {key: table.dump() for key, table in account.secrets.tables.items()},
                "assignments": account.assignments,
                "users": account.users.table.dump(),
                "rule_sets": account.rule_sets.kept,
                "federation": {key: table.dump() for key, table in account.federation.tables.items()},
                "published": account.published.table.dump(),
                "workspaces": [[number, name] for number, name in account.spaces.items()],
            },
            "connect": {
                prefix: {
                    "last_id": server.integrations.last_id,
                    "integrations": server.integrations.table.dump(),
                    "associations": server.associations,
                    "people": server.people.dump(),
                    "content": server.content.dump(),
                }
                for prefix, server in self.servers.items()
            },
        }

    @classmethod
    def restored(cls, world: World, dumped: dict[str, Any]) -> State:
        """The state that was dumped.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: it isn't a dump.
        """
        if dumped["format"] != FORMAT:
            raise ValueError(f"its format is {dumped['format']!r}, not {FORMAT!r}")
        state, kept = cls(world), dumped["databricks"]
        account = state.account
        account.numbers.last = int(kept["last_id"])
        account.apps.load(kept["apps"])
        account.principals.load(kept["service_principals"])
        account.groups.load(kept["groups"])
        for key, rows in kept["secrets"].items():
            account.secrets.tables[key] = Table(world)
            account.secrets.tables[key].load(rows, "id")
        _restore_rights(account, kept)
        account.assignments.update(kept["assignments"])
        for prefix, saved in dumped["connect"].items():
            server = state.servers[prefix] = ConnectServer(world, prefix)
            server.integrations.last_id = int(saved["last_id"])
            server.integrations.table.load(saved["integrations"], "guid")
            if "people" in saved:
                server.people.load(saved["people"])
                server.content.load(saved["content"], "guid")
            else:
                server.seed_people()
            server.associations.update(saved["associations"])
        return state


def _restore_rights(account: Account, kept: dict[str, Any]) -> None:
    if "users" not in kept:  # a file of an older sandbox, which had none of these
        account.seed_vendors()
        return
    account.users.table.load(kept["users"], "id")
    account.rule_sets.kept.update(kept["rule_sets"])
    for key, rows in kept["federation"].items():
        account.federation.tables[key] = Table(account.world)
        account.federation.tables[key].load(rows, "policy_id")
    account.published.table.load(kept["published"], "integration_id")
    account.spaces = {int(number): str(name) for number, name in kept["workspaces"]}
    account.assignments = {str(number): {} for number in account.spaces}


def load(world: World, path: Path) -> State:
    """The state in a file, or a fresh one if there is no such file.

    Raises:
        ValueError: the file is damaged.
        OSError: it can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return State.fresh(world)
    except UnicodeDecodeError as error:
        raise ValueError(f"the sandbox's state file {path} is damaged: {error}") from error
    try:
        return State.restored(world, json.loads(text))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the sandbox's state file {path} is damaged: {error}") from error


def save(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it.

    Raises:
        OSError: it can't be written; the old file is still there.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:  # mkstemp makes it 0600
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
