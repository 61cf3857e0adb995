"""What a person can do about a refused call, in words that only applying knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reconciler.errors import ConflictError, ReconcileError, RemoteError
from reconciler.kinds import Kind
from reconciler.model import Action, Change


def with_advice(
    kind: Kind[Any], change: Change, call: Callable[[], Any], namesake: Callable[[], str] = str
) -> Any:
    """The call; an answer that a person can do something about gets the words for it.

    Args:
        namesake: reads which live object is in the way of a second one; "" if nobody knows.
    """
    try:
        return call()
    except ConflictError as error:
        error.hint = _way_out(change, namesake) or error.hint
        raise
    except RemoteError as error:
        if kind.wants_replace(error):
            error.hint = (
                f"the server can't change this in place: `--replace {change.address}` makes a new one"
            )
        raise


def _way_out(change: Change, namesake: Callable[[], str]) -> str:
    """What to do about an object that there may be only one of."""
    with suppress(ReconcileError):  # the refusal is what counts
        live_id = namesake()
        if live_id and live_id != change.id:
            return f"{live_id} is in the way; to take it over: lifecycle: {{adopt: {live_id}}}"
    if change.action is Action.REPLACE:
        return (
            "the API refuses a second object of this name: lifecycle: {replace: delete_first} "
            "removes the old one first"
        )
    return ""
