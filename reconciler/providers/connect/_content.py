"""Content and its integrations: read as a whole, written as a whole, changed one by one.

The API has no way to add or remove a single association, and none to notice that somebody else did: the
list is read just before it is written, and once more after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.errors import (
    ForbiddenError,
    InvalidRequestError,
    LostAnswerError,
    NotFoundError,
    ServerError,
)
from reconciler.providers._exchange import Effect
from reconciler.providers._paths import segment

if TYPE_CHECKING:
    from reconciler.providers.connect._api import ConnectServer

_TRIES = 4
_UNKNOWN = frozenset({"3", "4"})


def integrations_of(api: ConnectServer, content: str) -> tuple[str, ...] | None:
    """GUIDs of the integrations of a content item; None if there is none, or, as noted, it can't be told."""
    subject = f"content named {content}"
    api.troubles.pop(subject, None)
    try:
        return _read(api, content)
    except (NotFoundError, InvalidRequestError) as error:
        if not isinstance(error, NotFoundError) and error.remote_code not in _UNKNOWN:
            api.troubles[subject] = error.message
        return None
    except ForbiddenError as error:
        api.troubles[subject] = error.message
        return None


def associate(api: ConnectServer, content: str, integration: str) -> bool:
    """Gives a content item an integration; False if somebody else had done so."""
    return _change(api, content, integration, lambda there: [*there, integration], wanted=True)


def part(api: ConnectServer, content: str, integration: str) -> None:
    """Takes an integration from a content item; one that is gone is done."""
    try:
        _change(api, content, integration, lambda there: [g for g in there if g != integration], wanted=False)
    except NotFoundError:
        return


def succeed(api: ConnectServer, content: str, old: str, new: str) -> None:
    """Puts one integration in the place of another; content that is gone is done."""

    def put(there: tuple[str, ...]) -> list[str]:
        kept = [guid for guid in there if guid not in (old, new)]
        return [*kept, new] if {old, new} & set(there) else list(there)

    try:
        with api.one_at_a_time[f"content {content}"]:
            there = _read(api, content)
            if old in there:
                _write(api, content, put(there))
    except NotFoundError:
        return


def put_back(api: ConnectServer, content: str, integration: str) -> None:
    """Gives a content item the successor of an integration that is gone; content that is gone is done."""
    try:
        associate(api, content, integration)
    except NotFoundError:
        return


def _change(
    api: ConnectServer,
    content: str,
    integration: str,
    changed: Callable[[tuple[str, ...]], list[str]],
    *,
    wanted: bool,
) -> bool:
    """Whether it was us who made it so: what an attempt without an answer may have done counts as ours."""
    sent = False
    with api.one_at_a_time[f"content {content}"]:
        for attempt in range(_TRIES):
            there = _read(api, content)
            if (integration in there) is wanted:
                return sent
            sent = True
            try:
                _write(api, content, changed(there))
            except (LostAnswerError, ServerError):
                if attempt == _TRIES - 1:
                    raise
        if (integration in _read(api, content)) is not wanted:
            path = _path(content)
            raise api.http.misshapen("GET", path, f"shows again and again what {integration} was before")
    return True


def _read(api: ConnectServer, content: str) -> tuple[str, ...]:
    path = _path(content)
    items = api.array(path)
    found = [item.get("oauth_integration_guid") for item in items]
    if not all(isinstance(guid, str) and guid for guid in found):
        raise api.http.misshapen("GET", path, "has an association without an integration")
    return tuple(dict.fromkeys(str(guid) for guid in found))


def _write(api: ConnectServer, content: str, guids: list[str]) -> None:
    body = [{"oauth_integration_guid": guid} for guid in guids]
    # not repeated blindly: what somebody adds meanwhile would be taken away
    api.http.call("PUT", _path(content), body=body, effect=Effect.ONCE)


def _path(content: str) -> str:
    return f"/v1/content/{segment(content)}/oauth/integrations/associations"
