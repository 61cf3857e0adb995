"""The JSON Schema of a spec: found beside the package, compiled once, and asked which fields are secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Union

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from reconciler.specs.nodes import Path as Steps

KINDS: Final = ("oauth_apps", "service_principals", "connect_integrations")
SHARED_SECTIONS: Final = ("version", "stack", "imports", "vars", "providers", *KINDS)

_BASE = "https://reconcile.invalid/schema/"
_PROPERTY, _NAMED = "properties", "patternProperties"

# one step of a path to a secret field: a key, or the form of a key
_Step = Union[str, "re.Pattern[str]"]


@cache
def folder() -> Path:
    """Where the schema files are: in the package of a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "schema"
    return inside if inside.is_dir() else package.parent / "schema"


@cache
def files() -> Mapping[str, Any]:
    """Every schema file, by its name without `.schema.json`."""
    found = sorted(folder().glob("*.schema.json"))
    return {path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8")) for path in found}


@cache
def expanded(name: str) -> Any:
    """A schema file with every `$ref` replaced by what it means: nothing is looked up while validating."""
    resources = [
        (f"{_BASE}{file}.schema.json", Resource.from_contents(schema)) for file, schema in files().items()
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    resolver = registry.resolver(f"{_BASE}{name}.schema.json")
    return _expand(files()[name], resolver)


def _expand(schema: Any, resolver: Any) -> Any:
    if isinstance(schema, list):
        return [_expand(item, resolver) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: item if key in ("examples", "enum", "const") else _expand(item, resolver)
        for key, item in schema.items()
        if key not in ("$ref", "$defs", "$schema")
    }
    if "$ref" not in schema:
        return kept
    target = resolver.lookup(schema["$ref"])
    return {**_expand(target.contents, target.resolver), **kept}


@cache
def stack_validator() -> Draft202012Validator:
    """For a stack's own file."""
    return Draft202012Validator(expanded("stack"))


@cache
def import_validator() -> Draft202012Validator:
    """For a file that a stack imports: providers, vars and resources only, and no name of its own needed."""
    stack = expanded("stack")
    properties = {key: schema for key, schema in stack[_PROPERTY].items() if key in SHARED_SECTIONS}
    return Draft202012Validator({**stack, _PROPERTY: properties, "required": []})


@cache
def validator(name: str) -> Draft202012Validator:
    """For one object of a kind, or one provider (`providers`)."""
    return Draft202012Validator(expanded(name))


def attributes(kind: str) -> tuple[str, ...]:
    """The attributes that a kind knows, `provider` and `lifecycle` not among them."""
    return tuple(key for key in expanded(kind)[_PROPERTY] if key not in ("provider", "lifecycle"))


def templates() -> tuple[str, ...]:
    """The templates of Connect whose keys are checked."""
    choices: list[str] = expanded("connect_integrations")[_PROPERTY]["template"]["anyOf"][0]["enum"]
    return tuple(choices)


def is_secret(name: str, path: Steps) -> bool:
    """Whether the schema of a kind (or of `providers`) marks the field at a path as `writeOnly`."""
    return any(
        len(marked) == len(path) and all(_fits(step, key) for step, key in zip(marked, path, strict=True))
        for marked in _secret_paths(name)
    )


@cache
def _secret_paths(name: str) -> frozenset[tuple[_Step, ...]]:
    return frozenset(_marked(expanded(name), ()))


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


def schema_text() -> str:
    """One self-contained JSON Schema of a spec, as text: the stack's file with all others under `$defs`."""
    others = {name: _local(schema, name) for name, schema in files().items() if name != "stack"}
    bundle = {**_local(files()["stack"], ""), "$defs": others}
    return json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"


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
