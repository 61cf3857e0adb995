"""Addresses, and the values that an attribute can hold: plain JSON, references, and secrets at one remove."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from typing import Any, Union

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

_DURATION = re.compile(r"([0-9]{1,9})([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, order=True, slots=True)
class Address:
    """`kind.key`, and `kind.key.part` for a resource that lives inside another (an SP's secret).

    Attributes:
        kind_name: the name of the kind in the registry: `service_principals.client_secret` for a part.
    """

    kind: str
    key: str
    part: str = ""
    kind_name: str = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # each is looked up dozens of times in a plan
        name = intern(f"{self.kind}.{self.part}") if self.part else self.kind
        object.__setattr__(self, "kind_name", name)
        object.__setattr__(self, "_hash", hash((self.kind, self.key, self.part)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.kind}.{self.key}.{self.part}" if self.part else f"{self.kind}.{self.key}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that a text spells.

        Raises:
            ValueError: it isn't `kind.key` or `kind.key.part`.
        """
        pieces = text.split(".")
        if len(pieces) not in (2, 3) or not all(map(KEY.match, pieces)):
            raise ValueError(f"{text!r} isn't an address: kind.key")
        return _shared(*pieces)

    @classmethod
    def of(cls, kind: str, key: str) -> Address:
        """The address of a whole resource, the same object for all who ask: it is looked up at once then."""
        return _shared(kind, key)

    @property
    def parent(self) -> Address | None:
        """The address that a part belongs to."""
        return _shared(self.kind, self.key) if self.part else None

    def inside(self, part: str) -> Address:
        """The address of a part of this one."""
        return _shared(self.kind, self.key, part)


@lru_cache(1 << 15)  # a spec and its ledger name each a few times
def _shared(kind: str, key: str, part: str = "") -> Address:
    return Address(kind, key, part)


@dataclass(frozen=True, slots=True)
class Ref:
    """`${kind.key.attribute}` to something that is known only from the live object.

    Attributes:
        credential: the resource whose credential it stands for (a secret inside another resource is one of
            its own); None if it is no secret. Decided where it is made, by what its kind says.
    """

    address: Address
    attribute: str
    credential: Address | None = None

    def __str__(self) -> str:
        return f"${{{self.address}.{self.attribute}}}"

    @property
    def is_secret(self) -> bool:
        """Whether it stands for a secret value."""
        return self.credential is not None

    @property
    def source(self) -> Address:
        """The resource whose credential or attribute it is."""
        return self.credential or self.address

    @property
    def targets(self) -> tuple[Address, ...]:
        """Every address it makes its holder depend on."""
        credential = self.credential
        is_same = credential is None or credential == self.address
        return (self.address,) if is_same else (self.address, self.source)


@dataclass(frozen=True, slots=True)
class Sourced:
    """A plain value that was read from the environment or a file; shown as `(env NAME)`, never as itself.

    Attributes:
        source: `env NAME` or `file PATH`.
        value: what it resolved to.
        expression: as written, with the surrounding text, e.g. `app-${env.STAGE}`.
    """

    source: str
    value: str
    expression: str

    def __str__(self) -> str:
        return f"({self.source})"


@dataclass(frozen=True, slots=True)
class Marked:
    """What the ledger remembers of a value that a variable or file gave: where from, and a fingerprint.

    Attributes:
        source: `env NAME` or `file PATH`.
        salt, mark: HMAC-SHA256 of the value's canonical form, hex.
    """

    source: str
    salt: str
    mark: str

    def __str__(self) -> str:
        return f"({self.source})"

    def fits(self, text: str) -> bool:
        """Whether it is the mark of that canonical text."""
        found = hmac.new(bytes.fromhex(self.salt), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return hmac.compare_digest(self.mark, found.hexdigest())


@dataclass(frozen=True)
class SecretInput:
    """A secret that the user supplies through the environment or a file.

    Attributes:
        source: `env NAME` or `file PATH`.
        expression: as written, e.g. `${env.GITHUB_SECRET}`.
        secret: the value, or None when the variable is unset, or no key opens it (plans need no keys).
        salt, mark: the fingerprint that came with it from a handoff: pairs are compared, not values, so that
            whoever plans without a key plans the same.
        keys: the public keys that it is sealed to, of one from a handoff.
    """

    source: str
    expression: str
    # typed loosely: `secrets` lies above `model`, and only its text form matters here
    secret: Any = None
    salt: str = ""
    mark: str = ""
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "(sensitive)"

    @property
    def absence(self) -> tuple[str, str]:
        """In words, why there is no value, and what to do about it."""
        if not self.mark:
            return f"{self.source} isn't set", f"set it: the spec says {self.expression}"
        keys = ", ".join(self.keys)
        hint = "give the private one of these keys in RECONCILE_AGE_KEY or RECONCILE_AGE_KEY_FILE"
        return f"no private key at hand opens the {self.source}, which is sealed to {keys}", hint


@dataclass(frozen=True, slots=True)
class Text:
    """Text with references inside: `app ${oauth_apps.a.client_id}`."""

    parts: tuple[Union[str, Ref, Sourced], ...]

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a reference whose object doesn't exist yet."""

    ref: Ref

    def __str__(self) -> str:
        return "(known after apply)"


# JSON, with the special values at its leaves.
Value = Any


_PLAIN = (str, int, float, type(None))
_SPECIAL = (Ref, Sourced, Marked, SecretInput)


def special(value: Value) -> list[Any]:
    """What isn't plain JSON inside a value, depth first: references, secrets, and what has an origin."""
    if isinstance(value, Text):
        return [part for part in value.parts if not isinstance(part, str)]
    if isinstance(value, _SPECIAL):
        return [value]
    items: Iterable[Value] = ()
    if isinstance(value, (dict, Mapping)):  # dict is told at once, and nearly all are
        items = value.values()
    elif isinstance(value, (list, Sequence)):
        items = value
    # most are plain: those aren't worth a call
    return [found for item in items if not isinstance(item, _PLAIN) for found in special(item)]


def is_unknown(value: Value) -> bool:
    """Whether a value of a spec couldn't be worked out, or its variable is unset."""
    return isinstance(value, Sourced) and not value.value


def leaves(value: Value, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Every value that is no mapping or list, with the way to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def canonical(value: Any) -> str:
    """One text per value: sorted keys, no blanks; special leaves by their text form."""
    return _CANONICAL.encode(value)


def seconds(duration: str) -> int:
    """The length of a duration such as `90s`, `30m`, `24h` or `365d`.

    Raises:
        ValueError: it isn't a number with s, m, h or d.
    """
    match = _DURATION.match(duration)
    if not match:
        raise ValueError(f"{duration!r} isn't a duration: a number with s, m, h or d")
    return int(match.group(1)) * _SECONDS[match.group(2)]
