"""Secret values: opaque from the moment they are parsed until the request that carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, final

from reconciler.secrets.leak_register import remember

SENSITIVE = "(sensitive)"


@final
class Secret:
    """A value that only the HTTP client and the sealing code may open.

    Its text is `(sensitive)`; pickling, copying and JSON raise TypeError, and so do its length, order and
    parts. Equality and hash are identity: compare values through `Fingerprint`. It is always true, also when
    the value is empty.

    Raises:
        TypeError: the value isn't text; the message says its type only.
    """

    # The value lives in a closure: whoever walks __dict__ or __slots__ (deepdiff does) finds a function.
    __slots__ = ("_open",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"a secret is text, not {type(value).__name__}")
        remember(value)

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

    # From Python 3.11 on, object itself has a __getstate__, which answers with all slots.
    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret can't be copied or pickled")
