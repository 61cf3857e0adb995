"""OAuth integrations as state: docs/facts/connect.md, 2 and 5."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.connect.answers import CANNOT_PARSE, absent
from reconciler.sandbox.connect.people import ADMINISTRATOR, People, User
from reconciler.sandbox.connect.templates import Template
from reconciler.sandbox.connect.templates import template as template_of
from reconciler.sandbox.credentials import copied, digest
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table, public
from reconciler.sandbox.world import World, seconds

_CREATABLE = frozenset({"name", "description", "template", "config", "permissions"})
_UPDATABLE = frozenset({"name", "description", "config", "permissions"})
_TEMPLATE, _FROZEN = 227, 229
_KEPT = frozenset({"auth_type"})
_NO_USER, _NO_GROUP = 261, 262
# the first release that shows permissions, environment_variables and content_count: an upper bound
ACL_SINCE = "2026.01.0"
AUTH_TYPE_SINCE = "2024.12.0"


class Integrations:
    """All OAuth integrations of one server."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self.table = Table(world)
        self.last_id = 0

    def create(self, body: Mapping[str, Any]) -> Row:
        """A new integration.

        Raises:
            Refusal: 400 with 87, 227, 228, 261 or 262.
        """
        self._known(body, _CREATABLE)
        name = str(body.get("template"))
        template = template_of(name)
        if template.is_open and all(row["template"] != name for row in self.table):
            raise Refusal(400, _TEMPLATE, f"The template {body.get('template')} does not exist.")
        config = _object(body.get("config") or {})
        template.check(config, config, lenient=self._world.knobs.allow_unknown_config)
        guid, now = str(uuid.uuid4()), self._world.now()
        permissions = self._permissions(body.get("permissions") or [], guid)
        self.last_id += 1
        row: Row = {
            "id": str(self.last_id),
            "guid": guid,
            "created_time": seconds(now),
            "updated_time": seconds(now),
            "name": body.get("name"),
            "description": body.get("description") or "",
            "template": template.id,
            "config": {},
            "permissions": permissions,
            "_secrets": {},
            "_updated": int(now),
        }
        _keep(row, template, config)
        self.table.add(guid, row)
        return row

    def load(self, fields: Mapping[str, Any]) -> Row:
        """Take over an integration as GET shows it; secrets that its config lacks are `copied`.

        Raises:
            Refusal: 400, its access list names somebody unknown.
        """
        config = dict(fields.get("config", {}))
        template, guid = template_of(fields["template"]), str(fields.get("guid") or uuid.uuid4())
        client = config.get("client_id")
        names = [key.name for key in template.keys if key.secret and key.visible(config)]
        row: Row = {
            "id": str(fields.get("id") or self.last_id + 1),
            "guid": guid,
            "created_time": fields.get("created_time") or seconds(self._world.now()),
            "name": fields.get("name"),
            "description": fields.get("description") or "",
            "template": template.id,
            "config": {},
            "_secrets": {name: copied(client) for name in names if client},
            "_updated": int(self._world.now()),
        }
        row["updated_time"] = fields.get("updated_time") or row["created_time"]
        self.last_id = max(self.last_id, int(row["id"]))
        entries = fields.get("permissions") or []
        chosen = [{k: e.get(k) for k in ("user_guid", "group_guid")} for e in entries]
        row["permissions"] = self._permissions(chosen, guid)
        _keep(row, template, config)
        self.table.load([row], "guid")
        return row

    def get(self, guid: str, caller: User) -> Row:
        """One integration that the caller may see.

        Raises:
            Refusal: 404/4; 400/207, what stands in the path is no GUID.
        """
        row = self.table.get(guid)
        if row is None or not self.visible(row, caller):
            _check_guid(guid)
            raise absent("OAuth integration")
        return row

    def visible(self, row: Row, caller: User) -> bool:
        """Whether a user may use an integration; an empty list of permissions means everyone."""
        if caller.role == ADMINISTRATOR or not row["permissions"]:
            return True
        return any(
            entry["user_guid"] == caller.guid or entry["group_guid"] in caller.groups
            for entry in row["permissions"]
        )

    def update(self, row: Row, body: Mapping[str, Any]) -> None:
        """Carry out a PATCH, all or nothing; `config` is merged key by key.

        Raises:
            Refusal: 400 with 87, 228, 229, 261 or 262.
        """
        if body.get("template", row["template"]) != row["template"]:
            raise Refusal(400, _FROZEN, "The template of an integration cannot be changed.")
        self._known(body, _UPDATABLE)
        template = template_of(row["template"])
        config = _object(body.get("config") or {})
        replacing = self._world.knobs.replace_config and "config" in body
        held = {**row["config"], **row["_secrets"]}
        before = {} if replacing and not self._world.knobs.incomplete_config else held
        self._check_frozen(template, row, config)
        lenient = self._world.knobs.allow_unknown_config
        template.check(config, {**before, **config}, lenient=lenient)
        if body.get("permissions") is not None:
            row["permissions"] = self._permissions(body["permissions"], row["guid"])
        if replacing:  # what can't be changed can't get lost
            row["config"], row["_secrets"] = {k: v for k, v in row["config"].items() if k in _KEPT}, {}
        _keep(row, template, config)
        for name in ("name", "description"):
            if name in body:
                row[name] = body[name] if name == "name" else body[name] or ""
        self._touch(row)

    def shown(self, row: Row, caller: User, content_count: int) -> dict[str, Any]:
        """An integration as the API shows it: computed fields in, secrets out."""
        knobs, template = self._world.knobs, template_of(row["template"])
        config = dict(row["config"])
        if knobs.echo_defaults:
            config = template.with_defaults(config)
        out = public(row)
        out["config"] = config
        if knobs.connect_version >= AUTH_TYPE_SINCE:
            out["auth_type"] = template.auth_type(row["config"])
        if not self.has_permissions:
            del out["permissions"]
        elif self._world.shuffled:
            out["permissions"] = random.sample(row["permissions"], len(row["permissions"]))
        if knobs.connect_version < ACL_SINCE or "counts" in knobs.lacks.split(","):
            return out
        out["environment_variables"] = list(template.environment_variables)
        out["content_count"] = content_count if caller.role == ADMINISTRATOR else None
        return out

    @property
    def has_permissions(self) -> bool:
        """Whether a server of this version knows `permissions`."""
        knobs = self._world.knobs
        return knobs.connect_version >= ACL_SINCE and "permissions" not in knobs.lacks.split(",")

    def _known(self, body: Mapping[str, Any], known: frozenset[str]) -> None:
        for name in body:
            # older servers refuse fields that came later: docs/facts/connect.md, trap 14
            if name not in known or (name == "permissions" and not self.has_permissions):
                message = f"Unable to parse the request body: unknown field {name}"
                raise Refusal(400, CANNOT_PARSE, message)
        for name in ("name", "description"):
            if not isinstance(body.get(name, ""), (str, type(None))):
                raise Refusal(400, CANNOT_PARSE, f"{name} must be a string")

    def _check_frozen(self, template: Template, row: Row, config: Mapping[str, Any]) -> None:
        frozen = {"auth_type"}
        if self._world.knobs.frozen_locator:
            frozen |= {key.name for key in template.keys if key.locator}
        live = template.with_defaults(row["config"])
        for name in sorted(frozen & set(config)):
            if config[name] != live.get(name):
                raise Refusal(400, _FROZEN, f"The config key {name} cannot be changed.")

    def _permissions(self, entries: Any, guid: str) -> list[Row]:
        kept = []
        for entry in entries if isinstance(entries, list) else [None]:
            user, group = _principal(entry)
            if user is not None and user not in self._people.users:
                raise Refusal(400, _NO_USER, f"The user {user} does not exist.")
            if group is not None and group not in self._people.groups:
                raise Refusal(400, _NO_GROUP, f"The group {group} does not exist.")
            self.last_id += 1  # ids are shared, so gaps between integrations are normal
            kept.append(
                {
                    "id": str(self.last_id),
                    "guid": str(uuid.uuid4()),
                    "integration_guid": guid,
                    "user_guid": user,
                    "group_guid": group,
                }
            )
        return kept

    def _touch(self, row: Row) -> None:
        now = int(self._world.now())
        if not self._world.knobs.coarse_times:
            # whole seconds would hide an update right after another one
            now = max(now, row["_updated"] + 1)
        row["_updated"] = now
        row["updated_time"] = seconds(now)


def _keep(row: Row, template: Template, config: Mapping[str, Any]) -> None:
    hidden = template.secrets(config)
    row["config"] = {**row["config"], **{k: v for k, v in config.items() if k not in hidden}}
    sent = {name: digest(value) for name, value in config.items() if name in hidden}
    row["_secrets"] = {**row["_secrets"], **sent}


def _principal(entry: Any) -> tuple[str | None, str | None]:
    known = {"user_guid", "group_guid"}
    if not isinstance(entry, dict) or set(entry) - known:
        raise Refusal(400, CANNOT_PARSE, "permissions must be a list of user_guid or group_guid")
    user, group = entry.get("user_guid"), entry.get("group_guid")
    if (user is None) == (group is None):
        raise Refusal(400, _NO_USER, "A permission names either a user or a group.")
    return user, group


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, CANNOT_PARSE, "config must be an object")
    return value


def _check_guid(text: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise Refusal(400, 207, f"{text} is not a valid OAuth integration GUID.") from None
