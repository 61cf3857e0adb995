"""What steps have in common: sources of secrets, advice for errors, keys of additive attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.applying import records
from reconciler.applying.calls import Call, always
from reconciler.applying.work import Work
from reconciler.errors import (
    ConflictError,
    RemoteError,
)
from reconciler.model import (
    Action,
    Address,
    Change,
)


def sources_of(handed: Mapping[str, Any]) -> list[Address]:
    """The addresses whose credentials are handed over, sorted; what the user supplies has none."""
    return sorted({value.source for value in handed.values() if hasattr(value, "is_secret")})


def with_advice(change: Change, call: Callable[[], Any]) -> Any:
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
        if error.remote_code == "229":
            error.hint = (
                f"the server can't change this in place: `--replace {change.address}` makes a new one"
            )
        raise


def additive_keys(work: Work, change: Change) -> dict[tuple[str, str], Any]:
    """All keys that a new object gets, as the plan shows them."""
    fields = work.fields(change.address)
    found = {}
    for field in change.fields:
        name, _, key = field.path.partition(".")
        if name in fields.additive and key:
            found[(name, key)] = field.after
    return found


def grants_of(work: Work, change: Change, grants: Mapping[tuple[str, str], Any]) -> Iterator[Call]:
    """One call per key."""
    kind, api = work.kind(change.address), work.apis[change.provider]
    for (name, key), value in sorted(grants.items()):
        live_id = work.credential(change.address)
        run: Callable[[], Any] = (
            partial(kind.revoke, api, live_id, name, key)
            if value is None
            else partial(kind.grant, api, live_id, name, key, value)
        )
        edit = records.granted(change.address, name, key, value, work.now)
        yield Call(run=run, after=partial(always, edit))
