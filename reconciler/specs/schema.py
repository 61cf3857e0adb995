"""The JSON Schema of a spec of some kinds: compiled once, and asked what a field is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Union

from reconciler.kinds import Kind, Registry
from reconciler.secrets import sounds_secret
from reconciler.specs.schema_compiler import Check, UnknownKeywordError, compiled
from reconciler.specs.schema_files import bundled, expanded, schema_files

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
        self.expanded = cache(lambda name: expanded(self.files, name))
        self.validator = cache(self._validator)
        self.acceptor = cache(self._acceptor)
        self.secret_paths = cache(self._secret_paths)
        self.parts = cache(self._parts)
        self.computed = cache(self._computed)
        self.plain_attributes = cache(self._plain_attributes)
        self.is_secret = lru_cache(4096)(self._is_secret)
        self.names_things = lru_cache(4096)(self._names_things)
        self.takes_secrets = lru_cache(4096)(self._takes_secrets)

    @cached_property
    def files(self) -> Mapping[str, Any]:
        """Every schema as it is written; that of the stack and the addresses name the kinds."""
        return schema_files(self._kinds)

    @cached_property
    def provider_types(self) -> frozenset[str]:
        """Types of providers that packages bring."""
        return frozenset(kind.provider_type for kind in self._kinds if kind.provider_schema is not None)

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

    def _plain_attributes(self, kind: str) -> frozenset[str]:
        """The attributes of a kind that hold no secret at any depth, and no keys that name remote things."""
        marked = self.secret_paths(kind)
        return frozenset(
            key
            for key, schema in self.expanded(kind)[_PROPERTY].items()
            if not any(_fits(path[0], key) for path in marked if path) and not _names_anything(schema)
        )

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
        return bundled(self.files)


def _names_anything(schema: Any) -> bool:
    """Whether the names of keys say what they hold, anywhere in a schema."""
    below = schema.get(_PROPERTY, {}).values() if isinstance(schema, dict) else ()
    marks = ("x-secret-by-name", "x-names-things")
    return isinstance(schema, dict) and (any(map(schema.get, marks)) or any(map(_names_anything, below)))


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
