"""The nouns of an HTTP call: what is sent, what it would do twice, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from reconciler.errors import RemoteError
from reconciler.secrets import Secret


class Effect(Enum):
    """What sending a request twice would do."""

    READ = "read"  # changes nothing: no lease needed
    REPEATABLE = "repeatable"  # the same state again
    ONCE = "once"  # another object


EFFECTS: Mapping[str, Effect] = {
    "GET": Effect.READ,
    "PUT": Effect.REPEATABLE,
    "PATCH": Effect.REPEATABLE,  # a full statement of the values that it names
    "DELETE": Effect.REPEATABLE,
    "POST": Effect.ONCE,
}


class SignIn(Protocol):
    """Where a client gets the headers that carry its credential."""

    @property
    def identity(self) -> str:
        """Who signs in, for people: `client_id 2c1e…`, `API key from CONNECT_API_KEY`; never the value."""

    def headers(self) -> Mapping[str, Secret]:
        """Complete header values, `Bearer …`; may call a token endpoint."""

    def renew(self, refused: Mapping[str, Secret]) -> bool:
        """After a 401 to these headers: whether it makes sense to try once more."""


def is_token(secret: Secret) -> bool:
    """Whether it fits into a header as a key or token: printable ASCII without blanks.

    Anything else would end up, readable, in an exception of the HTTP library.
    """
    return secret.reveal().isascii() and secret.reveal().isprintable() and " " not in secret.reveal()


@dataclass(frozen=True)
class FixedHeaders:
    """A credential that never changes; without headers, none at all (token endpoints take theirs inside)."""

    identity: str = "nobody"
    fixed: Mapping[str, Secret] | None = None

    def headers(self) -> Mapping[str, Secret]:
        """The headers."""
        return self.fixed or {}

    def renew(self, refused: Mapping[str, Secret]) -> bool:
        """There is nothing to renew."""
        return False


@dataclass(frozen=True)
class Hints:
    """What to do next, in the words of one product.

    Attributes:
        address: the variable or setting to check when the address is wrong.
        shown: the address itself; "" where it holds what isn't to be shown.
        trust: how to name a private authority.
        unauthorized, forbidden, unlicensed: what to check on a 401, 403, 402.
    """

    address: str = "the provider's address"
    shown: str = ""
    trust: str = ""
    unauthorized: str = ""
    forbidden: str = ""
    unlicensed: str = ""


@dataclass(frozen=True)
class Sent:
    """One request, as every attempt sends it; secrets stay wrapped.

    Attributes:
        yes: whether the JSON of a 2xx (None for an empty body) is what the API promises; None for what it
            promises in general, see `_verdicts`.
    """

    method: str
    path: str
    effect: Effect
    query: Mapping[str, Any] | None = None
    body: Any = None
    form: Mapping[str, Any] | None = None
    yes: Callable[[Any], bool] | None = None

    def secrets(self) -> Iterator[Secret]:
        """Every secret in it, so that an error can be scrubbed of them."""
        yield from _secrets(self.body)
        yield from _secrets(self.form)


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item)


@dataclass(frozen=True)
class Received:
    """What came back on the wire, the body decoded as UTF-8; header names in any case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Answer:
    """A yes.

    Attributes:
        body: its JSON, secrets wrapped; None if it was empty.
        date: the server's Date as RFC 3339, or "".
        size: characters of the body.
    """

    status: int
    body: Any
    date: str = ""
    size: int = 0


@dataclass(frozen=True)
class Failure:
    """One attempt that brought no usable answer.

    Attributes:
        transient: another attempt may fare better.
        pause: seconds that the server asked for.
    """

    error: RemoteError
    transient: bool = False
    pause: float | None = None
