"""Posit Connect OAuth integrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import AnswerError, InternalError, InvalidRequestError, NotFoundError, RemoteError
from reconciler.kinds import (
    EVERYONE,
    Attributes,
    Complaint,
    Created,
    Evidence,
    Fields,
    Kind,
    Scope,
)
from reconciler.model import Entry, Live, Sourced
from reconciler.providers._field_types import OBJECT, TEXT
from reconciler.providers._paths import segment
from reconciler.providers._required_ids import must_have
from reconciler.providers.connect._access import access_complaints, settled_access
from reconciler.providers.connect._content import associate, part, put_back, succeed
from reconciler.secrets import without_secrets

if TYPE_CHECKING:
    from reconciler.providers.connect._api import ConnectServer

_PATH = "/v1/oauth/integrations"
_SETTABLE = ("name", "description", "template", "config")
_STATED = ("auth_type", "auth_mode", "client_id", "workspace_host")  # written whatever a server fills in
_CHANGEABLE = ("name", "description", "config", "access")
# Templates that offer more than one auth type: only there does a config say which
# (docs/facts/connect.md §8.2).
_CHOICE = frozenset(
    {
        "databricks",
        "custom",
        "azure",
        "azure-openai",
        "sharepoint",
        "msgraph",
        "aws",
        "snowflake",
        "salesforce",
    }
)
_PROHIBITED_CHANGE = "229"
_NO_SUCH_OBJECT = frozenset({"4", "207"})
_NOT_VERIFIABLE = "240"
_TOO_MANY = "208"
# Of a config only what is looked into: the rest is the template's business.
_SHAPE = {
    "name": TEXT,
    "description": TEXT,
    "template": TEXT,
    "auth_type": TEXT,
    "config": OBJECT,
    "config.client_id": TEXT,
    "config.auth_type": TEXT,
    "config.scopes": TEXT,
    "config.workspace_host": TEXT,
}


class Integrations(Kind["ConnectServer"]):
    """OAuth integrations by their GUID; secrets go in and never come back."""

    name = "connect_integrations"
    noun = "integration"
    exported_as = "integration"
    terraform = "restapi_object"
    provider_type = "connect"
    evidence = Evidence.CONTENT
    receives = True
    points_here = "content may point at this integration's GUID"
    fields = Fields(
        name="name",
        identity=frozenset({"name", "template", "config.client_id"}),
        immutable=frozenset({"template", "config.auth_type"}),
        words=frozenset({"config.scopes"}),
        hosts=frozenset({"config.workspace_host"}),
        computed=frozenset({"id"}),
        additive=frozenset({"content"}),
        principals={"access": "", "content": "content"},
        holders=frozenset({"content"}),
        carried="content",
        shows_referred="config.client_id",
        users="content_count",
        access="access",
    )

    def settled(self, attributes: Attributes, folder: Path) -> Attributes:
        """Who may use it as `user:NAME`, `group:NAME`, and content by its GUID, instead of lists."""
        return settled_access(attributes)

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """An access list that is empty or names somebody twice; content that isn't named by a GUID."""
        yield from access_complaints(attributes)

    def stated(self, live: Live, filled: Mapping[str, Attributes]) -> Attributes:
        """Without what the server fills in."""
        said = live.attributes
        template = str(said.get("template") or "")
        usual = filled.get(template, {})
        config = {
            key: value
            for key, value in (said.get("config") or {}).items()
            if key in _STATED or value != usual.get(key)
        }
        return {"description": said.get("description"), "template": template, "config": config}

    def noted(self, entry: Entry, server: str) -> Mapping[str, str]:
        """Its id by the name that Connect gives it, and where people sign in through it."""
        noted = {**super().noted(entry, server), "guid": entry.id}
        if not server:
            return noted
        base = f"{server.rstrip('/')}/__oauth__/integrations"
        return {**noted, "login_url": f"{base}/{entry.id}/login", "callback_url": f"{base}/callback"}

    def unfamiliar(self, attributes: Attributes) -> str:
        """The template, if the schema checks no keys for it."""
        template = attributes.get("template")
        name = template.value if isinstance(template, Sourced) else template
        return name if isinstance(name, str) and name not in self.templates else ""

    @property
    def templates(self) -> Sequence[str]:
        """The templates whose keys the schema checks."""
        known: list[str] = self.document["properties"]["template"]["anyOf"][0]["enum"]
        return known

    def observe(self, api: ConnectServer, scope: Scope) -> Sequence[Live]:
        """All integrations that the key may see: one bare array, never paged."""
        return [_live(api, "GET", _PATH, item) for item in api.array(_PATH)]

    def completing(self, api: ConnectServer, scope: Scope) -> Callable[[Live], Live] | None:
        """Adds which of the content of the scope has it: a read for each of those."""
        if "content" not in scope.attributes:
            return None
        guids = scope.holders.get("content", ())
        there = {
            guid: frozenset(map(str.lower, found or ()))
            for guid, found in zip(guids, api.http.map(api.integrations_of, guids), strict=True)
        }

        def complete(live: Live) -> Live:
            found = {guid: guid for guid, ids in there.items() if live.id.lower() in ids}
            return replace(live, attributes={**live.attributes, "content": found})

        return complete

    def read(self, api: ConnectServer, live_id: str, parent: str = "") -> Live | None:
        """One integration by its GUID."""
        path = _path(live_id)
        try:
            item = api.http.get(path)
        except (NotFoundError, InvalidRequestError) as error:
            if _is_gone(error):
                return None
            raise
        return _live(api, "GET", path, item)

    def create(self, api: ConnectServer, attributes: Attributes, parent: str = "") -> Created:
        """Makes an integration; the answer (200) is the object as a read would show it."""
        body = {key: attributes[key] for key in _SETTABLE if key in attributes}
        access = attributes.get("access", EVERYONE)
        if access != EVERYONE:
            body["permissions"] = _permissions(access)
        created = Created(_live(api, "POST", _PATH, api.http.post(_PATH, body)))
        if access != EVERYONE and set(created.live.attributes.get("access") or ()) != set(access):
            self.delete(api, created.live.id)  # open, whatever was asked for
            raise api.http.refused(
                "POST", _PATH, "this server doesn't keep access lists: what it made was removed"
            )
        return created

    def wants_whole(self, refusal: InvalidRequestError) -> bool:
        """228: a key of the config is wrong, or required and not there."""
        return refusal.remote_code == "228"

    def wants_replace(self, refusal: RemoteError) -> bool:
        """229: the server freezes a field."""
        return refusal.remote_code == _PROHIBITED_CHANGE

    def update(
        self, api: ConnectServer, live_id: str, attributes: Attributes, parent: str = ""
    ) -> Live | None:
        """Changes what is given. A config is merged key by key; a key given as None is sent as null.

        How a config key is removed is not documented: null, as in a JSON merge patch, is the best guess.

        Raises:
            AnswerError: also where the server freezes a field, see `wants_replace`.
        """
        if fixed := sorted(set(attributes) - set(_CHANGEABLE)):
            raise InternalError(f"{', '.join(fixed)} of an integration can't be changed")
        path, body = _path(live_id), {k: v for k, v in attributes.items() if k != "access"}
        if "access" in attributes:
            body["permissions"] = _permissions(attributes["access"])
        # Nothing is sent along that wasn't asked for: computed fields would be refused.
        answer = api.http.patch(path, body, yes=lambda body: _is_of(body, live_id))
        live = _live(api, "PATCH", path, answer)
        if "access" in attributes and set(live.attributes.get("access") or ()) != _listed(
            attributes["access"]
        ):
            raise api.http.misshapen("PATCH", path, "shows another access list than was sent")
        return live

    def grant(self, api: ConnectServer, live_id: str, path: str, key: str, value: Any) -> bool | None:
        """Gives a content item this integration; what else it has, it keeps."""
        try:
            return associate(api, key, live_id)
        except InvalidRequestError as error:
            if error.remote_code == _TOO_MANY:
                error.hint = error.hint or "this server takes one integration for a content item"
            raise

    def revoke(self, api: ConnectServer, live_id: str, path: str, key: str) -> None:
        """Takes it from a content item."""
        part(api, key, live_id)

    def holds(self, api: ConnectServer, live_id: str) -> Sequence[str]:
        """All content that has it."""
        try:
            return self.associations(api, live_id)
        except (NotFoundError, InvalidRequestError) as error:
            if _is_gone(error):
                return ()
            raise

    def carry(self, api: ConnectServer, live_id: str, key: str, successor: str) -> str:
        """Puts a successor in its place at one content item, or back where it is gone."""
        if live_id:
            succeed(api, key, live_id, successor)
            return ""
        try:
            put_back(api, key, successor)
        except InvalidRequestError as error:  # content of another sort, say: there is nothing left to save
            is_taken = error.remote_code == _TOO_MANY
            return "it was given another one meanwhile, and takes one" if is_taken else error.message
        return ""

    def delete(self, api: ConnectServer, live_id: str, parent: str = "") -> None:
        """Removes an integration, and with it its associations and everybody's sessions."""
        try:
            api.http.delete(_path(live_id))
        except InvalidRequestError as error:
            if not _is_gone(error):
                raise

    def associations(self, api: ConnectServer, live_id: str) -> tuple[str, ...]:
        """GUIDs of the content that uses an integration, sorted; administrators only."""
        items = api.array(f"{_path(live_id)}/associations")
        # Servers before 2025.07.0 say app_guid.
        found = {str(item.get("content_guid") or item.get("app_guid") or "") for item in items}
        return tuple(sorted(found - {""}))

    def confirm(self, api: ConnectServer, live_id: str) -> bool:
        """Has Connect fetch a token with a Service Account integration's credential.

        Returns:
            True if it worked; False if this integration can't be verified this way (Viewer).

        Raises:
            AnswerError: the identity provider refused, or Connect couldn't ask it.
        """
        path = f"{_path(live_id)}/verify"
        try:
            api.http.probe(path)
        except InvalidRequestError as error:
            if error.remote_code == _NOT_VERIFIABLE:
                return False
            raise
        return True


