"""How the ledger's values look in JSON: one table per value, read and written by the same rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import Enum
from typing import Any, Generic, TypeVar, Union

from reconciler.model import (
    Address,
    Adopt,
    Credential,
    CredentialState,
    Deleted,
    Delivery,
    Entry,
    Intent,
    Lifecycle,
    Marked,
    OnDestroy,
    Origin,
    ReplaceOrder,
    Runner,
    Superseded,
    Tombstone,
)
from reconciler.secrets import without_secrets


class DamageError(Exception):
    """Something in the file isn't what it must be; the text names its place. Stays inside this room."""


# a name, or the place of what holds it and the key or number there: put into words only if something is wrong
Place = Union[str, tuple["Place", Union[str, int]]]


def _told(place: Place) -> str:
    if isinstance(place, str):
        return place
    holder, step = place
    return f"{_told(holder)}[{step}]" if isinstance(step, int) else f"{_told(holder)}.{step}"


@dataclass(frozen=True)
class Form:
    """One type of value and how it is spelled.

    Attributes:
        read: (JSON, its place) → value; raises DamageError.
        write: value → JSON.
    """

    read: Callable[[Any, Place], Any]
    write: Callable[[Any], Any]


def _plainly(value: Any) -> Any:
    return value


def _of_type(kind: type, noun: str) -> Form:
    def read(value: Any, place: Place) -> Any:
        # bool is an int to Python, and never meant as one here
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise DamageError(f"{_told(place)} must be {noun}")
        return value

    return Form(read, _plainly)


TEXT = _of_type(str, "text")
NUMBER = _of_type(int, "a whole number")
FLOAT = _of_type(float, "a number with a decimal point")
FLAG = _of_type(bool, "true or false")
OBJECT = Form(_of_type(dict, "an object").read, dict)
_LIST = _of_type(list, "a list")


def list_of(form: Form) -> Form:
    """A list whose items have this form; a tuple in Python."""

    def read(value: Any, place: Place) -> tuple[Any, ...]:
        items = _LIST.read(value, place)
        return tuple([form.read(item, (place, number)) for number, item in enumerate(items)])

    return Form(read, lambda items: [form.write(item) for item in items])


def mapping_of(form: Form, keys: Form = TEXT) -> Form:
    """An object whose values have this form, and its keys that one."""

    def read(value: Any, place: Place) -> dict[Any, Any]:
        rows = OBJECT.read(value, place)
        return {keys.read(key, place): form.read(item, (place, key)) for key, item in rows.items()}

    return Form(read, lambda rows: {keys.write(key): form.write(item) for key, item in rows.items()})


def one_of(choices: type[Enum]) -> Form:
    """The value of an enumeration."""
    known = {choice.value: choice for choice in choices}

    def read(value: Any, place: Place) -> Any:
        if not isinstance(value, str) or value not in known:
            raise DamageError(f"{_told(place)} must be one of {', '.join(known)}")
        return known[value]

    return Form(read, lambda choice: choice.value)


def _read_address(value: Any, place: Place) -> Address:
    try:
        return Address.parse(TEXT.read(value, place))
    except ValueError:
        raise DamageError(f"{_told(place)}: {value!r} isn't an address") from None


def _ignored(paths: frozenset[str]) -> list[str]:
    return sorted(paths)


ADDRESS = Form(_read_address, str)
TEXTS = mapping_of(TEXT)


_MARKED = frozenset({"$", "source", "salt", "mark"})


def _unmarked(value: Any, place: Place) -> Any:
    """JSON as values: what a variable or file gave is written as `{"$": "from", source, salt, mark}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_unmarked(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$") == "from" and set(value) == _MARKED:
        source, salt, mark = (TEXT.read(value[key], (place, key)) for key in ("source", "salt", "mark"))
        if not _HEX.fullmatch(salt):
            raise DamageError(f"{_told(place)}.salt must be hex")
        return Marked(source, salt, mark)
    return {key: _unmarked(item, (place, key)) for key, item in value.items()}


def _spelled_out(value: Any) -> Any:
    if isinstance(value, Marked):
        return {"$": "from", "source": value.source, "salt": value.salt, "mark": value.mark}
    if isinstance(value, Mapping):
        return {key: _spelled_out(item) for key, item in value.items()}
    return [_spelled_out(item) for item in value] if isinstance(value, (list, tuple)) else value


_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_VALUES = Form(lambda value, place: _unmarked(OBJECT.read(value, place), place), _spelled_out)


def _read_applied(value: Any, place: Place) -> Any:
    """Attributes without what earlier versions took for no secret: dropped here, gone with the next write."""
    found = _VALUES.read(value, place)
    config = found.get("config")
    return {**found, "config": without_secrets(config)} if isinstance(config, dict) else found


_APPLIED = Form(_read_applied, _VALUES.write)
_SET = Form(lambda value, place: frozenset(list_of(TEXT).read(value, place)), _ignored)
# the secret that may stand beside an adopted id is never written: it is the spec's, and needed only once
_ADOPT = Form(lambda value, place: Adopt(TEXT.read(value, place)), lambda adopt: adopt.id)

Made = TypeVar("Made")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One field: its name in JSON and in Python, its form; left out of the file when it is the default."""

    name: str
    attribute: str
    form: Form
    default: Any
    is_required: bool


