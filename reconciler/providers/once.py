"""Reads that many stacks want, each made once: the first that asks makes it, the others get what it got."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from reconciler.errors import ReconcileError

Result = TypeVar("Result")


class Reads:
    """What was read of the remote systems, from one moment on: whoever shares it sees the same.

    A read that failed stays failed: it is never "nothing exists", and nobody repeats it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Hashable, tuple[str, Future[Any]]] = {}

    def once(self, key: Hashable, read: Callable[[], Result], *, provider: str = "") -> Result:
        """What a read says.

        Args:
            key: which read it is.
            provider: what the one that asks calls the system: errors are told in these words.
        """
        with self._lock:
            known = self._found.get(key)
            if known is None:
                self._found[key] = mine = (provider, Future[Any]())
        if known is None:
            _fulfil(mine[1], read)
        name, future = known or mine
        error = future.exception()
        if isinstance(error, ReconcileError):
            raise retold(error, name, provider)
        return cast(Result, future.result())


def _fulfil(future: Future[Any], read: Callable[[], Any]) -> None:
    try:
        found = read()
    except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
        future.set_exception(error)
    else:
        future.set_result(found)


def retold(error: ReconcileError, told: str, provider: str) -> ReconcileError:
    """An error of its own for each stack that it stops, which names the provider as that stack does."""
    own = error.__class__.__new__(error.__class__)
    own.__dict__.update(error.__dict__)
    for head in ("", "provider "):
        if told != provider and error.message.startswith(f"{head}{told}: "):
            own.message = f"{head}{provider}: " + error.message.removeprefix(f"{head}{told}: ")
    if getattr(error, "provider", "") == told:
        own.provider = provider  # type: ignore[attr-defined]
    own.args = (own.message,)
    own.__cause__ = error.__cause__
    return own
