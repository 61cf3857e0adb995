"""The JSON Schema of a spec: put together from that of each kind, compiled once, and asked what is secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Union

from reconciler.kinds import Kind, Registry, schema_file
from reconciler.secrets import sounds_secret
from reconciler.specs.schema_compiler import Check, UnknownKeywordError, compiled

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_SHARED: Final = (
    "version",
    "stack",
    "imports",
    "vars",
    "providers",
    "policy",
)  # what imported files hold besides kinds
_ABOUT: Final = ("provider", "lifecycle")  # keys of a resource that are no attributes
_PROPERTY, _NAMED = "properties", "patternProperties"

# one step of a path to a secret field: a key, or the form of a key
_Step = Union[str, "re.Pattern[str]"]
_Path = tuple[Union[str, int], ...]


def schemas_of(kinds: Registry) -> Schemas:
    """The schemas of a spec of these kinds; what they come to is worked out once."""
    return _schemas(tuple(kinds.values()))


@cache
def _schemas(kinds: tuple[Kind[Any], ...]) -> Schemas:
    return Schemas(kinds)


class Schemas:
    """The schemas of a spec, by name: `stack`, `import`, `providers`, `inputs`, and each kind's own."""

    def __init__(self, kinds: tuple[Kind[Any], ...]) -> None:
        self._kinds = kinds
        self.sections = tuple(kind.name for kind in kinds if not kind.owner)
        self.expanded = cache(self._expanded)
        self.validator = cache(self._validator)
        self.acceptor = cache(self._acceptor)
        self.secret_paths = cache(self._secret_paths)
        self.parts = cache(self._parts)
        self.computed = cache(self._computed)
        self.is_secret = lru_cache(4096)(self._is_secret)
        self.names_things = lru_cache(4096)(self._names_things)
        self.takes_secrets = lru_cache(4096)(self._takes_secrets)

    @cached_property
    def files(self) -> Mapping[str, Any]:
        """Every schema as it is written; that of the stack and the addresses name the kinds."""
        fixed = {name: schema_file(name) for name in ("inputs", "policy")}
        own = {kind.name: kind.document for kind in self._kinds if not kind.owner}
        providers = self._providers()
        return {"shared": self._shared(), "stack": self._stack(), "providers": providers, **fixed, **own}

    @cached_property
    def provider_types(self) -> frozenset[str]:
        """Types of providers that packages bring."""
        return frozenset(kind.provider_type for kind in self._kinds if kind.provider_schema is not None)

    def _providers(self) -> Any:
        """The schema of a provider, with the types that packages bring."""
        base = schema_file("providers")
        if not self.provider_types:
            return base
        types = {"enum": [*base[_PROPERTY]["type"]["enum"], *sorted(self.provider_types)]}
        own = {k.provider_type: k.provider_schema for k in self._kinds if k.provider_schema is not None}
        more = [
            {
                "if": {_PROPERTY: {"type": {"const": name}}, "required": ["type"]},
                "then": {**schema, _PROPERTY: {"type": True, **schema.get(_PROPERTY, {})}},
            }
            for name, schema in sorted(own.items())
        ]
        told = {**base[_PROPERTY], "type": {**base[_PROPERTY]["type"], **types}}
        return {**base, _PROPERTY: told, "allOf": [*base["allOf"], *more]}

    def _shared(self) -> Any:
        shared = schema_file("shared")
        address = shared["$defs"]["address"]
        key = shared["$defs"]["key"]["pattern"].strip("^$")
        inside = [rf"{kind.owner}\.{key}\.{kind.part}" for kind in self._kinds if kind.owner]
        whole = rf"({'|'.join(self.sections)})\.{key}"
        pattern = f"^({'|'.join([whole, *inside])})$"
        return {**shared, "$defs": {**shared["$defs"], "address": {**address, "pattern": pattern}}}

    def _stack(self) -> Any:
        base = schema_file("base")
        healed = [kind.name for kind in self._kinds if not kind.owner and kind.is_healable]
        properties: dict[str, Any] = {}
        for key, part in base[_PROPERTY].items():
            if key == "watch":
                heal = {**part[_PROPERTY]["heal"], "items": {"enum": healed}}
                properties[key] = {**part, _PROPERTY: {**part[_PROPERTY], "heal": heal}}
            else:
                properties[key] = part
            if key == "providers":
                properties.update((kind.name, _section(kind)) for kind in self._kinds if not kind.owner)
        return {**base, _PROPERTY: properties}

    def _expanded(self, name: str) -> Any:
        """A schema with every `$ref` replaced by what it means: nothing is looked up while validating."""
        return self._expand(self.files[name], name)

    def _expand(self, schema: Any, home: str) -> Any:
        """The same for a part of it; `home` is the name of the schema that it stands in."""
        if isinstance(schema, list):
            return [self._expand(item, home) for item in schema]
        if not isinstance(schema, dict):
            return schema
        kept = {
            key: item if key in ("examples", "enum", "const") else self._expand(item, home)
            for key, item in schema.items()
            if key not in ("$ref", "$defs", "$schema")
        }
        if "$ref" not in schema:
            return kept
        file, _, pointer = schema["$ref"].partition("#")
        home = file.removesuffix(".schema.json") or home
        target = self.files[home]
        for step in pointer.split("/")[1:]:
            target = target[step]
        return {**self._expand(target, home), **kept}

    def _whole(self, name: str) -> Any:
        if name != "import":
            return self.expanded(name)
        # providers, vars and resources only, and no name of its own needed
        stack, allowed = self.expanded("stack"), {*_SHARED, *self.sections}
        properties = {key: schema for key, schema in stack[_PROPERTY].items() if key in allowed}
        return {**stack, _PROPERTY: properties, "required": []}

    def _validator(self, name: str) -> Draft202012Validator:
        """For a stack's file, a file that it imports, a provider, or an object of a kind."""
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self._whole(name))

    def _acceptor(self, name: str) -> Check:
        """Whether a value fits the schema of that name; where it says no, the validator says why."""
        try:
            return compiled(self._whole(name))
        except UnknownKeywordError:
            return self.validator(name).is_valid

    def lacking(self, kind: str, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        """Dotted paths of what an object of a kind must say, and doesn't."""
        if self.acceptor(kind)(attributes):
            return ()
        found = {
            ".".join(map(str, (*error.absolute_path, key)))
            for error in self.validator(kind).iter_errors(attributes)
            if error.validator == "required" and isinstance(error.instance, Mapping)
            for key in error.validator_value
            if key not in error.instance
        }
        return tuple(sorted(found))

    def _parts(self, kind: str) -> Mapping[str, Kind[Any]]:
        """The kinds that live inside objects of a kind, by the attribute that describes them."""
        return {part.part: part for part in self._kinds if part.owner == kind}

    def _computed(self, kind: str) -> tuple[str, ...]:
        """What an object of a kind has once it is live, with the credentials in its parts; sorted."""
        own = frozenset().union(*(one.fields.computed for one in self._kinds if one.name == kind))
        parts = {name for name, part in self.parts(kind).items() if part.fields.issues}
        return tuple(sorted(own | parts))

    def attributes(self, kind: str) -> tuple[str, ...]:
        """The attributes that a kind knows, `provider` and `lifecycle` not among them."""
        return tuple(key for key in self.expanded(kind)[_PROPERTY] if key not in _ABOUT)

    def _is_secret(self, name: str, path: _Path) -> bool:
        """Whether the field at a path is secret: marked `writeOnly`, or by its name where keys are free."""
        for depth in range(1, len(path)):
            if self._says("x-secret-by-name", name, path[:depth]):
                return any(sounds_secret(str(step)) for step in path[depth:])
        return any(
            len(marked) == len(path) and all(_fits(step, key) for step, key in zip(marked, path, strict=True))
            for marked in self.secret_paths(name)
        )

    def _names_things(self, name: str, path: _Path) -> bool:
        """Whether the schema of a kind says that the keys of the mapping at a path name remote things."""
        return self._says("x-names-things", name, path)

    def _takes_secrets(self, name: str, path: _Path) -> bool:
        """Whether a secret may stand at a path as well as anything else: it is sealed there."""
        return bool(path) and self._says("x-takes-secrets", name, path[:-1])

    def _says(self, mark: str, name: str, path: _Path) -> bool:
        below = self.expanded(name)
        for step in path:
            below = below.get(_PROPERTY, {}).get(step, {}) if isinstance(below, dict) else {}
        return bool(isinstance(below, dict) and below.get(mark))

    def _secret_paths(self, name: str) -> frozenset[tuple[_Step, ...]]:
        return frozenset(_marked(self.expanded(name), ()))

    @property
    def text(self) -> str:
        """One self-contained JSON Schema of a spec: the stack's with all others under `$defs`."""
        others = {name: _local(self.files[name], name) for name in sorted(self.files) if name != "stack"}
        bundle = {**_local(self.files["stack"], ""), "$defs": others}
        return json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"


def _section(kind: Kind[Any]) -> Any:
    """The section of a spec that holds the objects of a kind, by key."""
    return {
        "description": kind.document.get("x-section", kind.document.get("title", kind.noun)),
        "type": "object",
        "propertyNames": {"$ref": "shared.schema.json#/$defs/key"},
        "additionalProperties": {"$ref": f"{kind.name}.schema.json"},
    }


def _marked(schema: Any, path: tuple[_Step, ...]) -> Iterator[tuple[_Step, ...]]:
    """The paths of all fields marked `writeOnly`, whatever condition they stand under."""
    if not isinstance(schema, dict):
        return
    if schema.get("writeOnly"):
        yield path
    for key, below in schema.get(_PROPERTY, {}).items():
        yield from _marked(below, (*path, key))
    for form, below in schema.get(_NAMED, {}).items():
        yield from _marked(below, (*path, re.compile(form)))
    for branch in (*schema.get("allOf", ()), schema.get("then"), schema.get("else")):
        yield from _marked(branch, path)


def _fits(step: _Step, key: Union[str, int]) -> bool:
    return step == key if isinstance(step, str) else bool(step.search(str(key)))


def _local(schema: Any, home: str) -> Any:
    """A schema whose references point into the bundle; `home` is the name of the file that it stands in."""
    if isinstance(schema, list):
        return [_local(item, home) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {
        key: item if key == "examples" else _local(item, home)
        for key, item in schema.items()
        if key != "$schema" or not home
    }
    if isinstance(schema.get("$ref"), str):
        moved["$ref"] = _inside(schema["$ref"], home)
    return moved


def _inside(reference: str, home: str) -> str:
    file, _, pointer = reference.partition("#")
    name = file.removesuffix(".schema.json") or home
    return f"#/$defs/{name}{pointer}"
