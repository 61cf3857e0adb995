"""What jsonschema finds, said the way a person would say it: one complaint per mistake, at its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Union

from reconciler.errors import Location, Problem, Severity
from reconciler.model import Lifecycle
from reconciler.packages import installed
from reconciler.specs import durations
from reconciler.specs.problems import listing, meant, short, suggestion
from reconciler.specs.yaml_nodes import Node, child, ignored_in, locate

if TYPE_CHECKING:
    from jsonschema import ValidationError

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
# mistakes of the file, whatever is live
_STRUCTURE = frozenset({"unknown-key", "key", "type", "version"})


class SchemaErrors:
    """Translates the errors of one tree.

    Attributes:
        waived: problems with fields that their resource's `lifecycle.ignore` names, filled by `of`.

    Args:
        root: the tree that was checked.
        sections: names of the kinds: what stands there has an address.
        at: where the root is to be blamed; by default where it starts.
        address: of the root, when it is one resource.
        prefix: path from a file's top to the root; tells resources from other sections.
        hide: show no values: they may come from the environment.
    """

    def __init__(
        self,
        root: Node,
        *,
        sections: Collection[str],
        at: Location | None = None,
        prefix: _Where = (),
        hide: bool = False,
        allowed: str = "",
    ) -> None:
        self.waived: list[Problem] = []
        self._root = root
        self._sections = sections
        self._at = at
        self._prefix = prefix
        self._hide = hide
        self._allowed = allowed

    def of(self, errors: Iterable[ValidationError]) -> Iterator[Problem]:
        """The problems behind the errors, in the order of what they are about: it may share a place."""
        # the validator goes through free keys as a set
        found = [each for error in sorted(errors, key=self._key) for each in _inside(error) or [error]]
        misspelt = {
            (tuple(error.absolute_path), meant(key, _known(error)))
            for error in found
            if error.validator == "additionalProperties"
            for key in _unknown(error)
        }
        for error in found:
            for path, problem in self._one(error, misspelt):
                if problem.code not in _STRUCTURE and self._is_ignored(path):
                    self.waived.append(problem)
                else:
                    yield problem

    def _key(self, error: ValidationError) -> tuple[int, int]:
        """Where the key stands of the resource, or of another named thing, that is wrong."""
        at = locate(self._root, tuple(error.absolute_path)[:2])
        return at.line, at.column

    def _is_ignored(self, path: _Where) -> bool:
        whole = (*self._prefix, *path)
        steps = whole[len(self._prefix) : 2]
        node: Node | None = self._root
        for step in steps:
            node = child(node, step) if node is not None else None
        ignored = ignored_in(node) if whole[:1] and whole[0] in self._sections else frozenset[str]()
        return Lifecycle(ignore=ignored).ignores(".".join(map(str, whole[2:])))

    def _one(
        self, error: ValidationError, misspelt: set[tuple[_Where, str]]
    ) -> Iterator[tuple[_Where, Problem]]:
        """Each problem, with the path of the field that it is about."""
        path = tuple(error.absolute_path)
        if _schema(error).get("writeOnly"):
            return  # literals in secret fields are found with the references, and never shown
        if error.validator == "additionalProperties":
            for key in _unknown(error):
                yield (*path, key), self._unknown_key(error, path, key)
        elif error.validator == "required":
            for key in _limit(error):
                if key not in _found(error) and (path, key) not in misspelt:
                    missing = self._problem("missing-key", path, f"{key} is missing", _purpose(error, key))
                    yield (*path, key), missing
        elif _is_key(error):
            yield path, self._bad_key(error, path)
        else:
            yield path, self._value(error, path)

    def _unknown_key(self, error: ValidationError, path: _Where, key: str) -> Problem:
        known = _known(error)
        otherwise = self._allowed if self._allowed and not path else f"known here: {listing(known)}"
        message = f"there is no key {short(key)} here"
        if not path and not self._prefix and key in installed():
            otherwise = f"a package brings that kind: add kinds: [{key}]"
        return self._problem("unknown-key", (*path, key), message, suggestion(key, known, otherwise))

    def _bad_key(self, error: ValidationError, path: _Where) -> Problem:
        message = f"{short(str(_found(error)))} can't be a key here"
        hint = f"it must be {_schema(error).get('x-form', 'of another form')}"
        return self._problem("key", (*path, str(_found(error))), message, hint)

    def _value(self, error: ValidationError, path: _Where) -> Problem:
        name = next((step for step in reversed(path) if isinstance(step, str)), "the file")
        subject = f"an item of {name}" if path and isinstance(path[-1], int) else name
        code, message, hint = self._words(error)
        code = _schema(error).get("x-code", code) if code == "value" else code
        if _schema(error).get("x-duration"):
            message = message.replace("must be text", "must be a duration")
            meaning = "" if self._hide else durations.advice(_found(error))
            hint = f"{meaning or 'write a duration'}: a number with s, m, h or d, such as 90d"
        return self._problem(code, path, f"{subject} {message}", hint)

    def _words(self, error: ValidationError) -> tuple[str, str, str]:
        """Code, message and hint for a value that isn't what it should be."""
        rule, limit, found = error.validator, _limit(error), self._shown(_found(error))
        if rule == "const":
            return self._version(error)
        if rule in ("enum", "anyOf"):
            return "value", f"can't be {found}", self._choices(_choices(error), error)
        if rule in ("minItems", "minLength"):
            return "value", f"is {'an empty list' if rule == 'minItems' else 'empty text'}", "fill it in"
        if rule in ("minimum", "maximum"):
            word = "at least" if rule == "minimum" else "at most"
            return "value", f"must be {word} {limit}, found {found}", "change the number"
        if rule == "pattern" and "x-form" in _schema(error) and not _by_reference(_schema(error)):
            return "value", f"can't be {found}", f"it must be {_schema(error)['x-form']}"
        return self._type(error)

    def _choices(self, choices: Iterable[str], error: ValidationError) -> str:
        close = "" if self._hide else meant(str(_found(error)), choices)
        return f"choose one of: {', '.join(choices)}" + (f" (did you mean {close}?)" if close else "")

    def _version(self, error: ValidationError) -> tuple[str, str, str]:
        if type(error.instance) is int and error.instance > FORMAT:
            message = f"{error.instance} is newer than this tool, which reads {FORMAT}"
            return "version", message, f"use a newer reconcile, or write `version: {FORMAT}`"
        return (
            "version",
            f"must be the number {FORMAT}, found {self._shown(_found(error))}",
            f"write `version: {FORMAT}`",
        )

    def _type(self, error: ValidationError) -> tuple[str, str, str]:
        schema = _schema(error)
        types = schema.get("type", "string")
        types = [types] if isinstance(types, str) else list(types)
        if len(types) > 1 and _by_reference(schema):
            types.remove("string")  # text is only allowed there because it may be a reference
        expected = " or ".join(_EXPECTED[each] for each in types)
        return (
            "type",
            f"must be {expected}, found {self._shown(_found(error))}",
            _remedy(types, _found(error)),
        )

    def _shown(self, value: Any) -> str:
        """A value in words, or only what sort of value it is."""
        if value is None or isinstance(value, (list, dict)):
            return "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"
        if isinstance(value, bool):
            return "true or false" if self._hide else str(value).lower()
        if isinstance(value, str):
            return "other text" if self._hide else f"the text {short(value)!r}"
        return "another number" if self._hide else f"the number {value}"

    def _problem(self, code: str, path: _Where, message: str, hint: str) -> Problem:
        at = locate(self._root, path, self._at)
        whole = (*self._prefix, *path)
        return Problem(Severity.ERROR, code, message, self._address_of(whole), at, hint)

    def _address_of(self, path: _Where) -> str:
        """The address of what stands at a path of a file: `kind.key`, or `providers.NAME`; else ""."""
        is_named = len(path) >= 2 and (path[0] == "providers" or path[0] in self._sections)
        return f"{path[0]}.{path[1]}" if is_named else ""


