"""What each root of a reference means: a variable, what a provider offers, an attribute of a resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, Union

from reconciler.errors import Location
from reconciler.kinds import Registry, reference_to
from reconciler.model import Address, Sourced, Value
from reconciler.specs.inputs import Inputs
from reconciler.specs.places import Place, unknown
from reconciler.specs.problems import listing, suggestion
from reconciler.specs.references import Reference
from reconciler.specs.schema import Schemas
from reconciler.specs.sources import Sources
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series, child, ignored_in


class Spec(Protocol):
    """The spec whose references are followed: what it says, and how a way through it goes on."""

    sources: Sources
    inputs: Inputs
    kinds: Registry
    schemas: Schemas

    def value(self, node: Node, place: Place) -> Value:
        """A value with its references resolved."""

    def follow(self, label: str, work: Callable[[], Value], place: Place) -> Value:
        """What is worked out once under a label; a ring is an error."""

    def inner(self, value: Value, steps: Sequence[str], reference: Reference, place: Place) -> Value:
        """What is inside a value, step by step."""

    def dead_end(self, reference: Reference, message: str, place: Place, hint: str) -> Value:
        """Says that a reference leads nowhere; unknown."""


class Variables:
    """`${vars.NAME}`: what the spec declares, or the command line gives."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def meaning(self, reference: Reference, place: Place) -> Value:
        """What `${vars.NAME…}` gives."""
        name, *deeper = reference.steps
        known = self.spec.sources.entries("vars")
        if name not in known:
            hint = suggestion(name, known, f"declare it under vars:, such as `{name}: value`")
            return self.spec.dead_end(reference, f"there is no variable {name}", place, hint)
        return self.spec.inner(self.value(name), deeper, reference, place)

    def value(self, name: str) -> Value:
        """The value of a variable that the spec declares."""
        entry = self.spec.sources.entries("vars")[name]
        place = Place("vars", name, entry.mark)
        return self.spec.follow(f"vars.{name}", lambda: self._declared(name, entry.node, place), place)

    def _declared(self, name: str, node: Node, place: Place) -> Value:
        if name in self.spec.inputs.variables:
            return self.spec.inputs.overriding(name, node, place.at)
        if isinstance(node, Scalar) and node.value is None:
            message = f"the variable {name} has no value"
            self.spec.inputs.absent("var-unset", message, place.at, hint=f"give it with --var {name}=VALUE")
            return unknown("")
        return self.spec.value(node, place)


class Offers:
    """`${providers.P.…}`.

    Attributes:
        found: provider → what it offers; filled once the providers are known.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.found: dict[str, Mapping[str, Value]] = {}

    def meaning(self, reference: Reference, place: Place) -> Value:
        """What `${providers.P.…}` gives."""
        name, _, attribute = reference.rest.partition(".")
        if name not in self.found:
            if name in self.spec.sources.entries("providers"):
                return unknown(reference.text)  # what is wrong with that provider is said there
            hint = suggestion(name, self.found, f"the providers are: {listing(self.found) or 'none'}")
            return self.spec.dead_end(reference, f"there is no provider {name}", place, hint)
        offer = self.found[name]
        if attribute not in offer:
            hint = suggestion(attribute, offer, f"it has: {listing(offer)}")
            return self.spec.dead_end(
                reference, f"the provider {name} has no {attribute or 'attribute'}", place, hint
            )
        value = offer[attribute]
        if isinstance(value, Sourced) and not value.expression:
            return replace(value, expression=reference.text)
        return value


class Resources:
    """`${KIND.KEY.…}`.

    Attributes:
        wanted_parts: parts that something refers to → where their owner stands.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.wanted_parts: dict[Address, Location] = {}

    def meaning(self, reference: Reference, place: Place) -> Value:
        """What `${KIND.KEY.…}` gives: a reference to what only a live object has, else what the spec says."""
        kind, (key, *path) = reference.root, reference.steps
        known = self.spec.sources.entries(kind)
        if key not in known:
            hint = suggestion(key, known, f"{kind} has: {listing(known) or 'nothing'}")
            return self.spec.dead_end(reference, f"there is no {kind}.{key}", place, hint)
        computed = self.spec.schemas.computed(kind)
        if len(path) == 1 and path[0] in computed:
            ref = reference_to(self.spec.kinds, Address.of(kind, key), path[0])
            if ref.source.part:
                self.wanted_parts.setdefault(ref.source, known[key].at)
            return ref
        if not path or self._undeclared(kind, key, path):
            choices = (*computed, *self.spec.schemas.attributes(kind))
            wanted = ".".join(path)
            is_known = bool(path) and path[0] in choices
            message = f"{kind}.{key} " + (
                f"doesn't say {wanted}" if is_known else f"has no {wanted or 'attribute'}"
            )
            otherwise = (
                "say it there, or refer to something else" if is_known else f"it has: {listing(choices)}"
            )
            hint = otherwise if is_known or not wanted else suggestion(wanted, choices, otherwise)
            return self.spec.dead_end(reference, message, place, hint)
        return self.attribute(kind, key, path)

    def _undeclared(self, kind: str, key: str, path: Sequence[str]) -> bool:
        node: Node | None = self.spec.sources.entries(kind)[key].node
        if path[0] in ("provider", "lifecycle"):
            return True
        fields = self.spec.kinds[kind].fields
        if len(path) == 1 and (path[0] == fields.name or path[0] in fields.defaults):
            return False
        for step in path:
            if isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value:
                return False  # what it refers to has to say
            node = _step(node, step)
        return node is None

    def _declared(self, node: Node, path: Sequence[str], place: Place) -> Value:
        for index, step in enumerate(path):
            below = _step(node, step)
            if below is None and isinstance(node, Scalar):
                return self.spec.inner(
                    self.spec.value(node, place), list(path[index:]), Reference("", "", ""), place
                )
            if below is None:
                fields = self.spec.kinds[place.section].fields
                return fields.defaults.get(step, place.name)
            place = place.below(
                _index(step, node), node.marks[step] if isinstance(node, Block) else below.mark
            )
            node = below
        return self.spec.value(node, place)

    def attribute(self, kind: str, key: str, path: Sequence[str]) -> Value:
        """An attribute that a resource declares, or unknown; worked out once, however often it is used."""
        label = ".".join((kind, key, *path))
        entry = self.spec.sources.entries(kind)[key]
        ignored = ignored_in(entry.node)
        place = Place(kind, key, entry.mark, schemas=self.spec.schemas, ignored=ignored)
        return self.spec.follow(label, lambda: self._declared(entry.node, path, place), place)


def _step(node: Node | None, step: str) -> Node | None:
    return child(node, _index(step, node)) if node is not None else None


def _index(step: str, node: Node | None) -> Union[str, int]:
    return int(step) if isinstance(node, Series) and step.isdigit() and len(step) < 10 else step
