"""Secret values: opaque from the moment they are parsed until the request that carries them."""

from __future__ import annotations

import hashlib
import hmac
import secrets as entropy
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

SENSITIVE = "(sensitive)"


class Secret:
    """A value that only the HTTP client and the sealing code may open.

    Its text is `(sensitive)`; pickling, copying and JSON raise TypeError. Equality is identity: compare
    values through `Fingerprint`.
    """

    # The value lives in a closure: whoever walks __dict__ or __slots__ (deepdiff does) finds a function.
    __slots__ = ("_open",)

    def __init__(self, value: str) -> None:
        def opened() -> str:
            return value

        self._open: Callable[[], str] = opened

    def reveal(self) -> str:
        """The value itself; call it inside the very argument that needs it."""
        return self._open()

    def __repr__(self) -> str:
        return SENSITIVE

    def __format__(self, spec: str) -> str:
        return format(SENSITIVE, spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret can't be copied or pickled")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret can't be copied or pickled")


@dataclass(frozen=True)
class Fingerprint:
    """A salted, one-way mark of a secret: tells whether two values are the same, and nothing else.

    HMAC-SHA256 keyed with 16 random bytes; both halves in hex.
    """

    salt: str
    mark: str

    @classmethod
    def of(cls, secret: Secret, salt: str | None = None) -> Fingerprint:
        """The fingerprint of a secret, with the given salt (hex) or a fresh one."""
        salt = salt or entropy.token_hex(16)
        mark = hmac.new(bytes.fromhex(salt), secret.reveal().encode(), hashlib.sha256).hexdigest()
        return cls(salt, mark)

    def matches(self, secret: Secret) -> bool:
        """Whether this is the fingerprint of that secret."""
        return hmac.compare_digest(self.mark, Fingerprint.of(secret, self.salt).mark)
