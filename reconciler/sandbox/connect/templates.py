"""The integration templates as data, and the rules that a `config` keeps: docs/facts/connect.md, 3 and 8.

Keys, values and secret fields are those of real configurations. Default scopes, labels and the key
of the API-key templates (`api_key`) are guesses: nobody outside has seen them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.messages import Refusal

VIEWER, SERVICE, VISITOR = "Viewer", "Service Account", "Visitor API Key"
_CONFIG = 228
_SECRET_NAME = re.compile(r"secret|password|token$|key$|credential", re.IGNORECASE)
When = tuple[tuple[str, str], ...]  # any of these config keys has this value; empty means always


@dataclass(frozen=True)
class Key:
    """A key of `config`: an option (with values, or a bool) or a text field."""

    name: str
    values: tuple[str, ...] = ()
    default: str | bool | None = None
    secret: bool = False
    optional: bool = False
    when: When = ()
    locator: bool = False  # says where the provider is

    @property
    def is_option(self) -> bool:
        """Whether it is a drop-down or a switch, not a text field."""
        return bool(self.values) or isinstance(self.default, bool)

    def visible(self, config: Mapping[str, Any]) -> bool:
        """Whether the rest of the config allows this key."""
        return not self.when or any(config.get(name) == value for name, value in self.when)


@dataclass(frozen=True)
class Template:
    """A template. `fixed_auth_type` is set where there is no choice; None where nobody knows."""

    id: str
    name: str
    keys: tuple[Key, ...]
    fixed_auth_type: str | None = None
    environment_variables: tuple[str, ...] = ()
    is_open: bool = False  # its keys aren't known, so it takes any

    def auth_type(self, config: Mapping[str, Any]) -> str | None:
        """The computed top-level `auth_type`."""
        if self.fixed_auth_type is not None:
            return self.fixed_auth_type
        if self.is_open:
            return str(config["auth_type"]) if "auth_type" in config else None
        choice = next((key for key in self.keys if key.name == "auth_type"), None)
        return None if choice is None else str(config.get("auth_type", choice.default))

    def secrets(self, config: Mapping[str, Any]) -> frozenset[str]:
        """The names of the keys that are never returned."""
        if self.is_open:
            return frozenset(name for name in config if _SECRET_NAME.search(name))
        return frozenset(key.name for key in self.keys if key.secret)

    def with_defaults(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A config with the defaults of what is visible; the order is that of the keys."""
        full = dict(config)
        for key in self.keys:
            if key.name not in full and key.default is not None and key.visible(full):
                full[key.name] = key.default
        return full

    def check(self, given: Mapping[str, Any], merged: Mapping[str, Any], *, lenient: bool = False) -> None:
        """Check what a request gives, and what the whole would be (secrets included).

        Raises:
            Refusal: 400/228, with a text that names the key.
        """
        if self.is_open:
            return
        known = {key.name: key for key in self.keys}
        full = self.with_defaults(merged)
        for name, value in given.items():
            key = known.get(name)
            if key is not None:
                self._check_value(key, value, full)
            elif not lenient:
                raise _config(f"The config key {name} is not valid for template {self.id}")
        for key in self.keys:
            required = not key.optional and key.default is None and key.visible(full)
            if required and not full.get(key.name):
                raise _config(f"The config key {key.name} is required")

    def _check_value(self, key: Key, value: Any, full: Mapping[str, Any]) -> None:
        if isinstance(key.default, bool):
            if not isinstance(value, bool):
                raise _config(f"The config key {key.name} must be one of (true, false)")
        elif key.values and value not in key.values:
            raise _config(f"The config key {key.name} must be one of ({', '.join(key.values)})")
        elif not isinstance(value, str):
            raise _config(f"The config key {key.name} must be a string")
        if not key.visible(full):
            raise _config(f"The config key {key.name} is not allowed by the rest of the config")

    def shown(self) -> dict[str, Any]:
        """The template as the API lists it."""
        numbered = list(enumerate(self.keys, 1))
        return {
            "id": self.id,
            "name": self.name,
            "description": f"Credentials for {self.name}.",
            "sections": [{"id": 1, "order": 1, "name": self.name, "description": ""}],
            "options": [_option(key, order) for order, key in numbered if key.is_option],
            "fields": [_field(key, order) for order, key in numbered if not key.is_option],
            "environment_variables": list(self.environment_variables),
        }


def _common(key: Key, order: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": key.name,
        "label": key.name.replace("_", " ").capitalize(),
        "description": "",
        "order": order,
    }
    leaves = [{"name": name, "value": value} for name, value in key.when]
    if len(leaves) == 1:
        out["visibility_expression"] = leaves[0]
    elif leaves:
        out["visibility_expression"] = {"operator": "or", "operands": leaves}
    return out


def _option(key: Key, order: int) -> dict[str, Any]:
    if isinstance(key.default, bool):
        return {**_common(key, order), "type": "bool", "default": key.default}
    chosen = {"values": list(key.values), "default": key.default or ""}
    return {**_common(key, order), "type": "select", **chosen}


