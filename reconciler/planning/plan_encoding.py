"""What a plan file keeps of the wishes behind a plan: plain JSON, special values tagged, no secret in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, Protocol

from reconciler.errors import Location, Problem, Severity, StaleError
from reconciler.model import (
    Action,
    Address,
    Adopt,
    Cause,
    Change,
    FieldChange,
    Guard,
    IntentResolution,
    Lifecycle,
    Move,
    OnDestroy,
    Plan,
    ProviderSpec,
    Ref,
    ReplaceOrder,
    Resource,
    SecretInput,
    Sourced,
    Stack,
    Text,
)
from reconciler.secrets import Fingerprint, Secret

TAG = "$"  # marks a special value; a mapping of the spec that has such a key is wrapped


class Reread(Protocol):
    """From an expression such as `${env.NAME}` to its value now."""

    def __call__(
        self, expression: str, *, is_secret: bool = False, address_of: str = "", lent: Mapping[str, str]
    ) -> str | SecretInput | None:
        """The value.

        Args:
            is_secret: it stands in a secret field.
            address_of: the type of the provider whose address it is.
            lent: `NAME.ATTRIBUTE` → what providers lend to the rest of a spec.
        """


_CLASSES: Mapping[str, type] = {
    c.__name__: c
    for c in (
        *(Stack, ProviderSpec, Resource, Lifecycle, Adopt, Guard, Move, Address, Ref, Text, Location),
        *(Plan, Change, FieldChange, Problem),
    )
}
_ENUMS: Mapping[str, type[Enum]] = {
    c.__name__: c for c in (OnDestroy, ReplaceOrder, Action, Cause, IntentResolution, Severity)
}


def _usual(field: Field[Any]) -> Any:
    """A field's default; what equals nothing, if it has none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _ALWAYS if field.default is MISSING else field.default


# warnings of a stack belong to the moment of planning, live objects to a snapshot
_LEFT_OUT = frozenset({(Stack, "problems"), (Stack, "policies"), (Change, "live")})
# most resources are kept in the usual way, and needn't each say so
_TERSE = frozenset({Resource, Lifecycle})
_ALWAYS = object()
_KEPT: Mapping[type, Mapping[str, Any]] = {
    c: {
        field.name: _usual(field) if c in _TERSE else _ALWAYS
        for field in fields(c)
        if field.init and (c, field.name) not in _LEFT_OUT
    }
    for c in _CLASSES.values()
}


# most values are plain; and of addresses and resources a stack has thousands: they are packed when their turn
# comes to be spelled, not all at one time
_AS_THEY_ARE = frozenset({str, int, float, bool, type(None), Address, Resource})


def spelled(value: Any) -> str:
    """A packed value as text: sorted keys, no blanks."""
    return _SPELLING.encode(value)


def packed(value: Any) -> Any:
    """A value as plain JSON, but for what `spelled` packs itself."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _AS_THEY_ARE else packed(item) for item in value]
    if isinstance(value, Mapping):
        return _packed_mapping(value)
    return _packed_special(value)


def _packed_special(value: Any) -> Any:
    """The tagged form of what plain JSON can't say."""
    if tagged := _TAGGED.get(type(value)):
        return tagged(value)
    if type(value) in _KEPT:
        return _packed_fields(value)
    if isinstance(value, Enum):
        return {TAG: type(value).__name__, "value": value.value}
    if isinstance(value, frozenset):
        return {TAG: "set", "items": sorted(value)}
    raise TypeError(f"{type(value).__name__} can't be kept in a plan")


def _packed_fields(value: Any) -> dict[str, Any]:
    kept = {TAG: type(value).__name__}
    for name, usual in _KEPT[type(value)].items():
        item = getattr(value, name)
        if usual is _ALWAYS or item != usual:
            kept[name] = item if type(item) in _AS_THEY_ARE else packed(item)
    return kept


def _packed_address(value: Address) -> dict[str, Any]:
    return {TAG: "Address", "text": str(value)}


def _packed_change(change: Change) -> dict[str, Any]:
    return {**_packed_fields(change), "live_digest": change.digest_of_live}


def _packed_sourced(value: Sourced) -> dict[str, Any]:
    mark = Fingerprint.of(value.value)
    kept = {"source": value.source, "expression": value.expression}
    return {TAG: "Sourced", **kept, "salt": mark.salt, "mark": mark.mark}


def _packed_provider(spec: ProviderSpec) -> dict[str, Any]:
    """A provider; what isn't to be shown of it is read again, as other values of variables are."""
    kept = _packed_fields(spec)
    if spec.source:
        kept["address"] = _packed_sourced(Sourced(spec.source, spec.address, spec.expression))
    if spec.account_source:
        given = Sourced(spec.account_source, spec.account_id, spec.account_expression)
        kept["account_id"] = _packed_sourced(given)
    return {**kept, "kept": spec.record} if spec.source or spec.account_source else kept


