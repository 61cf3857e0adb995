"""What jsonschema finds, said the way a person would say it: one complaint per mistake, at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union

from jsonschema import ValidationError

from reconciler.errors import Location, Problem, Severity
from reconciler.specs.findings import listing, meant, suggestion
from reconciler.specs.nodes import Node, locate
from reconciler.specs.schema import KINDS

_Where = tuple[Union[str, int], ...]

_EXPECTED = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
FORMAT = 1


class Complaints:
    """Translates the errors of one tree.

    Args:
        root: the tree that was checked.
        at: where the root is to be blamed; by default where it starts.
        address: of the root, when it is one resource.
        prefix: path from a file's top to the root; tells resources from other sections.
        hide: show no values: they may come from the environment.
    """

    def __init__(
        self,
        root: Node,
        *,
        at: Location | None = None,
        prefix: _Where = (),
        hide: bool = False,
        allowed: str = "",
    ) -> None:
        self._root = root
        self._at = at
        self._prefix = prefix
        self._hide = hide
        self._allowed = allowed

    def of(self, errors: Iterable[ValidationError]) -> Iterator[Problem]:
        """The problems behind the errors, in no particular order."""
        found = list(errors)
        misspelt = {
            (tuple(error.absolute_path), meant(key, _known(error)))
            for error in found
            if error.validator == "additionalProperties"
            for key in _unknown(error)
        }
        for error in found:
            yield from self._one(error, misspelt)

    def _one(self, error: ValidationError, misspelt: set[tuple[_Where, str]]) -> Iterator[Problem]:
        path = tuple(error.absolute_path)
        if isinstance(error.schema, Mapping) and error.schema.get("writeOnly"):
            return  # literals in secret fields are found with the references, and never shown
        if error.validator == "additionalProperties":
            for key in _unknown(error):
                yield self._unknown_key(error, path, key)
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance and (path, key) not in misspelt:
                    yield self._problem("missing-key", path, f"{key} is missing", self._purpose(error, key))
        elif _is_key(error):
            yield self._bad_key(error, path)
        else:
            yield self._value(error, path)

    def _unknown_key(self, error: ValidationError, path: _Where, key: str) -> Problem:
        known = _known(error)
        hint = suggestion(
            key, known, self._allowed if self._allowed and not path else f"known here: {listing(known)}"
        )
        return self._problem("unknown-key", (*path, key), f"there is no key {_short(key)} here", hint)

    def _purpose(self, error: ValidationError, key: str) -> str:
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        below = schema.get("properties", {}).get(key)
        purpose = below.get("description", "") if isinstance(below, Mapping) else ""
        return f"add it: {purpose.rstrip('.')}" if purpose else "add it"

    def _bad_key(self, error: ValidationError, path: _Where) -> Problem:
        form = error.schema.get("x-form", "a key of another form")
        message = f"{_short(str(error.instance))} can't be a key here"
        return self._problem("key", (*path, str(error.instance)), message, f"it must be {form}")

    def _value(self, error: ValidationError, path: _Where) -> Problem:
        schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
        name = str(path[-1]) if path and isinstance(path[-1], str) else "the value"
        code, message, hint = self._words(error, schema)
        return self._problem(schema.get("x-code", code), path, f"{name} {message}", hint)

    def _words(self, error: ValidationError, schema: Mapping[str, Any]) -> tuple[str, str, str]:
        rule, limit = error.validator, error.validator_value
        if rule == "const":
            return self._version(error)
        if rule in ("enum", "anyOf"):
            choices = limit if rule == "enum" else limit[0]["enum"]
            otherwise = f"choose one of: {', '.join(map(str, choices))}"
            close = meant(str(error.instance), map(str, choices))
            return (
                "value",
                f"can't be {self._shown(error.instance)}",
                f"{otherwise}" + (f" (did you mean {close}?)" if close else ""),
            )
        if rule == "minItems":
            return "value", "is an empty list", "list at least one"
        if rule == "minLength":
            return "value", "is empty text", "fill it in"
        if rule in ("minimum", "maximum"):
            word = "at least" if rule == "minimum" else "at most"
            return (
                "value",
                f"must be {word} {limit}, found {self._shown(error.instance)}",
                "change the number",
            )
        if rule == "pattern" and "x-form" in schema and _texts_only(schema):
            return "value", f"can't be {self._shown(error.instance)}", f"it must be {schema['x-form']}"
        return self._type(error, schema)

    def _version(self, error: ValidationError) -> tuple[str, str, str]:
        if type(error.instance) is int and error.instance > FORMAT:
            message = f"{error.instance} is newer than this tool, which reads {FORMAT}"
            return "version", message, f"use a newer reconcile, or write `version: {FORMAT}`"
        return (
            "version",
            f"must be the number {FORMAT}, found {self._shown(error.instance)}",
            f"write `version: {FORMAT}`",
        )

    def _type(self, error: ValidationError, schema: Mapping[str, Any]) -> tuple[str, str, str]:
        types = schema.get("type", "string")
        types = [types] if isinstance(types, str) else types
        wanted = [
            _EXPECTED[each]
            for each in types
            if each != "string" or len(types) == 1 or not _by_reference(schema)
        ]
        expected = " or ".join(wanted)
        message = f"must be {expected}, found {self._shown(error.instance)}"
        return "type", message, _remedy(types, error.instance)

    def _shown(self, value: Any) -> str:
        for kind, words in (
            (bool, "true or false"),
            (int, "a number"),
            (float, "a number"),
            (str, "the text"),
        ):
            if isinstance(value, kind):
                if self._hide:
                    return "other text" if kind is str else words
                return str(value).lower() if kind is bool else f"{words} {_short(str(value))}"
        return "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"

    def _problem(self, code: str, path: _Where, message: str, hint: str) -> Problem:
        at = locate(self._root, path, self._at)
        whole = (*self._prefix, *path)
        return Problem(Severity.ERROR, code, message, address_of(whole), at, hint)


def address_of(path: _Where) -> str:
    """The address of what stands at a path of a file: `kind.key`, or `providers.NAME`; else ""."""
    if len(path) >= 2 and path[0] in (*KINDS, "providers"):
        return f"{path[0]}.{path[1]}"
    return ""


def _known(error: ValidationError) -> list[str]:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    return sorted(schema.get("properties", {}))


def _unknown(error: ValidationError) -> list[str]:
    return [key for key in error.instance if key not in _known(error)]


def _is_key(error: ValidationError) -> bool:
    """Whether the error is about a key itself, found by `propertyNames`."""
    return "propertyNames" in error.absolute_schema_path


def _by_reference(schema: Mapping[str, Any]) -> bool:
    """Whether text is only allowed there because it may be a reference."""
    return str(schema.get("pattern", "")).startswith("^\\$")


def _texts_only(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" or not _by_reference(schema)


def _remedy(types: list[str], value: Any) -> str:
    if "boolean" in types:
        return "write true or false without quotes"
    if types == ["string"] and isinstance(value, (int, float)):
        return "put it in quotes"
    if "array" in types:
        return "write a list: - one item per line"
    if "object" in types:
        return "write `key: value` lines below it"
    return "write a number without quotes" if "integer" in types else "write text"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
