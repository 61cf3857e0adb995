"""Databricks account OAuth apps (custom app integrations)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import InternalError, NotFoundError
from reconciler.kinds import Attributes, Complaint, Created, Evidence, Fields, Kind, Scope
from reconciler.model import Live
from reconciler.providers._field_types import OBJECT, TEXT, TEXTS
from reconciler.providers._required_ids import must_have
from reconciler.providers.databricks._groups import is_of
from reconciler.providers.databricks._lists import list_pages

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

_APPS = "oauth2/custom-app-integrations"
_SETS = ("redirect_urls", "scopes", "user_authorized_scopes")
_CHANGEABLE = (*_SETS, "token_access_policy")
_SETTABLE = ("name", "confidential", *_CHANGEABLE)
_SHAPE = {
    "name": TEXT,
    "client_id": TEXT,
    "redirect_urls": TEXTS,
    "scopes": TEXTS,
    "user_authorized_scopes": TEXTS,
    "token_access_policy": OBJECT,
}
_SESSION = "absolute_session_lifetime_in_minutes"
_SINGLE_USE = "enable_single_use_refresh_tokens"
# a policy of nothing else says nothing
_FILLED_IN = {
    "access_token_ttl_in_minutes": 60,
    "refresh_token_ttl_in_minutes": 10080,
    _SINGLE_USE: False,
}


class OAuthApps(Kind["DatabricksAccount"]):
    """Custom OAuth apps: the client secret is shown once, and name and confidentiality are for life."""

    name = "oauth_apps"
    noun = "OAuth app"
    exported_as = "app"
    terraform = "databricks_custom_app_integration"
    provider_type = "databricks"
    evidence = Evidence.CREATOR
    fields = Fields(
        name="name",
        identity=frozenset({"name", "confidential", "redirect_urls", "scopes"}),
        immutable=frozenset({"name", "confidential"}),
        unordered=frozenset({"redirect_urls", "scopes", "user_authorized_scopes"}),
        urls=frozenset({"redirect_urls"}),
        whole=frozenset({"token_access_policy"}),
        local=frozenset({"keep_old"}),
        computed=frozenset({"id", "client_id", "client_secret"}),
        defaults={"confidential": True},
        issues="client_secret",
        referred_by="client_id",
        scopes=frozenset({"scopes", "user_authorized_scopes"}),
        redirects="redirect_urls",
    )

    def stated(self, live: Live, filled: Mapping[str, Attributes]) -> Attributes:
        """Sets in one order, as no server promises any; a policy without what the server fills in."""
        said, policy = live.attributes, live.attributes.get("token_access_policy") or {}
        return {
            "confidential": said.get("confidential", False),
            **{name: sorted(said.get(name) or ()) for name in _SETS},
            "token_access_policy": {
                key: value
                for key, value in policy.items()
                if value is not None and value != _FILLED_IN.get(key)
            },
        }

    def has_credential(self, attributes: Attributes) -> bool:
        """A public app has no secret."""
        return attributes.get("confidential") is not False

    def complaints(self, attributes: Attributes, folder: Path) -> Iterator[Complaint]:
        """How long its tokens live: in an order that makes sense."""
        policy = attributes.get("token_access_policy")
        if not isinstance(policy, Mapping):
            return
        access, refresh = (_minutes(policy, f"{name}_token_ttl_in_minutes") for name in ("access", "refresh"))
        if access and refresh and refresh < access:
            message = f"refresh tokens live {refresh} minutes, shorter than the {access} of access tokens"
            path = ("token_access_policy", "refresh_token_ttl_in_minutes")
            yield Complaint("ttl-order", message, path, "lengthen it, or shorten the access token's")
        if _SESSION in policy and policy.get(_SINGLE_USE) is not True:
            hint = f"add {_SINGLE_USE}: true, or leave it out"
            message = f"{_SESSION} needs single-use refresh tokens"
            yield Complaint("session-lifetime", message, ("token_access_policy", _SESSION), hint)

    def observe(self, api: DatabricksAccount, scope: Scope) -> Sequence[Live]:
        """All apps of the account; the creator's name is asked for as evidence of whose they are."""
        items = list_pages(api, api.path(_APPS), "apps", {"include_creator_username": "true"})
        return [_live(api, api.path(_APPS), item) for item in items]

    def read(self, api: DatabricksAccount, live_id: str, parent: str = "") -> Live | None:
        """One app by its integration id."""
        path = api.path(_APPS, live_id)
        try:
            item = api.http.get(path)
        except NotFoundError:
            return None
        return _live(api, path, item)

    def create(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> Created:
        """Makes an app. The answer has ids and secret only; what the server fills in shows in the next read.

        Raises:
            LostAnswerError: also for a confidential app whose answer lacks the secret: it exists, and its
                secret is gone, which is what recovery from a lost answer takes care of.
        """
        body = {key: attributes[key] for key in _SETTABLE if key in attributes}
        answer = must_have(
            api.http,
            "POST",
            api.path(_APPS),
            api.http.post(api.path(_APPS), body),
            "integration_id",
            "client_id",
        )
        shown = (
            api.one_time_secret(api.path(_APPS), answer, "client_secret")
            if body.get("confidential")
            else None
        )
        live = Live(
            id=str(answer["integration_id"]),
            name=str(attributes.get("name", "")),
            attributes={"confidential": False, **body},
            computed=_computed(answer),
        )
        return Created(live, shown)

    def namesake(self, api: DatabricksAccount, attributes: Attributes, parent: str = "") -> str:
        """The one app of this name."""
        found = [live.id for live in self.observe(api, Scope()) if live.name == attributes.get("name")]
        return found[0] if len(found) == 1 else ""

    def update(
        self, api: DatabricksAccount, live_id: str, attributes: Attributes, parent: str = ""
    ) -> Live | None:
        """Replaces the given lists and the policy, each in full; what is left out stays as it is."""
        if not set(attributes) <= set(_CHANGEABLE):
            raise InternalError(
                f"an OAuth app's {sorted(set(attributes) - set(_CHANGEABLE))} can't be changed"
            )
        body = dict(attributes)
        if "token_access_policy" in body:
            body["token_access_policy"] = _sendable(body["token_access_policy"])
        path = api.path(_APPS, live_id)
        api.http.patch(path, body, yes=lambda answer: is_of(answer, live_id, "integration_id"))
        return None

    def delete(self, api: DatabricksAccount, live_id: str, parent: str = "") -> None:
        """Removes an app; whoever uses it loses access at once."""
        api.http.delete(api.path(_APPS, live_id))


def _minutes(policy: Mapping[str, Any], key: str) -> int:
    value = policy.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _live(api: DatabricksAccount, path: str, body: Any) -> Live:
    item: Mapping[str, Any] = must_have(api.http, "GET", path, body, "integration_id")
    api.http.must_fit("GET", path, item, item["integration_id"], _SHAPE)
    number, username = str(item.get("created_by") or ""), str(item.get("creator_username") or "")
    return Live(
        id=str(item["integration_id"]),
        name=str(item.get("name") or ""),
        attributes={
            "name": str(item.get("name") or ""),
            "confidential": bool(item.get("confidential", False)),
            "redirect_urls": list(item.get("redirect_urls") or ()),
            "scopes": list(item.get("scopes") or ()),
            "user_authorized_scopes": list(item.get("user_authorized_scopes") or ()),
            "token_access_policy": _shown(item.get("token_access_policy") or {}),
        },
        computed=_computed(item),
        created_at=str(item.get("create_time") or ""),
        # Only a list tells user names, and only one is of use: our own. Numbers are everywhere.
        created_by=username if api.recognises(username) else number or username,
        by_other=api.is_another(username),
        creator=username,
    )


def _computed(item: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(item["integration_id"]), "client_id": str(item.get("client_id") or "")}


def _shown(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A live policy without the session lifetime that the server fills in where it has no effect."""
    return {key: value for key, value in policy.items() if key != _SESSION or policy.get(_SINGLE_USE)}


def _sendable(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy without the session lifetime where single-use tokens are switched off: it would be refused."""
    is_off = policy.get(_SINGLE_USE) is False
    return {key: value for key, value in policy.items() if key != _SESSION or not is_off}


KIND = OAuthApps()