def _permissions(access: Any) -> list[dict[str, Any]]:
    """An access list as the API takes it; an empty one opens the integration: never by accident."""
    if access == EVERYONE:
        return []
    if not access:
        raise InternalError("an empty access list would open the integration to everybody")
    return [
        {"user_guid": guid if sort == "user" else None, "group_guid": guid if sort == "group" else None}
        for sort, _, guid in (key.partition(":") for key in access)
    ]


def _listed(access: Any) -> set[str]:
    return set() if access == EVERYONE else set(access)


def _access(api: ConnectServer, method: str, path: str, permissions: Any) -> dict[str, None]:
    """`user:GUID` or `group:GUID` of everybody on an access list; empty where everybody may."""
    found: dict[str, None] = {}
    for entry in permissions:
        for sort in ("user", "group"):
            if isinstance(entry, Mapping) and (guid := entry.get(f"{sort}_guid")):
                found[f"{sort}:{guid}"] = None
                break
        else:
            raise api.http.misshapen(method, path, "has a permission of nobody")
    return found


def _path(live_id: str) -> str:
    return f"{_PATH}/{segment(live_id)}"


def _is_of(body: Any, live_id: str) -> bool:
    return isinstance(body, Mapping) and str(body.get("guid")).lower() == live_id.lower()