def _packed_input(value: SecretInput) -> dict[str, Any]:
    kept = {TAG: "SecretInput", "source": value.source, "expression": value.expression}
    if value.mark:
        return {**kept, "salt": value.salt, "mark": value.mark, "keys": list(value.keys)}
    # without a value now, any value will do when it is applied: plans need no keys
    if value.secret is None:
        return kept
    mark = Fingerprint.of(value.secret)
    return {**kept, "salt": mark.salt, "mark": mark.mark}


_TAGGED: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    Address: _packed_address,
    Change: _packed_change,
    Sourced: _packed_sourced,
    ProviderSpec: _packed_provider,
    SecretInput: _packed_input,
}
_SPELLING = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_packed_special)


def _packed_mapping(value: Mapping[Any, Any]) -> Any:
    if TAG in value or isinstance(next(iter(value), None), Address):
        return {TAG: "map", "items": [[packed(key), packed(item)] for key, item in value.items()]}
    return {key: item if type(item) in _AS_THEY_ARE else packed(item) for key, item in value.items()}


class Unpacker:
    """Values from their JSON.

    Args:
        reread: takes values of the environment, of files and of handoffs anew; None to go without them.
    """

    def __init__(self, reread: Reread | None) -> None:
        self.reread = reread
        self.lent: dict[str, str] = {}

    def value(self, value: Any) -> Any:
        """The value that `packed` made this of.

        Raises:
            StaleError: taken anew, it is another one.
        """
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        tag = value.get(TAG)
        if tag is None:
            return {key: self.value(item) for key, item in value.items()}
        return self._tagged(str(tag), value)

    def _tagged(self, tag: str, value: Mapping[str, Any]) -> Any:
        if tag == "Address":
            return Address.parse(value["text"])
        if tag == "Sourced":
            return self._sourced(value)
        if tag == "ProviderSpec":
            return self._provider(value)
        if tag == "SecretInput":
            return self._secret_input(value)
        if tag == "set":
            return frozenset(value["items"])
        if tag == "map":
            return {self.value(key): self.value(item) for key, item in value["items"]}
        if tag in _ENUMS:
            return _ENUMS[tag](value["value"])
        return self._instance(_CLASSES[tag], value)

    def _instance(self, cls: type, value: Mapping[str, Any]) -> Any:
        arguments = {key: self.value(item) for key, item in value.items() if key != TAG}
        if cls is Ref:
            arguments["credential"]  # a file that doesn't say whether it is a secret isn't one of ours
        for field in fields(cls):
            if isinstance(arguments.get(field.name), list) and "tuple" in str(field.type):
                arguments[field.name] = tuple(arguments[field.name])
        return cls(**arguments)

    def _provider(self, value: Mapping[str, Any]) -> ProviderSpec:
        """A provider, and what it lends to values that come after it."""
        given = {
            key: self._sourced(value[key], of).value
            for key, of in (("address", str(value["type"])), ("account_id", ""))
            if isinstance(value[key], Mapping)
        }
        kept = "" if self.reread else value["kept"]
        spec: ProviderSpec = self._instance(ProviderSpec, {**value, **given, "kept": kept})
        self.lent |= {f"{spec.name}.{key}": text for key, text in spec.lends.items()}
        return spec

    def _sourced(self, value: Mapping[str, Any], address_of: str = "") -> Sourced:
        if self.reread is None:
            return Sourced(value["source"], "", value["expression"])
        mark = Fingerprint(value["salt"], value["mark"])
        if mark.matches(""):  # in an ignored field: it needn't be known
            return Sourced(value["source"], "", value["expression"])
        read = self.reread(value["expression"], address_of=address_of, lent=self.lent)
        if not isinstance(read, str) or not mark.matches(read):
            raise _other_value(value)
        return Sourced(value["source"], read, value["expression"])

    def _secret_input(self, value: Mapping[str, Any]) -> SecretInput:
        read = self.reread(value["expression"], is_secret=True, lent=self.lent) if self.reread else None
        if "keys" in value:
            return self._received(value, read)
        secret = Secret(read) if isinstance(read, str) else None
        mark = Fingerprint(value["salt"], value["mark"]) if "mark" in value else None
        if mark and secret is not None and not mark.matches(secret):
            raise _other_value(value)
        return SecretInput(value["source"], value["expression"], secret)

    def _received(self, value: Mapping[str, Any], read: str | SecretInput | None) -> SecretInput:
        """One from a handoff: known by its fingerprint, whether a key is at hand or not."""
        keys = tuple(value["keys"])
        kept = SecretInput(value["source"], value["expression"], None, value["salt"], value["mark"], keys)
        if self.reread is None:
            return kept
        if not isinstance(read, SecretInput) or (read.salt, read.mark) != (kept.salt, kept.mark):
            raise _other_value(value)
        return read


def _other_value(value: Mapping[str, Any]) -> StaleError:
    return StaleError(
        f"the plan is stale: ({value['source']}) has another value than when it was made",
        hint="run `reconcile plan` again",
    )