def _schema(error: ValidationError) -> Mapping[str, Any]:
    """The part of the schema that complains."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _limit(error: ValidationError) -> Any:
    """What the rule that complains says."""
    return error.validator_value


def _found(error: ValidationError) -> Any:
    """What the rule looked at."""
    return error.instance


def _known(error: ValidationError) -> list[str]:
    return sorted(_schema(error).get("properties", {}))


def _unknown(error: ValidationError) -> list[str]:
    known = _known(error)
    forms = _schema(error).get("patternProperties", {})
    return [key for key in _found(error) if key not in known and not any(re.search(f, key) for f in forms)]


def _choices(error: ValidationError) -> list[str]:
    """The words that are allowed, whichever of several forms has them."""
    forms = _limit(error) if error.validator == "anyOf" else [_schema(error)]
    return [word for form in forms for word in form.get("enum", ())]


def _inside(error: ValidationError) -> list[ValidationError]:
    """What is wrong inside a mapping that may be one, among several forms of a value."""
    if error.validator != "anyOf" or not isinstance(_found(error), dict):
        return []
    mapping = [number for number, form in enumerate(_limit(error)) if form.get("type") == "object"]
    return [each for each in error.context or () if each.relative_schema_path[0] in mapping]


def _purpose(error: ValidationError, key: str) -> str:
    """What a missing key is for, from the schema's own description."""
    below = _schema(error).get("properties", {}).get(key)
    below = below if isinstance(below, Mapping) else {}
    if "const" in below:  # there is but one way to say it
        return f"add the line {key}: {below['const']}"
    purpose = below.get("description", "")
    return f"add it: {purpose.rstrip('.')}" if purpose else "add it"


def _is_key(error: ValidationError) -> bool:
    """Whether the error is about a key itself, found by `propertyNames`."""
    return "propertyNames" in error.absolute_schema_path


def _by_reference(schema: Mapping[str, Any]) -> bool:
    """Whether all text that it allows is a reference."""
    return str(schema.get("pattern", "")).startswith("^\\$")


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