def _default(field: Field[Any]) -> tuple[Any, bool]:
    """A field's default, and whether there is none."""
    if field.default_factory is not MISSING:
        return field.default_factory(), False
    return field.default, field.default is MISSING


class Shape(Generic[Made]):
    """A frozen value as a JSON object.

    Args:
        make: the dataclass.
        forms: attribute → form; fields without a default are required.
        renamed: attribute → name in JSON, where the two differ.
    """

    def __init__(
        self, make: Callable[..., Made], forms: Mapping[str, Form], renamed: Mapping[str, str] | None = None
    ) -> None:
        self._make = make
        known = {field.name: field for field in fields(make)}  # type: ignore[arg-type]
        self._keeps_extra = "extra" in known
        self._rows = [
            Row((renamed or {}).get(name, name), name, form, *_default(known[name]))
            for name, form in forms.items()
        ]
        self._names = frozenset(row.name for row in self._rows)
        self._usual = {row.attribute: row.default for row in self._rows if not row.is_required}
        self._usual |= {"extra": _NOTHING} if self._keeps_extra else {}
        self.form = Form(self.read, self.write)

    def write(self, value: Made) -> dict[str, Any]:
        """The JSON object of a value, defaults left out, a newer writer's fields put back."""
        found = dict(getattr(value, "extra", ())) if self._keeps_extra else {}
        for row in self._rows:
            item = getattr(value, row.attribute)
            if item != row.default:
                found[row.name] = row.form.write(item)
        return found

    def read(self, value: Any, place: Place) -> Made:
        """The value of a JSON object.

        Raises:
            DamageError: a field is missing or has the wrong type.
        """
        given = OBJECT.read(value, place)
        found = dict(self._usual)  # one for all: values are frozen
        for row in self._rows:
            if row.name in given:
                found[row.attribute] = row.form.read(given[row.name], (place, row.name))
            elif row.is_required:
                raise DamageError(f"{_told(place)}.{row.name} is missing")
        if self._keeps_extra and not given.keys() <= self._names:
            found["extra"] = {name: item for name, item in given.items() if name not in self._names}
        return self._make(**found)


RUNNER = Shape(
    Runner, {"owner": TEXT, "host": TEXT, "boot": TEXT, "pid": NUMBER, "start": TEXT, "machine": TEXT}
)
LIFECYCLE = Shape(
    Lifecycle,
    {
        "prevent_destroy": FLAG,
        "adopt": _ADOPT,
        "ignore": _SET,
        "on_destroy": one_of(OnDestroy),
        "replace": one_of(ReplaceOrder),
    },
)
CREDENTIAL = Shape(
    Credential,
    {
        "state": one_of(CredentialState),
        "salt": TEXT,
        "mark": TEXT,
        "expires_at": TEXT,
        "by": RUNNER.form,
        "to": TEXTS,
        "sealed": TEXT,
        "sealed_to": TEXT,
        "unopened": FLAG,
        "since": TEXT,
    },
    {"expires_at": "expires_time"},
)
DELIVERY = Shape(Delivery, {"source": ADDRESS, "credential": TEXT, "salt": TEXT, "mark": TEXT})
FORMER = Shape(
    Superseded,
    {
        "id": TEXT,
        "parent": TEXT,
        "name": TEXT,
        "computed": TEXTS,
        "credential": CREDENTIAL.form,
        "revoke_after": TEXT,
        "origin": one_of(Origin),
        "since": TEXT,
        "carries": mapping_of(list_of(TEXT)),
    },
)
ENTRY = Shape(
    Entry,
    {
        "provider": TEXT,
        "id": TEXT,
        "name": TEXT,
        "origin": one_of(Origin),
        "parent": TEXT,
        "named": FLAG,
        "applied": _APPLIED,
        "computed": TEXTS,
        "depends_on": list_of(ADDRESS),
        "lifecycle": LIFECYCLE.form,
        "credential": CREDENTIAL.form,
        "deliveries": mapping_of(DELIVERY.form),
        "updated_at": TEXT,
        "created_at": TEXT,
        "created_by": TEXT,
        "recorded_at": TEXT,
        "formers": list_of(FORMER.form),
        "there": mapping_of(list_of(TEXT)),
    },
    {"updated_at": "updated_time", "created_at": "created_time", "recorded_at": "recorded_time"},
)
INTENT = Shape(
    Intent,
    {
        "id": TEXT,
        "kind": TEXT,
        "provider": TEXT,
        "at": TEXT,
        "runner": RUNNER.form,
        "why": TEXT,
        "parent": TEXT,
        "before": list_of(TEXT),
        "sent": _VALUES,
        "credential": TEXT,
        "tag": NUMBER,
    },
)
GIVEN_UP = Shape(
    Tombstone,
    {"address": ADDRESS, "intent": INTENT.form, "given_up": TEXT, "proven_dead": FLAG},
)
DELETED = Shape(Deleted, {"kind": TEXT, "provider": TEXT, "id": TEXT, "at": TEXT})
