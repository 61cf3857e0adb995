"""Ids that an answer must hold: nothing can be said of an object without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.providers._paths import is_id

if TYPE_CHECKING:
    from reconciler.providers.http import Client


def must_have(http: Client, method: str, path: str, body: Any, *keys: str) -> dict[str, Any]:
    """The body of an answer, if it is an object in which each of these keys holds an id.

    Raises:
        RemoteError: it isn't; LostAnswerError for a create, whose object then exists unseen.
    """
    lacking = [key for key in keys if not (isinstance(body, dict) and is_id(body.get(key)))]
    if isinstance(body, dict) and not lacking:
        return body
    words = f"has no id in {', '.join(lacking)}" if lacking else "isn't an object"
    raise http.misshapen(method, path, words)
