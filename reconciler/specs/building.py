"""Blocks of the spec to resources: attributes resolved, defaults filled in, provider and lifecycle found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from reconciler.errors import Location
from reconciler.model import (
    FILES,
    Address,
    Adopt,
    Lifecycle,
    OnDestroy,
    ProviderSpec,
    Ref,
    ReplaceOrder,
    Resource,
    SecretInput,
    Sourced,
    Text,
    Value,
)
from reconciler.model.values import KEY, seconds
from reconciler.specs import schema
from reconciler.specs.complaints import Complaints
from reconciler.specs.findings import Findings, listing, suggestion
from reconciler.specs.handing import check_files, handoff_attributes
from reconciler.specs.nodes import Block, places
from reconciler.specs.places import is_unknown, leaves
from reconciler.specs.resolving import NAMES, Resolver

PROVIDER_TYPE: Final = {
    "oauth_apps": "databricks",
    "service_principals": "databricks",
    "connect_integrations": "connect",
    "handoffs": FILES,
}
_MAX_LIFETIME: Final = "730d"
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_Choice = TypeVar("_Choice", bound=Enum)


def resources(resolver: Resolver, providers: Mapping[str, ProviderSpec]) -> dict[Address, Resource]:
    """Every resource of the spec, and the secrets of service principals as resources of their own."""
    found: dict[Address, Resource] = {}
    for kind in schema.KINDS:
        for key, at, block in resolver.sources.blocks(kind):
            if KEY.match(key):
                building = _Building(resolver, providers, Address(kind, key), at, block)
                found.update((resource.address, resource) for resource in building.resources())
    for key, at in resolver.wanted_secrets.items():
        address = Address("service_principals", key)
        if address in found and address.inside("client_secret") not in found:
            found[address.inside("client_secret")] = _secret(found[address], {}, at, {})
    check_files(found, resolver.findings)
    return found


def _secret(
    parent: Resource, settings: Mapping[str, Value], at: Location, where: Mapping[str, Location]
) -> Resource:
    """The secret of a service principal; the principal's own lifecycle doesn't hold for it."""
    attributes = {**settings, "service_principal": Ref(parent.address, "id")}
    return Resource(parent.address.inside("client_secret"), parent.provider, attributes, at=at, places=where)


@dataclass(frozen=True)
class _Building:
    """One resource while it is built."""

    resolver: Resolver
    providers: Mapping[str, ProviderSpec]
    address: Address
    at: Location
    block: Block

    @property
    def findings(self) -> Findings:
        """Where complaints go."""
        return self.resolver.findings

    def resources(self) -> Iterator[Resource]:
        """The resource and, for a service principal with one, its secret."""
        values = {key: self._value(key) for key in self.block.items}
        self._check_substituted(values)
        attributes = {key: item for key, item in values.items() if key not in ("provider", "lifecycle")}
        if self.address.kind == "handoffs":
            folder = self.resolver.inputs.folder
            attributes = handoff_attributes(attributes, folder, self._error, self._place)
        secret = attributes.pop("client_secret", None) if self.address.kind == "service_principals" else None
        name = NAMES[self.address.kind]
        defaults: dict[str, Value] = {} if name in attributes else {name: self.address.key}
        if self.address.kind == "oauth_apps":
            defaults |= {} if "confidential" in attributes else {"confidential": True}
        resource = Resource(
            address=self.address,
            provider=self._provider(values),
            attributes={**defaults, **attributes},
            lifecycle=self._lifecycle(values.get("lifecycle", {})),
            named=name in attributes,
            at=self.at,
            places=dict(places(self.block)),
        )
        yield resource
        self._check_keep_old(attributes.get("keep_old"))
        if isinstance(secret, Mapping):
            self._check_durations(secret)
            node = self.block.items["client_secret"]
            where = dict(places(node)) if isinstance(node, Block) else {}
            yield _secret(resource, secret, self.block.keys["client_secret"], where)

    def _value(self, key: str) -> Value:
        return self.resolver.attribute(self.address.kind, self.address.key, (key,))

    def _place(self, *keys: str) -> Location:
        """Where an attribute stands, or the nearest thing that holds it."""
        block, at = self.block, self.at
        for key in keys:
            at = block.keys.get(key, at)
            below = block.items.get(key)
            if not isinstance(below, Block):
                break
            block = below
        return at

    def _error(self, code: str, message: str, at: Location, hint: str) -> None:
        self.findings.error(code, message, at, address=str(self.address), hint=hint)

    def _check_substituted(self, values: Mapping[str, Value]) -> None:
        """Holds what references came to against the schema; what was wrong as written is said already."""
        name = str(self.address)
        if name not in self.resolver.substituted or name in self.resolver.sources.faulty:
            return
        checkable = _checkable(values)
        if schema.acceptor(self.address.kind)(checkable):
            return
        complaints = Complaints(
            self.block, at=self.at, prefix=(self.address.kind, self.address.key), hide=True
        )
        errors = schema.validator(self.address.kind).iter_errors(checkable)
        self.findings.extend(complaints.of(errors))
        for problem in complaints.waived:
            self.findings.defer(problem)

    def _provider(self, values: Mapping[str, Value]) -> str:
        wanted = PROVIDER_TYPE[self.address.kind]
        if wanted == FILES:
            return FILES
        candidates = [name for name, spec in self.providers.items() if spec.type == wanted]
        if "provider" in values:
            return self._named_provider(values["provider"], wanted, candidates)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            message = f"several providers could hold it: {listing(candidates)}"
            self._error(
                "provider-ambiguous", message, self.at, f"add provider: {candidates[0]}, or another of them"
            )
        elif len(self.providers) == len(self.resolver.sources.entries("providers")):
            message = f"the spec has no provider of type {wanted}"
            self._error("provider-missing", message, self.at, f"add one under providers: with type: {wanted}")
        return ""

    def _named_provider(self, name: Value, wanted: str, candidates: list[str]) -> str:
        at = self._place("provider")
        if not isinstance(name, str):
            if not is_unknown(name) and str(self.address) not in self.resolver.sources.faulty:
                self._error(
                    "provider-unknown", "provider must be the name of a provider", at, "write its name"
                )
            return ""
        if name not in self.providers:
            if name not in self.resolver.sources.entries("providers"):
                hint = suggestion(name, candidates, f"of type {wanted} are: {listing(candidates) or 'none'}")
                self._error("provider-unknown", f"there is no provider {name}", at, hint)
            return ""
        if name not in candidates:
            message = f"the provider {name} is of type {self.providers[name].type}, and this needs {wanted}"
            self._error(
                "provider-type", message, at, f"of type {wanted} are: {listing(candidates) or 'none'}"
            )
            return ""
        return name

    def _lifecycle(self, said: Value) -> Lifecycle:
        if not isinstance(said, Mapping):
            return Lifecycle()
        ignore = said.get("ignore")
        ignored = (
            frozenset(path for path in ignore if isinstance(path, str))
            if isinstance(ignore, list)
            else frozenset()
        )
        self._check_lifecycle(said, ignored)
        return Lifecycle(
            prevent_destroy=said.get("prevent_destroy") is True,
            adopt=_adopt(said.get("adopt")),
            ignore=ignored,
            on_destroy=_choice(OnDestroy, said.get("on_destroy"), OnDestroy.DELETE),
            replace=_choice(ReplaceOrder, said.get("replace"), ReplaceOrder.CREATE_FIRST),
        )

    def _check_lifecycle(self, said: Mapping[str, Value], ignored: frozenset[str]) -> None:
        for path, leaf in leaves(said, ()):
            if isinstance(leaf, (Ref, Text)) or (isinstance(leaf, Sourced) and not is_unknown(leaf)):
                message = f"lifecycle.{'.'.join(map(str, path))} can't hold {leaf}"
                at = self._place("lifecycle", *map(str, path))
                self._error(
                    "reference",
                    message,
                    at,
                    "write the value itself, or use vars; a known secret comes from ${env.NAME}",
                )
        known = schema.attributes(self.address.kind)
        for name in sorted(ignored):
            root = name.split(".")[0]
            if root not in known:
                message = f"lifecycle.ignore names {name}, which {self.address.kind} don't have"
                hint = suggestion(root, known, f"they have: {listing(known)}")
                self._error("ignore", message, self._place("lifecycle", "ignore"), hint)

    def _check_keep_old(self, value: Value) -> None:
        if isinstance(value, (Sourced, Ref, Text)) and not is_unknown(value):
            message = f"keep_old can't hold {value}"
            hint = "write the duration itself, or use vars"
            self._error("duration", message, self._place("keep_old"), hint)

    def _check_durations(self, said: Mapping[str, Value]) -> None:
        found: dict[str, int] = {}
        for key in ("lifetime", "rotate_before", "keep_old"):
            value = said.get(key)
            at = self._place("client_secret", key)
            if isinstance(value, (Sourced, Ref, Text)) and not is_unknown(value):
                self._error(
                    "duration", f"{key} can't hold {value}", at, "write the duration itself, or use vars"
                )
            if isinstance(value, str):
                try:
                    found[key] = seconds(value)
                except ValueError:
                    continue  # the schema says so
        if found.get("lifetime", 1) <= 0 or found.get("lifetime", 1) > seconds(_MAX_LIFETIME):
            message = f"lifetime must be more than 0s and at most {_MAX_LIFETIME}"
            hint = f"write {_MAX_LIFETIME}, or less" if found["lifetime"] else "write a duration such as 365d"
            self._error("duration", message, self._place("client_secret", "lifetime"), hint)
        if found.get("rotate_before", -1) >= found.get("lifetime", seconds(_MAX_LIFETIME)):
            message = "rotate_before must be shorter than lifetime"
            self._error(
                "duration",
                message,
                self._place("client_secret", "rotate_before"),
                "shorten it, or lengthen lifetime",
            )


def _checkable(value: Value) -> Any:
    """A resolved value as the schema can judge it: references pass, resolved text must not look like one."""
    if isinstance(value, Mapping):
        return {key: _checkable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_checkable(item) for item in value]
    if isinstance(value, str):
        return value.replace("${", "$ {")
    if isinstance(value, Sourced):
        return value.value.replace("${", "$ {") if value.value else "${unknown}"
    return "${reference}" if isinstance(value, (Ref, Text, SecretInput)) else value


def _adopt(said: Value) -> Adopt | None:
    if isinstance(said, Mapping):
        live_id, secret = said.get("id"), said.get("client_secret")
    else:
        live_id, secret = said, None
    if isinstance(live_id, bool) or not isinstance(live_id, (str, int)):
        return None
    text = str(live_id)
    known = secret if isinstance(secret, SecretInput) else None
    return Adopt(text.lower() if _GUID.fullmatch(text) else text, known)


def _choice(choices: type[_Choice], said: Value, otherwise: _Choice) -> _Choice:
    return next((choice for choice in choices if choice.value == said), otherwise)
