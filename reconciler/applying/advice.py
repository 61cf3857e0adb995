"""What a person can do about a refused call, in words that only applying knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.errors import ConflictError, RemoteError
from reconciler.kinds import Kind
from reconciler.model import Action, Change


def with_advice(kind: Kind[Any], change: Change, call: Callable[[], Any]) -> Any:
    """The call; an answer that a person can do something about gets the words for it."""
    try:
        return call()
    except ConflictError as error:
        if change.action is Action.REPLACE:
            error.hint = (
                "the API refuses a second object of this name: lifecycle: {replace: delete_first} "
                "removes the old one first"
            )
        raise
    except RemoteError as error:
        if kind.wants_replace(error):
            error.hint = (
                f"the server can't change this in place: `--replace {change.address}` makes a new one"
            )
        raise
