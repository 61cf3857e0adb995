"""Groups, users and principals of an account by their names: many share a look-up, nothing is listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.errors import ForbiddenError, InvalidRequestError
from reconciler.model import PrincipalRef
from reconciler.providers.databricks._lists import scim_list

if TYPE_CHECKING:
    from reconciler.providers.databricks._api import DatabricksAccount

Found = dict[tuple[str, str], tuple[PrincipalRef, ...]]

_SORTS = {
    "group": ("Groups", "displayName"),
    "user": ("Users", "userName"),
    "service_principal": ("ServicePrincipals", "applicationId"),
}
_TERM, _TERMS, _LONGEST = 30, 50, 4000  # characters around a name, names in a filter, characters of one


def look_up(api: DatabricksAccount, names: Sequence[tuple[str, str]]) -> Found:
    """What (sort, name) stand for.

    Raises:
        RemoteError: a look-up failed: nothing can be said of anybody.
    """
    asked = [(sort, part) for sort in _SORTS for part in _batches([n for s, n in names if s == sort])]
    found = api.http.map(lambda one: api.http.once(("named", *one), lambda: _named(api, *one)), asked)
    return {key: refs for each in found for key, refs in each.items()}


def _named(api: DatabricksAccount, sort: str, names: tuple[str, ...]) -> Found:
    """One look-up; a name that is refused, and spoils it for the others, is trouble of its own."""
    resource, attribute = _SORTS[sort]
    for name in names:
        api.troubles.pop(f"{sort} named {name}", None)
    terms = (f"{attribute} eq {json.dumps(name, ensure_ascii=False)}" for name in names)
    try:
        items = scim_list(api, resource, {"filter": " or ".join(terms)})
    except (ForbiddenError, InvalidRequestError) as error:
        if len(names) > 1:
            alone = [_named(api, sort, (name,)) for name in names]
            return {key: refs for one in alone for key, refs in one.items()}
        api.troubles[f"{sort} named {names[0]}"] = error.message
        return {(sort, names[0]): ()}
    called = [(item["id"], str(item.get(attribute) or "")) for item in items]
    refs = [PrincipalRef(live_id, _form(sort, name)) for live_id, name in called]
    # a server may not be exact about case
    return {
        (sort, name): tuple(ref for ref in refs if ref.name.casefold() == name.casefold()) for name in names
    }


def _form(sort: str, name: str) -> str:
    return name.lower() if sort == "service_principal" else name


def _batches(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Names that fit into one filter: an address is to stay short, and a filter has at most 200 nodes."""
    found: list[list[str]] = []
    room = 0
    for name in names:
        size = len(quote(name)) + _TERM
        if size > room or len(found[-1]) >= _TERMS:
            found.append([])
            room = _LONGEST
        found[-1].append(name)
        room -= size
    return [tuple(each) for each in found]
