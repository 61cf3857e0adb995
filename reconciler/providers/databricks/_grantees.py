"""Who may use and who may manage a service principal, as a spec says it: forms and complaints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds import Complaint
from reconciler.model import Address, Ref, Sourced
from reconciler.model.values import GUID, KEY
from reconciler.providers.databricks._rule_sets import ROLES, SORTS

_HINT = "write user:USERNAME, group:NAME or service_principal:KEY"


def granted(grants: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`use group:NAME` → NAME, or the client id of the stack's own principal, instead of lists by right."""
    for right, listed in grants.items():
        for item in listed if right in ROLES and isinstance(listed, (list, tuple)) else ():
            sort, name = _parted(item)
            if not sort:
                continue
            if sort == "service_principal" and not GUID.fullmatch(name):
                yield f"{right} {sort}:{name}", Ref(Address("service_principals", name), "client_id")
            else:
                yield f"{right} {sort}:{name}", name


def grant_complaints(grants: Mapping[str, Any]) -> Iterator[Complaint]:
    """Another right, another form, an empty name, one named twice."""
    for right, listed in grants.items():
        if right not in ROLES:
            words = f"grants has {right}, and there are use and manage"
            yield Complaint(
                "principal-form", words, ("grants", right), "a manager may not use it by that alone"
            )
            continue
        seen = set()
        for index, item in enumerate(listed if isinstance(listed, (list, tuple)) else ()):
            path, one = ("grants", right, index), _parted(item)
            if not one[0]:
                shown = item if isinstance(item, (str, Sourced)) else "what is no plain text"
                yield Complaint("principal-form", f"grants.{right} holds {shown}", path, _HINT)
            elif one in seen:
                yield Complaint(
                    "duplicate-key", f"grants.{right} names {item} twice", path, "keep one of them"
                )
            seen.add(one)


def _parted(item: Any) -> tuple[str, str]:
    """Sort and name; nothing if it is of another form."""
    sort, _, name = item.partition(":") if isinstance(item, str) else ("", "", "")
    if sort not in SORTS or not name.strip() or name != name.strip():
        return "", ""
    if sort == "service_principal":
        if GUID.fullmatch(name):
            return sort, name.lower()
        return (sort, name) if KEY.match(name) else ("", "")
    return sort, name
