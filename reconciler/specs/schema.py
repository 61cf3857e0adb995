"""The JSON Schema of a spec: found beside the package, compiled once, and asked which fields are secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Union

from reconciler.secrets import sounds_secret
from reconciler.specs.accepting import Check, UnknownKeywordError, compiled

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

KINDS: Final = ("oauth_apps", "service_principals", "connect_integrations", "handoffs")
SHARED_SECTIONS: Final = ("version", "stack", "imports", "vars", "providers", *KINDS)

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
    return _expand(files()[name], name)


def _expand(schema: Any, home: str) -> Any:
    """The same for a part of it; `home` is the name of the file that it stands in."""
    if isinstance(schema, list):
        return [_expand(item, home) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: item if key in ("examples", "enum", "const") else _expand(item, home)
        for key, item in schema.items()
        if key not in ("$ref", "$defs", "$schema")
    }
    if "$ref" not in schema:
        return kept
    file, _, pointer = schema["$ref"].partition("#")
    home = file.removesuffix(".schema.json") or home
    target = files()[home]
    for step in pointer.split("/")[1:]:
        target = target[step]
    return {**_expand(target, home), **kept}


@cache
def _whole(name: str) -> Any:
    if name != "import":
        return expanded(name)
    # providers, vars and resources only, and no name of its own needed
    stack = expanded("stack")
    properties = {key: schema for key, schema in stack[_PROPERTY].items() if key in SHARED_SECTIONS}
    return {**stack, _PROPERTY: properties, "required": []}


@cache
def validator(name: str) -> Draft202012Validator:
    """For a stack's file (`stack`), a file that it imports (`import`), a provider, or an object of a kind."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_whole(name))


@cache
def acceptor(name: str) -> Check:
    """Whether a value fits the schema of that name; where it says no, the validator says why."""
    try:
        return compiled(_whole(name))
    except UnknownKeywordError:
        return validator(name).is_valid


def attributes(kind: str) -> tuple[str, ...]:
    """The attributes that a kind knows, `provider` and `lifecycle` not among them."""
    return tuple(key for key in expanded(kind)[_PROPERTY] if key not in ("provider", "lifecycle"))


@cache
def templates() -> tuple[str, ...]:
    """The templates of Connect whose keys are checked."""
    choices: list[str] = expanded("connect_integrations")[_PROPERTY]["template"]["anyOf"][0]["enum"]
    return tuple(choices)


@lru_cache(4096)
def is_secret(name: str, path: tuple[Union[str, int], ...]) -> bool:
    """Whether the field at a path is secret: `writeOnly` in the schema, or by its name in a free config."""
    if name == "connect_integrations" and path[:1] == ("config",):
        return any(sounds_secret(str(step)) for step in path[1:])
    return any(
        len(marked) == len(path) and all(_fits(step, key) for step, key in zip(marked, path, strict=True))
        for marked in _secret_paths(name)
    )


@lru_cache(4096)
def names_things(name: str, path: tuple[Union[str, int], ...]) -> bool:
    """Whether the schema of a kind says that the keys of the mapping at a path name remote things."""
    below = expanded(name)
    for step in path:
        below = below.get(_PROPERTY, {}).get(step, {}) if isinstance(below, dict) else {}
    return bool(isinstance(below, dict) and below.get("x-names-things"))


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
