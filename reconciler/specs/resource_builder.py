"""Blocks of the spec to resources: attributes resolved, defaults filled in, provider and lifecycle found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from reconciler.errors import Location, Problem
from reconciler.kinds import Complaint, Kind
from reconciler.model import (
    FILES,
    Address,
    Lifecycle,
    ProviderSpec,
    Ref,
    Resource,
    SecretInput,
    Sourced,
    Text,
    Value,
)
from reconciler.model.values import KEY
from reconciler.specs.lifecycle_section import lifecycle, lifecycle_complaints
from reconciler.specs.places import is_unknown
from reconciler.specs.problems import Problems, listing, suggestion
from reconciler.specs.resolver import Resolver
from reconciler.specs.schema_errors import SchemaErrors
from reconciler.specs.yaml_nodes import Block, plain

_USUAL = Lifecycle()


def resources(resolver: Resolver, providers: Mapping[str, ProviderSpec]) -> dict[Address, Resource]:
    """Every resource of the spec, and the parts of such (a secret, say) as resources of their own."""
    found: dict[Address, Resource] = {}
    for section in resolver.schemas.sections:
        kind = resolver.kinds[section]
        for key, at, block in resolver.sources.blocks(section):
            if KEY.match(key):
                building = _Building(resolver, providers, kind, Address.of(section, key), at, block)
                found.update((resource.address, resource) for resource in building.resources())
    for address, at in resolver.resources.wanted_parts.items():
        owner = found.get(address.parent) if address.parent else None
        if owner is not None and address not in found:
            found[address] = _part(owner, resolver.kinds[address.kind_name], {}, at)
    _check_together(found, resolver)
    return found


def _part(
    owner: Resource,
    kind: Kind[Any],
    settings: Mapping[str, Value],
    at: Location,
) -> Resource:
    """A part of a resource; its owner's lifecycle doesn't hold for it."""
    attributes = {**settings, kind.fields.parent: Ref(owner.address, "id")}
    return Resource(owner.address.inside(kind.part), owner.provider, attributes, _USUAL, at=at)


def _check_together(found: Mapping[Address, Resource], resolver: Resolver) -> None:
    """What is wrong with the resources of one kind taken together."""
    alike: dict[str, dict[Address, Mapping[str, Value]]] = {name: {} for name in resolver.kinds}
    for address, resource in found.items():
        alike[address.kind_name][address] = resource.attributes
    for name, kind in resolver.kinds.items():
        for address, complaint in kind.clashes(alike[name]):
            resource = found[address]
            known = resolver.sources.places(address)
            at = known.get(".".join(map(str, complaint.path)), resource.at)
            resolver.problems.add(_problem(complaint, at, address))


def _problem(complaint: Complaint, at: Location | None, address: Address) -> Problem:
    return Problem(complaint.severity, complaint.code, complaint.message, str(address), at, complaint.hint)


class _Building(NamedTuple):
    """One resource while it is built."""

    resolver: Resolver
    providers: Mapping[str, ProviderSpec]
    kind: Kind[Any]
    address: Address
    at: Location
    block: Block

    @property
    def problems(self) -> Problems:
        """Where complaints go."""
        return self.resolver.problems

    @property
    def _is_faulty(self) -> bool:
        """Whether what is wrong as written is said already."""
        return str(self.address) in self.resolver.sources.faulty

    def resources(self) -> Iterator[Resource]:
        """The resource, and those of its parts that it describes."""
        values = {key: self._value(key) for key in self.block.items}
        self._check_substituted(values)
        attributes = {key: item for key, item in values.items() if key not in ("provider", "lifecycle")}
        parts = self.resolver.schemas.parts(self.kind.name)
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
        )
        yield resource
        self._check_available(resource)
        keep_old = attributes.get("keep_old")
        if isinstance(keep_old, (Sourced, Ref, Text)) and not is_unknown(keep_old):
            hint = "write the duration itself, or use vars"
            self._complain(Complaint("duration", f"keep_old can't hold {keep_old}", ("keep_old",), hint))
        for key, settings in described.items():
            if isinstance(settings, Mapping):
                checked = self._checked(parts[key], settings, key)
                yield _part(resource, parts[key], checked, self.block.place(key))

    def _checked(self, kind: Kind[Any], attributes: Mapping[str, Value], *within: str) -> dict[str, Value]:
        """Attributes in their one form, once their kind has said what is wrong with them."""
        folder = self.resolver.inputs.folder
        for complaint in kind.complaints(attributes, folder):
            self._complain(replace(complaint, path=(*within, *complaint.path)))
        return dict(kind.settled(attributes, folder))

    def _check_available(self, resource: Resource) -> None:
        provider = self.providers.get(resource.provider)
        for complaint in self.kind.unavailable(resource.attributes, provider) if provider else ():
            is_ignored = resource.lifecycle.ignores(".".join(map(str, complaint.path)))
            self._complain(complaint, is_ignored=is_ignored)

    def _provider(self, values: Mapping[str, Value]) -> str:
        wanted, written = self.kind.provider_type, self.resolver.sources.entries("providers")
        if wanted == FILES:
            return FILES
        if "provider" not in values:
            chosen = _only_provider(wanted, self.providers, written)
        elif isinstance(name := values["provider"], str):
            chosen = _named_provider(name, wanted, self.providers, written)
        elif is_unknown(name) or self._is_faulty:
            return ""
        else:
            message = "provider must be the name of a provider"
            chosen = Complaint("provider-unknown", message, ("provider",), "write its name")
        if isinstance(chosen, str):
            return chosen
        self._complain(chosen)
        return ""

    def _lifecycle(self, said: Value) -> Lifecycle:
        if not isinstance(said, Mapping):
            return _USUAL
        known = self.resolver.schemas.attributes(self.address.kind)
        for complaint in lifecycle_complaints(said, self.address.kind, known):
            self._complain(complaint)
        return lifecycle(said)

    def _value(self, key: str) -> Value:
        kind, node = self.address.kind, self.block.items[key]
        if node.refers or key not in self.resolver.schemas.plain_attributes(kind):
            return self.resolver.resources.attribute(kind, self.address.key, (key,))
        # most refer to nothing, and nothing can be wrong with them here
        return self.resolver.know(f"{self.address}.{key}", plain(node))

    def _place(self, *keys: str) -> Location:
        """Where an attribute stands, or the nearest thing that holds it."""
        block, at = self.block, self.at
        for key in keys:
            at = block.place(key) if key in block.items else at
            below = block.items.get(key)
            if not isinstance(below, Block):
                break
            block = below
        return at

    def _complain(self, complaint: Complaint, *, is_ignored: bool = False) -> None:
        """Says what is wrong at its place; of an ignored field, only if the object has to be made."""
        problem = _problem(complaint, self._place(*map(str, complaint.path)), self.address)
        (self.problems.defer if is_ignored else self.problems.add)(problem)

    def _check_substituted(self, values: Mapping[str, Value]) -> None:
        """Holds what references came to against the schema; what was wrong as written is said already."""
        if str(self.address) not in self.resolver.substituted or self._is_faulty:
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


def _only_provider(
    wanted: str, providers: Mapping[str, ProviderSpec], written: Collection[str]
) -> str | Complaint:
    """The provider of a resource that names none."""
    candidates = [name for name, spec in providers.items() if spec.type == wanted]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        message = f"several providers could hold it: {listing(candidates)}"
        return Complaint(
            "provider-ambiguous", message, (), f"add provider: {candidates[0]}, or another of them"
        )
    if len(providers) < len(written):
        return ""  # one that is wrong may be the one
    message = f"the spec has no provider of type {wanted}"
    return Complaint("provider-missing", message, (), f"add one under providers: with type: {wanted}")


def _named_provider(
    name: str, wanted: str, providers: Mapping[str, ProviderSpec], written: Collection[str]
) -> str | Complaint:
    """The provider that a resource names."""
    spec, path = providers.get(name), ("provider",)
    candidates = [each for each, spec in providers.items() if spec.type == wanted]
    fitting = f"of type {wanted} are: {listing(candidates) or 'none'}"
    if spec is None:
        if name in written:
            return ""  # what is wrong with it is said there
        message = f"there is no provider {name}"
        return Complaint("provider-unknown", message, path, suggestion(name, candidates, fitting))
    if spec.type == wanted:
        return name
    message = f"the provider {name} is of type {spec.type}, and this needs {wanted}"
    return Complaint("provider-type", message, path, fitting)
