"""Kinds and their attributes as the schema describes them: type, default, meaning, an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler.providers import KINDS
from reconciler.specs import schemas_of

_DEFAULT = re.compile(r"[Dd]efault:? (?:is )?([^.;)]+)")


@dataclass(frozen=True)
class Attribute:
    """One key of a spec.

    Attributes:
        path: from the kind down, with dots; `*` for a key of the user's choice, `[]` for the items of a list.
        default: in words; "" where there is none.
        example: as one would write it in YAML; "" where there is none.
    """

    path: str
    type: str
    is_required: bool
    means: str
    default: str = ""
    example: str = ""


@cache
def kinds() -> Mapping[str, str]:
    """Everything that stands at the top of a spec, with what it is."""
    found = schemas_of(KINDS).expanded("stack")["properties"]
    return {name: str(part.get("description", "")) for name, part in found.items()}


@cache
def attributes(kind: str) -> tuple[Attribute, ...]:
    """The attributes of a kind, in the order of the schema.

    Raises:
        KeyError: there is no such kind.
    """
    part = schemas_of(KINDS).expanded("stack")["properties"][kind]
    objects = part.get("additionalProperties")
    if isinstance(objects, dict):
        found = _walk(objects, kind, objects.get("examples", ()), kind)
    else:
        found = _walk(part, kind, _stack_examples(kind), kind)
    unique: dict[str, Attribute] = {}
    for row in found:
        unique.setdefault(row.path, row)
    return tuple(unique.values())


def attribute(path: str) -> Attribute | None:
    """The attribute with this path, if there is one."""
    kind = path.partition(".")[0]
    rows = attributes(kind) if kind in kinds() else ()
    return next((row for row in rows if row.path == path), None)


def _stack_examples(key: str) -> list[Any]:
    return [given[key] for given in schemas_of(KINDS).expanded("stack").get("examples", ()) if key in given]


def _walk(part: Any, path: str, examples: Any, kind: str) -> Iterator[Attribute]:
    for way in _ways(part):
        required = set(way.get("required", ()))
        for name, inner in way.get("properties", {}).items():
            if not isinstance(inner, dict) or (set(inner) == {"const"} and way is not part):
                continue
            given = [item[name] for item in examples if isinstance(item, dict) and name in item]
            given += inner.get("examples", [])
            here = f"{path}.{name}"
            if inner.get("description") or given or path == kind:
                yield _attribute(here, inner, given, is_required=name in required)
            yield from _walk(inner, here, given, kind)
        items = way.get("items")
        if isinstance(items, dict):
            flat = [item for given in examples if isinstance(given, list) for item in given]
            yield from _walk(items, f"{path}[]", flat, kind)


def _ways(part: Any) -> Iterator[Any]:
    """The schema itself and whatever it may be besides."""
    if not isinstance(part, dict):
        return
    yield part
    for word in ("allOf", "anyOf", "oneOf"):
        for way in part.get(word, ()):
            yield from _ways(way.get("then", way) if isinstance(way, dict) else way)


def _attribute(path: str, part: Any, given: list[Any], *, is_required: bool) -> Attribute:
    means = str(part.get("description", ""))
    default = json.dumps(part["default"]) if "default" in part else ""
    said = _DEFAULT.search(means)
    return Attribute(
        path=path,
        type=_type(part),
        is_required=is_required,
        means=means,
        default=default or (said[1].strip() if said else ""),
        example=json.dumps(given[0], ensure_ascii=False) if given else "",
    )


def _type(part: Any) -> str:
    if "const" in part:
        return json.dumps(part["const"])
    if "enum" in part:
        return ", ".join(str(choice) for choice in part["enum"])
    if "x-form" in part:
        return str(part["x-form"])
    if "type" in part:
        named: list[str] = part["type"] if isinstance(part["type"], list) else [part["type"]]
        words = [{"object": "mapping", "array": "list", "string": "text"}.get(name, name) for name in named]
        is_reference = len(words) > 1 and str(part.get("pattern", "")).startswith(r"^\$\{")
        return " or ".join(word for word in words if not (is_reference and word == "text"))
    for word in ("anyOf", "oneOf"):
        if word in part:
            ways = [way for way in part[word] if isinstance(way, dict) and "pattern" not in way]
            return " or ".join(dict.fromkeys(_type(way) for way in ways))
    return "any"
