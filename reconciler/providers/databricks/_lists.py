"""Lists of a Databricks account, whole or not at all: with page tokens, and SCIM's with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.errors import NotFoundError
from reconciler.providers._exchange import Answer
from reconciler.providers._size_limits import Tally

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

PAGE = 100


def list_pages(
    api: DatabricksAccount, path: str, key: str, query: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All items of a list with page tokens; a page may be short, and an empty one lacks its key.

    Raises:
        RemoteError: a page failed or isn't what it should be; a part is never returned.
    """
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    tally = tally_of(api, path)
    token = ""
    while True:
        asked = {"page_size": PAGE, **(query or {}), **({"page_token": token} if token else {})}
        answer = _page(api, path, asked)
        page, items = answer.body, items_of(api, path, answer.body, key)
        tally.add(
            [str(item.get("integration_id") or item.get("id") or item.get("uid")) for item in items],
            answer.size,
        )
        found.extend(items)
        token = page.get("next_page_token", "")
        if not isinstance(token, str):
            raise api.http.misshapen("GET", path, "has something else than text in next_page_token")
        if not token:
            return found
        if token in seen:
            raise api.http.misshapen("GET", path, "goes round in circles: its page token repeats")
        seen.add(token)


def list_inside(api: DatabricksAccount, parent: str, path: str, key: str) -> list[dict[str, Any]]:
    """All items of a list inside a service principal; "nothing there" counts only if that is gone, too.

    Args:
        parent: its SCIM id; "" for a list of the account itself.

    Raises:
        RemoteError: as of `list_pages`.
    """
    try:
        return list_pages(api, path, key)
    except NotFoundError:
        if not parent or _has_principal(api, parent):
            raise
        return []


def _has_principal(api: DatabricksAccount, live_id: str) -> bool:
    try:
        api.http.get(api.path("scim/v2/ServicePrincipals", live_id))
    except NotFoundError:
        return False
    return True


def scim_list(
    api: DatabricksAccount, resource: str, query: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All objects of a SCIM list; the pages after the first are read side by side.

    What was read must agree with `totalResults`; else the list is walked once more, page by page, and
    if that doesn't agree either, it isn't accepted.

    Raises:
        RemoteError: a page failed, or the list stays short or moves.
    """
    path = api.path(f"scim/v2/{resource}")
    first = _scim_page(api, path, query, 1)
    total, step = first["totalResults"], len(first["Resources"])
    tally_of(api, path).expect(total, step)
    pages = [first]
    if 0 < step < total:
        starts = range(1 + step, total + 1, step)
        pages += api.http.map(lambda start: _scim_page(api, path, query, start), starts)
    found, agrees = _merged(pages)
    if not agrees or len(found) != total:
        found = _scim_walk(api, path, query)
    return list(found.values())


def _scim_walk(
    api: DatabricksAccount, path: str, query: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    totals: set[int] = set()
    tally = tally_of(api, path)
    start = 1
    while True:
        page = _scim_page(api, path, query, start)
        total, items, known = page["totalResults"], page["Resources"], len(found)
        tally.expect(total, 0)  # a last page may be short
        tally.add([item["id"] for item in items], page["size"])
        totals.add(total)
        if not items:
            break
        found |= {item["id"]: item for item in items}
        if len(found) == known:
            raise api.http.misshapen("GET", path, "shows the same page again and again")
        start += len(items)  # `count` may be capped silently
    if len(totals) > 1 or len(found) != total:
        raise api.http.misshapen("GET", path, f"has {len(found)} of {total} objects: the list broke off")
    return found


def _scim_page(
    api: DatabricksAccount, path: str, query: Mapping[str, Any] | None, start: int
) -> dict[str, Any]:
    answer = _page(api, path, {**(query or {}), "startIndex": start, "count": PAGE})
    page = answer.body
    total = page.get("totalResults") if isinstance(page, Mapping) else None
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise api.http.misshapen("GET", path, "has no number in totalResults: it isn't a list")
    # An empty page lacks its Resources; whether it may be empty, the total tells.
    items = items_of(api, path, page, "Resources") if "Resources" in page else []
    if not all(isinstance(item.get("id"), str) and item["id"] for item in items):
        raise api.http.misshapen("GET", path, "holds an object without an id")
    return {"Resources": items, "totalResults": total, "size": answer.size}


def tally_of(api: DatabricksAccount, path: str) -> Tally:
    """How much of a list was read; its refusals name the list."""
    return Tally(lambda words: api.http.misshapen("GET", path, words))


def _page(api: DatabricksAccount, path: str, query: Mapping[str, Any]) -> Answer:
    try:
        return api.http.call("GET", path, query=query)
    except NotFoundError as error:
        # What those get who aren't account admins (docs/facts/databricks.md §1.5).
        error.hint = f"signed in as {api.signed_in_as}: is it an account admin, and the account id right?"
        raise


def items_of(api: DatabricksAccount, path: str, page: Any, key: str) -> list[dict[str, Any]]:
    """The objects under a key of a list's answer; none if the key is absent, as it is when empty.

    Raises:
        RemoteError: it isn't an object, has something else there, or is about something else.
    """
    if not isinstance(page, Mapping):
        raise api.http.misshapen("GET", path, "isn't an object")
    # An empty list leaves its key out, and then there is nothing else: an error in a 200 isn't one.
    if not set(page) - {"next_page_token"}:
        return []
    items = page.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise api.http.misshapen("GET", path, f"has no list in {key}")
    return items


def _merged(pages: list[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], bool]:
    """The objects by id, and whether all pages told the same total: if it moved, something may be missing."""
    found = {item["id"]: item for page in pages for item in page["Resources"]}
    return found, len({page["totalResults"] for page in pages}) == 1
