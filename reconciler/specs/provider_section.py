"""The `providers:` of a spec: where each remote system is, and what it lends to the rest of the spec."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.errors import Location
from reconciler.model import FILES, ProviderSpec, SecretInput, Sourced, Value
from reconciler.secrets.file_access import is_within_checkout
from reconciler.secrets.given_values import give
from reconciler.specs import urls
from reconciler.specs.inputs import OPEN_VARIABLES
from reconciler.specs.places import Place, is_unknown
from reconciler.specs.resolver import Resolver
from reconciler.specs.yaml_nodes import Block, Scalar, places

ADDRESS_FIELD: Final = {"databricks": "host", "connect": "url", "workbench": "url"}
_VARIABLE: Final = {"databricks": "DATABRICKS_HOST", "connect": "CONNECT_SERVER"}
_EXAMPLE: Final = {
    "databricks": "write the account's, like https://accounts.cloud.databricks.com",
    "connect": "write it like https://connect.example.org",
    "workbench": "write it like https://workbench.example.org",
}
_ACCOUNT: Final = "DATABRICKS_ACCOUNT_ID"
_OPEN_SOURCES: Final = frozenset(f"env {name}" for name in OPEN_VARIABLES)
_CONFIG_DIR: Final = "name the folder that Workbench reads"
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class _Address:
    """An address field: what it came to, and where from."""

    text: str = ""
    source: str = ""
    from_environment: bool = False
    expression: str = ""
    is_wrong: bool = False

    @property
    def private_source(self) -> str:
        """Where it came from, if that is a variable whose value isn't shown."""
        return self.source if set(self.source.split(", ")) - _OPEN_SOURCES - {""} else ""


def providers(resolver: Resolver) -> dict[str, ProviderSpec]:
    """Every provider of known type; tells the resolver what each of them lends."""
    found: dict[str, ProviderSpec] = {}
    for name, at, block in resolver.sources.blocks("providers"):
        node = block.items.get("type")
        kind = node.value if isinstance(node, Scalar) else None
        if name == FILES:
            message = f"no provider can be called {FILES}: that is the spec's own folder"
            resolver.problems.error(
                "provider-name", message, at, address=f"providers.{name}", hint="give it another name"
            )
        if isinstance(kind, str) and (kind in ADDRESS_FIELD or kind in resolver.schemas.provider_types):
            found[name] = _Reading(resolver, name, kind, at, block).provider()
    return found