def _is_gone(error: AnswerError) -> bool:
    """Which status and code an unknown GUID gets is not documented: 404, or 400 with 4 or 207."""
    return isinstance(error, NotFoundError) or error.remote_code in _NO_SUCH_OBJECT


def _live(api: ConnectServer, method: str, path: str, body: Any) -> Live:
    item: Mapping[str, Any] = must_have(api.http, method, path, body, "guid")
    api.http.must_fit(method, path, item, item["guid"], _SHAPE)
    # never returned; should that change, not kept either
    config: dict[str, Any] = without_secrets(item.get("config") or {})
    template, auth_type = str(item.get("template") or ""), item.get("auth_type")
    if auth_type and (template in _CHOICE or "auth_type" in config):
        config["auth_type"] = auth_type  # the top-level field is the one that is always right
    computed = {"id": str(item["guid"])}
    more: dict[str, Any] = {}
    if item.get("content_count") is not None:
        computed["content_count"] = str(item["content_count"])
    if isinstance(item.get("permissions"), list):  # older servers know no access lists
        computed["access"] = "restricted" if item["permissions"] else EVERYONE
        more["access"] = _access(api, method, path, item["permissions"])
    return Live(
        id=str(item["guid"]),
        name=str(item.get("name") or ""),
        attributes={
            "name": str(item.get("name") or ""),
            "description": str(item.get("description") or ""),
            "template": template,
            "config": config,
            **more,
        },
        computed=computed,
        created_at=str(item.get("created_time") or ""),
        updated_at=str(item.get("updated_time") or ""),
    )


KIND = Integrations()
