"""Users and groups of a Connect server: looked up by their names, a directory is never listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.errors import AnswerError, ForbiddenError, InvalidRequestError, NotFoundError
from reconciler.model import PrincipalRef
from reconciler.providers._paths import is_id, segment
from reconciler.providers._required_ids import must_have

if TYPE_CHECKING:
    from reconciler.providers.connect._api import ConnectServer

Named = tuple[str, str]  # sort and name

PAGE = 500  # the most that the API gives at once
MANY = 20  # names of one sort from which on a few whole pages are fewer calls
WHOLE = 5  # pages at most that such a whole list may have
DEEP = 20  # pages at most in which one name is looked for
SORTS = {"user": ("/v1/users", "username"), "group": ("/v1/groups", "name")}
_NO_SUCH_OBJECT = frozenset({"4", "261", "262"})


def look_up(api: ConnectServer, sort: str, names: Sequence[str]) -> dict[Named, tuple[PrincipalRef, ...]]:
    """What each name stands for: who has it, and who comes close.

    Raises:
        RemoteError: a look-up failed, or was short: nothing can be said of anybody.
    """
    whole = api.http.once(("all", sort), lambda: _small(api, sort)) if len(names) > MANY else None
    if whole is not None:
        return {(sort, name): _close(whole, name) for name in names}
    found = api.http.map(
        lambda name: api.http.once(("named", sort, name), lambda: _named(api, sort, name)), names
    )
    return {(sort, name): refs for name, refs in zip(names, found, strict=True)}


def called(api: ConnectServer, one: Named) -> PrincipalRef | None:
    """Who has an id; None if nobody has it any more."""
    (path, attribute), live_id = SORTS[one[0]], one[1]
    where = f"{path}/{segment(live_id)}"
    try:
        item = must_have(api.http, "GET", where, api.http.get(where), "guid")
    except (NotFoundError, InvalidRequestError) as error:
        if is_gone(error):
            return None
        raise
    return PrincipalRef(live_id, str(item.get(attribute) or ""))


def is_gone(error: AnswerError) -> bool:
    """Whether an error says that there is no such object."""
    return isinstance(error, NotFoundError) or error.remote_code in _NO_SUCH_OBJECT


def _named(api: ConnectServer, sort: str, name: str) -> tuple[PrincipalRef, ...]:
    subject = f"{sort} named {name}"
    api.troubles.pop(subject, None)
    try:
        return _close(_walk(api, sort, name, pages=DEEP) or (), name)
    except (ForbiddenError, InvalidRequestError, NotFoundError) as error:
        api.troubles[subject] = error.message
        return ()


def _small(api: ConnectServer, sort: str) -> tuple[PrincipalRef, ...] | None:
    """Everybody, where they fit into a few pages; else None."""
    return _walk(api, sort, "", pages=WHOLE)


def _walk(api: ConnectServer, sort: str, prefix: str, *, pages: int) -> tuple[PrincipalRef, ...] | None:
    """All whose name starts with a text, in any case, or that one alone that is exactly it."""
    path, attribute = SORTS[sort]
    found: dict[str, PrincipalRef] = {}
    number = 1
    while True:
        asked = {"prefix": prefix} if prefix else {}
        body = api.http.get(path, {**asked, "page_number": number, "page_size": PAGE})
        items, total = _page(api, path, body, attribute)
        found.update((item["guid"], PrincipalRef(item["guid"], item[attribute])) for item in items)
        if len(found) >= total or (prefix and sort == "user" and _has(found.values(), prefix)):
            return tuple(found.values())
        if not items:
            raise api.http.misshapen("GET", path, f"shows {len(found)} of {total}")
        if not prefix and total > pages * len(items):
            return None
        number += 1
        if number > pages:
            raise api.http.misshapen(
                "GET", path, f"has {total} whose names start with {prefix}: too many to tell"
            )


def _has(refs: Iterable[PrincipalRef], name: str) -> bool:
    return any(ref.name == name for ref in refs)


def _page(api: ConnectServer, path: str, body: Any, attribute: str) -> tuple[list[dict[str, Any]], int]:
    items = body.get("results") if isinstance(body, Mapping) else None
    total = body.get("total") if isinstance(body, Mapping) else None
    if not isinstance(items, list) or not isinstance(total, int) or isinstance(total, bool):
        raise api.http.misshapen("GET", path, "isn't a page with results and their total")
    for item in items:
        if (
            not isinstance(item, dict)
            or not is_id(item.get("guid"))
            or not isinstance(item.get(attribute), str)
        ):
            raise api.http.misshapen("GET", path, f"shows somebody without guid and {attribute}")
    return items, total


def _close(refs: Iterable[PrincipalRef], name: str) -> tuple[PrincipalRef, ...]:
    """Those who have a name, or else those who come close to it."""
    start = name.casefold()
    near = [ref for ref in refs if ref.name.casefold().startswith(start)]
    exact = [ref for ref in near if ref.name == name]
    return tuple(exact or near[:5])
