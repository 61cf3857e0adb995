"""Blocks of the spec to resources: attributes resolved, defaults filled in, provider and lifecycle found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from reconciler.errors import Location, Problem
from reconciler.kinds import Complaint, Kind, parts_of
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
from reconciler.model.values import KEY
from reconciler.specs.places import is_unknown, leaves
from reconciler.specs.problems import Problems, listing, suggestion
from reconciler.specs.resolver import Resolver
from reconciler.specs.schema_errors import SchemaErrors
from reconciler.specs.yaml_nodes import Block, places

_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_USUAL = Lifecycle()
_Choice = TypeVar("_Choice", bound=Enum)


def resources(resolver: Resolver, providers: Mapping[str, ProviderSpec]) -> dict[Address, Resource]:
    """Every resource of the spec, and the parts of such (a secret, say) as resources of their own."""
    found: dict[Address, Resource] = {}
    for kind in resolver.schemas.sections:
        for key, at, block in resolver.sources.blocks(kind):
            if KEY.match(key):
                building = _Building(resolver, providers, Address(kind, key), at, block)
                found.update((resource.address, resource) for resource in building.resources())
    for address, at in resolver.resources.wanted_parts.items():
        owner = found.get(address.parent) if address.parent else None
        if owner is not None and address not in found:
            found[address] = _part(owner, resolver.kinds[address.kind_name], {}, at, {})
    _check_together(found, resolver)
    return found


def _part(
    owner: Resource,
    kind: Kind[Any],
    settings: Mapping[str, Value],
    at: Location,
    where: Mapping[str, Location],
) -> Resource:
    """A part of a resource; its owner's lifecycle doesn't hold for it."""
    attributes = {**settings, kind.fields.parent: Ref(owner.address, "id")}
    return Resource(owner.address.inside(kind.part), owner.provider, attributes, at=at, places=where)


def _check_together(found: Mapping[Address, Resource], resolver: Resolver) -> None:
    """What is wrong with the resources of one kind taken together."""
    for kind in resolver.kinds.values():
        alike = {a: resource.attributes for a, resource in found.items() if a.kind_name == kind.name}
        for address, complaint in kind.clashes(alike):
            resource = found[address]
            at = resource.places.get(".".join(map(str, complaint.path)), resource.at)
            resolver.problems.add(_problem(complaint, at, address))


def _problem(complaint: Complaint, at: Location | None, address: Address) -> Problem:
    return Problem(complaint.severity, complaint.code, complaint.message, str(address), at, complaint.hint)


@dataclass(frozen=True)
class _Building:
    """One resource while it is built."""

    resolver: Resolver
    providers: Mapping[str, ProviderSpec]
    address: Address
    at: Location
    block: Block

    @property
    def kind(self) -> Kind[Any]:
        """What is built."""
        return self.resolver.kinds[self.address.kind]

    @property
    def problems(self) -> Problems:
        """Where complaints go."""
        return self.resolver.problems

    def resources(self) -> Iterator[Resource]:
        """The resource, and those of its parts that it describes."""
        values = {key: self._value(key) for key in self.block.items}
        self._check_substituted(values)
        attributes = {key: item for key, item in values.items() if key not in ("provider", "lifecycle")}
        parts = {part.part: part for part in parts_of(self.resolver.kinds, self.kind.name)}
        described = {key: attributes.pop(key) for key in parts if key in attributes}
        name = self.kind.fields.name
        is_named = name in attributes
        attributes = self._checked(self.kind, {name: self.address.key, **attributes})
        attributes = {**self.kind.fields.defaults, **attributes}
        resource = Resource(
            address=self.address,
            provider=self._provider(values),
            attributes=attributes,
            lifecycle=self._lifecycle(values.get("lifecycle")),
            named=is_named,
            at=self.at,
            places=dict(places(self.block)),
        )
        yield resource
        self._check_available(resource)
        self._check_keep_old(attributes.get("keep_old"))
        for key, settings in described.items():
            if isinstance(settings, Mapping):
                checked = self._checked(parts[key], settings, key)
                node = self.block.items[key]
                where = dict(places(node)) if isinstance(node, Block) else {}
                yield _part(resource, parts[key], checked, self.block.keys[key], where)

    def _checked(self, kind: Kind[Any], attributes: Mapping[str, Value], *within: str) -> dict[str, Value]:
        """Attributes in their one form, once their kind has said what is wrong with them."""
        folder = self.resolver.inputs.folder
        for complaint in kind.complaints(attributes, folder):
            at = self._place(*within, *map(str, complaint.path))
            self.problems.add(_problem(complaint, at, self.address))
        return dict(kind.settled(attributes, folder))

    def _check_available(self, resource: Resource) -> None:
        provider = self.providers.get(resource.provider)
        for complaint in self.kind.unavailable(resource.attributes, provider) if provider else ():
            path = tuple(map(str, complaint.path))
            is_ignored = resource.lifecycle.ignores(".".join(path))
            add = self.problems.defer if is_ignored else self.problems.add
            add(_problem(complaint, self._place(*path), self.address))

    def _value(self, key: str) -> Value:
        return self.resolver.resources.attribute(self.address.kind, self.address.key, (key,))

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
        self.problems.error(code, message, at, address=str(self.address), hint=hint)

    def _check_substituted(self, values: Mapping[str, Value]) -> None:
        """Holds what references came to against the schema; what was wrong as written is said already."""
        name = str(self.address)
        if name not in self.resolver.substituted or name in self.resolver.sources.faulty:
            return
        checkable = _checkable(values)
        schemas = self.resolver.schemas
        if schemas.acceptor(self.address.kind)(checkable):
            return
        prefix = (self.address.kind, self.address.key)
        complaints = SchemaErrors(self.block, sections=schemas.sections, at=self.at, prefix=prefix, hide=True)
        errors = schemas.validator(self.address.kind).iter_errors(checkable)
        self.problems.extend(complaints.of(errors))
        for problem in complaints.waived:
            self.problems.defer(problem)

    def _provider(self, values: Mapping[str, Value]) -> str:
        wanted = self.kind.provider_type
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
            return _USUAL
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
        known = self.resolver.schemas.attributes(self.address.kind)
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
