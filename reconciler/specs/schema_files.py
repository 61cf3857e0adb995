"""The JSON Schemas of a spec as they are written, put together from that of each kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.kinds import Kind, schema_file

Kinds = tuple[Kind[Any], ...]
Files = Mapping[str, Any]
_PROPERTY = "properties"


def schema_files(kinds: Kinds) -> Files:
    """Every schema by its name; that of the stack and the addresses name the kinds."""
    fixed = {name: schema_file(name) for name in ("inputs", "policy")}
    own = {kind.name: kind.document for kind in kinds if not kind.owner}
    made = {"shared": _shared(kinds), "stack": _stack(kinds), "providers": _providers(kinds)}
    return {**made, **fixed, **own}


def expanded(files: Files, name: str) -> Any:
    """A schema with every `$ref` replaced by what it means: nothing is looked up while validating."""
    return _expand(files, files[name], name)


def bundled(files: Files) -> str:
    """The stack's schema with all others under `$defs`, as text."""
    others = {name: _local(files[name], name) for name in sorted(files) if name != "stack"}
    bundle = {**_local(files["stack"], ""), "$defs": others}
    return json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"


def _providers(kinds: Kinds) -> Any:
    """The schema of a provider, with the types that packages bring."""
    base = schema_file("providers")
    own = {k.provider_type: k.provider_schema for k in kinds if k.provider_schema is not None}
    if not own:
        return base
    types = {"enum": [*base[_PROPERTY]["type"]["enum"], *sorted(own)]}
    more = [
        {
            "if": {_PROPERTY: {"type": {"const": name}}, "required": ["type"]},
            "then": {**schema, _PROPERTY: {"type": True, **schema.get(_PROPERTY, {})}},
        }
        for name, schema in sorted(own.items())
    ]
    told = {**base[_PROPERTY], "type": {**base[_PROPERTY]["type"], **types}}
    return {**base, _PROPERTY: told, "allOf": [*base["allOf"], *more]}


def _shared(kinds: Kinds) -> Any:
    shared = schema_file("shared")
    address = shared["$defs"]["address"]
    key = shared["$defs"]["key"]["pattern"].strip("^$")
    inside = [rf"{kind.owner}\.{key}\.{kind.part}" for kind in kinds if kind.owner]
    sections = "|".join(kind.name for kind in kinds if not kind.owner)
    whole = rf"({sections})\.{key}"
    pattern = f"^({'|'.join([whole, *inside])})$"
    return {**shared, "$defs": {**shared["$defs"], "address": {**address, "pattern": pattern}}}


def _stack(kinds: Kinds) -> Any:
    base = schema_file("base")
    healed = [kind.name for kind in kinds if not kind.owner and kind.is_healable]
    properties: dict[str, Any] = {}
    for key, part in base[_PROPERTY].items():
        if key == "watch":
            heal = {**part[_PROPERTY]["heal"], "items": {"enum": healed}}
            properties[key] = {**part, _PROPERTY: {**part[_PROPERTY], "heal": heal}}
        else:
            properties[key] = part
        if key == "providers":
            properties.update((kind.name, _section(kind)) for kind in kinds if not kind.owner)
    return {**base, _PROPERTY: properties}


def _section(kind: Kind[Any]) -> Any:
    """The section of a spec that holds the objects of a kind, by key."""
    return {
        "description": kind.document.get("x-section", kind.document.get("title", kind.noun)),
        "type": "object",
        "propertyNames": {"$ref": "shared.schema.json#/$defs/key"},
        "additionalProperties": {"$ref": f"{kind.name}.schema.json"},
    }


def _expand(files: Files, schema: Any, home: str) -> Any:
    """The same for a part of a schema; `home` is the name of the schema that it stands in."""
    if isinstance(schema, list):
        return [_expand(files, item, home) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: item if key in ("examples", "enum", "const") else _expand(files, item, home)
        for key, item in schema.items()
        if key not in ("$ref", "$defs", "$schema")
    }
    if "$ref" not in schema:
        return kept
    file, _, pointer = schema["$ref"].partition("#")
    home = file.removesuffix(".schema.json") or home
    target = files[home]
    for step in pointer.split("/")[1:]:
        target = target[step]
    return {**_expand(files, target, home), **kept}


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