@dataclass(frozen=True)
class _Reading:
    """One provider while it is read."""

    resolver: Resolver
    name: str
    type: str
    at: Location
    block: Block

    def provider(self) -> ProviderSpec:
        """What the block says, defaults of the environment filled in."""
        settings = {key: self._field(key) for key in self.block.items if key != "type"}
        for key, value in settings.items():
            if not isinstance(value, (str, Sourced, SecretInput)) and self._spotless:
                self._error("type", f"{key} must be text", key, "put it in quotes")
        field = ADDRESS_FIELD.get(self.type, "url")
        address = self._address(field, settings.pop(field, None), _VARIABLE.get(self.type, ""))
        account = _Address()
        if self.type == "databricks":
            account = self._account(settings.pop("account_id", None))
        self._check_set(field, address, settings)
        if self.type == "databricks":
            self._check_set("account_id", account, settings)
        spec = ProviderSpec(
            name=self.name,
            type=self.type,
            address=address.text,
            account_id=account.text,
            settings=self._checked_folder(self._beside_file(settings)),
            at=self.at,
            places=dict(places(self.block)),
            from_environment=address.from_environment,
            expression=address.expression,
            account_expression=account.expression,
            source=address.private_source,
            account_source=account.private_source,
        )
        hide(spec)
        self.resolver.offers.found[self.name] = _offers(spec, address, account)
        return spec

    @property
    def _spotless(self) -> bool:
        return f"providers.{self.name}" not in self.resolver.sources.faulty

    def _field(self, key: str) -> Value:
        mark = self.block.marks[key]
        place = Place("providers", self.name, mark, (key,), self.type, self.resolver.schemas)
        return self.resolver.value(self.block.items[key], place)

    def _error(self, code: str, message: str, key: str, hint: str) -> None:
        at = self.block.place(key) if key in self.block.items else self.at
        self.resolver.problems.error(code, message, at, address=f"providers.{self.name}", hint=hint)

    def _plain(self, key: str, value: Value, variable: str) -> _Address:
        """An address field as text, from the spec or else from the environment."""
        if value is None and key not in self.block.items:
            text = self.resolver.inputs.environment.get(variable, "") if variable else ""
            return _Address(text.strip(), f"env {variable}" if text else "", bool(text))
        if not isinstance(value, (str, Sourced)) or is_unknown(value):
            return _Address()
        if isinstance(value, str):
            return _Address(value)
        if any(source.startswith("file ") for source in value.source.split(", ")):
            message = f"{key} can't come from a file: addresses are shown, and files may hold secrets"
            self._error("credential-reference", message, key, "write it here, or in a variable")
            return _Address()
        is_theirs = value.source == f"env {variable}" and value.value == self.resolver.inputs.environment.get(
            variable
        )
        return _Address(value.value, value.source, is_theirs, value.expression)

    def _address(self, field: str, value: Value, variable: str) -> _Address:
        found = self._plain(field, value, variable)
        if not found.text:
            return found
        origin = "" if field in self.block.items else f" (from {variable})"
        try:
            text = urls.provider_address(found.text, self.type)
        except urls.AddressError as error:
            example = _EXAMPLE.get(self.type, "write it like https://example.org")
            self._error("provider-address", f"{field}{origin} {error}", field, example)
            return _Address(is_wrong=True)
        if self.type == "databricks" and urls.is_workspace(text):
            message = f"{field}{origin} is the address of a workspace, not of the account"
            self._error("provider-address", message, field, _EXAMPLE[self.type])
            return _Address(is_wrong=True)
        self._check_host(text, field, origin)
        return replace(found, text=text)

    def _check_host(self, address: str, field: str, origin: str) -> None:
        if urls.is_insecure(address):
            message = f"{field}{origin} is plain http, which shows credentials to the network"
            self._error("insecure-url", message, field, "use https; plain http is for this machine only")
        allowed = self.resolver.inputs.environment.get("RECONCILE_ALLOWED_HOSTS", "")
        if allowed.strip() and not urls.is_allowed(address, allowed):
            message = f"the host of {field}{origin} isn't one that RECONCILE_ALLOWED_HOSTS lists"
            self._error("host-not-allowed", message, field, "use a listed host, or have it added to the list")

    def _account(self, value: Value) -> _Address:
        found = self._plain("account_id", value, _ACCOUNT)
        if found.text and not _ACCOUNT_ID.fullmatch(found.text):
            origin = "" if "account_id" in self.block.items else f" (from {_ACCOUNT})"
            message = f"account_id{origin} isn't an account id"
            self._error("account-id", message, "account_id", "the account console shows it, beside your name")
            return _Address(is_wrong=True)
        return found

    def _check_set(self, field: str, found: _Address, settings: Mapping[str, Value]) -> None:
        """A missing address; one that a Databricks profile may hold is looked for when signing in."""
        environment = self.resolver.inputs.environment
        has_profile = (
            "profile" in settings
            or environment.get("DATABRICKS_CONFIG_PROFILE")
            or _has_profile_file(environment)
        )
        if found.text or found.is_wrong or field in self.block.items or self.type not in _VARIABLE:
            return
        if not self._spotless:
            return
        if self.type == "databricks" and has_profile:
            return
        variable = _ACCOUNT if field == "account_id" else _VARIABLE[self.type]
        message = f"the provider {self.name} has no {field}"
        hint = f"write {field}: below it, or export {variable}"
        self.resolver.inputs.absent(
            "provider-unset", message, self.at, address=f"providers.{self.name}", hint=hint
        )

    def _beside_file(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """The settings, with a certificate's path relative to where the tool runs."""
        path = settings.get("ca_certificate")
        if not isinstance(path, str) or not path or path.startswith("~"):
            return dict(settings)
        folder = os.path.dirname(self.block.place("ca_certificate").file)  # noqa: PTH120 - keeps it relative
        return {**settings, "ca_certificate": os.path.normpath(os.path.join(folder, path))}  # noqa: PTH118

    def _checked_folder(self, settings: dict[str, Value]) -> dict[str, Value]:
        """The settings, with the folder that files are written into as a whole path; it holds secrets."""
        value = settings.get("config_dir")
        text = value.value if isinstance(value, Sourced) else value
        if not isinstance(text, str) or not text:
            return settings
        spec = Path(self.resolver.sources.file).resolve().parent
        folder = str(Path(os.path.normpath(spec / Path(text).expanduser())))
        if is_within_checkout(spec, Path(folder).resolve()):
            message = "config_dir lies inside the checkout, where its secrets would be committed"
            self._error("workbench-in-checkout", message, "config_dir", _CONFIG_DIR)
        whole = replace(value, value=folder) if isinstance(value, Sourced) else folder
        return {**settings, "config_dir": whole}


def hide(spec: ProviderSpec) -> None:
    """Keeps what variables gave out of all words, also in the pieces that errors of a connection tell."""
    if spec.account_source:
        give(spec.account_id, spec.account_shown)
    if not spec.source:
        return
    parts = urlsplit(spec.address)
    is_near = parts.hostname is None or urls.is_loopback(parts.hostname)
    for piece in (spec.address, parts.netloc, "" if is_near else parts.hostname):
        give(piece or "", spec.shown)


def _has_profile_file(environment: Mapping[str, str]) -> bool:
    """Whether there is a file of Databricks profiles, whose default may hold what is left out."""
    home = environment.get("HOME") or environment.get("USERPROFILE") or ""
    name = environment.get("DATABRICKS_CONFIG_FILE") or (home and "~/.databrickscfg")
    return bool(name) and os.path.isfile(name.replace("~", home, 1) if name[0] == "~" else name)  # noqa: PTH113


def _offers(spec: ProviderSpec, address: _Address, account: _Address) -> dict[str, Value]:
    return {
        key: _lend(spec.name, text, account if key == "account_id" else address)
        for key, text in spec.lends.items()
    }


def _lend(name: str, text: str, found: _Address) -> Value:
    if not found.text:
        return Sourced(f"provider {name}", "", "")
    # a saved plan has the address with its provider, and reads it again there
    return Sourced(found.source, text, "") if found.private_source else text