def _field(key: Key, order: int) -> dict[str, Any]:
    return {
        **_common(key, order),
        "default": key.default or "",
        "validation": "",
        "validation_description": "",
        "secret": key.secret,
        "multiline": False,
    }


def _config(message: str) -> Refusal:
    return Refusal(400, _CONFIG, message)


_IF_VIEWER: When = (("auth_type", VIEWER),)
_IF_SERVICE: When = (("auth_type", SERVICE),)
_IF_SECRET: When = (("auth_mode", "Confidential"), *_IF_SERVICE)
_MODES = ("Confidential", "Public")
_CHOICE = Key("auth_type", (VIEWER, SERVICE), VIEWER)
_CLIENT = Key("client_id")
_METHODS = ("client_secret_basic", "client_secret_post")


def _mode(*values: str, when: When = ()) -> Key:
    return Key("auth_mode", values or _MODES, "Confidential", when=when)


def _secret(when: When = (("auth_mode", "Confidential"),)) -> Key:
    return Key("client_secret", secret=True, when=when)


def _scopes(default: str | None, when: When = ()) -> Key:
    return Key("scopes", default=default, optional=True, when=when)


def _microsoft(name: str, title: str, scopes: str) -> Template:
    tenant = Key("tenant_id", locator=True)
    keys = (_CHOICE, _mode(when=_IF_VIEWER), tenant, _CLIENT, _secret(_IF_SECRET), _scopes(scopes))
    return Template(name, title, keys)


def _google(name: str, title: str, scopes: str) -> Template:
    return Template(name, title, (_mode("Confidential"), _CLIENT, _secret(), _scopes(scopes)), VIEWER)


def _api_key(name: str, title: str, variable: str) -> Template:
    return Template(name, title, (Key("api_key", secret=True),), None, (variable,))


def _endpoints(when: When = ()) -> tuple[Key, ...]:
    return (
        Key("authorization_uri", locator=True, optional=not when, when=when),
        Key("token_uri", locator=True, when=when),
        Key("token_endpoint_auth_method", _METHODS, "client_secret_basic", when=when),
        Key("use_pkce", default=True, when=_IF_VIEWER),
    )


_ALL = (
    Template(
        "databricks",
        "Databricks",
        (
            _CHOICE,
            _mode(when=_IF_VIEWER),
            Key("workspace_host", locator=True),
            _CLIENT,
            _secret(_IF_SECRET),
            _scopes("all-apis offline_access"),
        ),
    ),
    Template(
        "custom",
        "Custom Integration",
        (
            _CHOICE,
            _mode(when=_IF_VIEWER),
            _CLIENT,
            _secret(_IF_SECRET),
            *_endpoints(),
            _scopes(None),
        ),
    ),
    Template("github", "GitHub", (_mode("Confidential"), _CLIENT, _secret()), VIEWER),
    Template(
        "snowflake",
        "Snowflake",
        (
            _mode("Confidential"),
            Key("account_url", locator=True),
            _CLIENT,
            _secret(),
            _scopes("refresh_token"),
        ),
        VIEWER,
    ),
    _microsoft("azure", "Azure", "offline_access"),
    _microsoft("azure-openai", "Azure OpenAI", "offline_access"),
    _microsoft("sharepoint", "SharePoint", "offline_access"),
    _microsoft("msgraph", "Microsoft Graph", "https://graph.microsoft.com/.default offline_access"),
    _google("bigquery", "BigQuery", "https://www.googleapis.com/auth/bigquery"),
    _google("vertex-ai", "Vertex AI", "https://www.googleapis.com/auth/cloud-platform"),
    _google("drive", "Google Drive", "https://www.googleapis.com/auth/drive"),
    _google("sheets", "Google Sheets", "https://www.googleapis.com/auth/spreadsheets"),
    Template(
        "salesforce",
        "Salesforce",
        (
            Key("auth_type", (VIEWER,), VIEWER),
            _mode(),
            Key("sf_host_domain", locator=True),
            _CLIENT,
            _secret(),
            _scopes("api refresh_token"),
        ),
    ),
    Template(
        "aws",
        "Amazon Web Services",
        (
            _CHOICE,
            _mode(when=_IF_VIEWER),
            Key("client_id", when=_IF_VIEWER),
            _secret(),
            Key("role_arn"),
            Key("session_duration", default="3600"),
            Key("sts_region", default="us-east-1"),
            *_endpoints(_IF_VIEWER),
            _scopes(None, _IF_VIEWER),
        ),
    ),
    Template(
        "connect",
        "Posit Connect",
        (Key("max_role", ("Viewer", "Publisher", "Admin"), "Admin"),),
        VISITOR,
    ),
    _api_key("anthropic", "Anthropic", "ANTHROPIC_API_KEY"),
    _api_key("openai", "OpenAI", "OPENAI_API_KEY"),
)
TEMPLATES: Mapping[str, Template] = {template.id: template for template in _ALL}


def template(name: str) -> Template:
    """The template of that id; one that only a copied server had is open."""
    return TEMPLATES.get(name) or Template(name, name, (), is_open=True)
