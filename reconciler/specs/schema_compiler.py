"""Whether a value fits a schema: a quick yes or no, compiled once; what is wrong is for jsonschema to say.

Nearly every value that is ever checked is right, and finding that out this way takes a tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int, float),
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
    checks_of = {one: [*always, *by_type.get(one, ())] for one in _types(schema, by_type)}
    # None: no value of such a type fits
    otherwise = None if "type" in schema else always

    def fits(value: Any) -> bool:
        checks = checks_of.get(type(value), otherwise)
        if checks is None:
            return False
        for check in checks:  # noqa: SIM110 - a loop is faster than all()
            if not check(value):
                return False
        return True

    return fits


def _types(schema: Mapping[str, Any], otherwise: Iterable[type]) -> Iterable[type]:
    """The types of values that a schema lets pass."""
    wanted = schema.get("type")
    if wanted is None:
        return otherwise
    return {one for name in ([wanted] if isinstance(wanted, str) else wanted) for one in _TYPES[name]}


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
    chosen: dict[str, dict[str, list[Check]]] = {}
    checks: list[Check] = []
    for schema in schemas:
        if branch := _branch(schema):
            key, word, then = branch
            chosen.setdefault(key, {}).setdefault(word, []).append(compiled(then))
        else:
            checks.append(compiled(schema))
    checks.extend(_choosing(key, by_word) for key, by_word in chosen.items())
    return _each(checks)


def _each(checks: list[Check]) -> Check:
    def fits(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a loop is faster than all()
            if not check(value):
                return False
        return True

    return fits


def _branch(schema: Any) -> tuple[str, str, Any] | None:
    """Key, word and what then holds, of a schema that says nothing but what holds if a key has that word."""
    match schema:
        case {"if": {"properties": dict(properties), "required": [key]}, "then": then}:
            asked = properties.get(key)
            word = asked.get("const") if isinstance(asked, dict) else None
            condition = {"properties": {key: {"const": word}}, "required": [key]}
            if type(word) is str and schema == {"if": condition, "then": then}:
                return key, word, then
    return None


def _choosing(key: str, by_word: Mapping[str, list[Check]]) -> Check:
    """Branches by the word that each wants of one key: one is looked up, not each tried."""
    chosen = {word: _each(checks) for word, checks in by_word.items()}
    every = _each(list(chosen.values()))

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return every(value)  # a condition about keys is met by what has none
        word = value.get(key)
        return type(word) is not str or word not in chosen or chosen[word](value)

    return fits


def _any_of(schemas: list[Any]) -> Check:
    checks = [compiled(schema) for schema in schemas]

    def fits(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a loop is faster than any()
            if check(value):
                return True
        return False

    return fits


def _branching(schema: Mapping[str, Any]) -> Check:
    condition = compiled(schema["if"])
    then, otherwise = compiled(schema.get("then", True)), compiled(schema.get("else", True))
    return lambda value: then(value) if condition(value) else otherwise(value)


_GENERAL: Final[Mapping[str, Callable[[Any], Check]]] = {
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "allOf": _all_of,
    "anyOf": _any_of,
}

# --- keywords for one type of value ----------------------------------------------------------------------


def _whole(wanted: str | list[str]) -> Check:
    """Of a fraction: it passes for a whole number only as one, such as 1.0."""
    return float.is_integer if "number" not in wanted else lambda value: True


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
    beyond = schema.get("additionalProperties", True)
    other = compiled(beyond)

    def fits_known(value: Any) -> bool:
        return all(check(value[name]) for name, check in known.items() if name in value)

    def fits(value: Any) -> bool:
        for name, item in value.items():
            checks = [known[name]] if name in known else []
            checks += [check for form, check in forms if form.search(name)]
            for check in checks or (other,):
                if not check(item):
                    return False
        return True

    return fits_known if beyond is True and not forms else fits


def _shortest(limit: int) -> Check:
    return lambda value: len(value) >= limit


def _longest(limit: int) -> Check:
    return lambda value: len(value) <= limit


_NUMBERS: Final = (int, float)
_TYPED: Final[Mapping[str, tuple[tuple[type, ...], Callable[[Any], Check]]]] = {
    "type": ((float,), _whole),
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
