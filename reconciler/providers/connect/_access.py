"""Who may use an integration and which content has it, as a spec says it: forms and complaints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds import EVERYONE, Attributes, Complaint
from reconciler.model import Sourced
from reconciler.model.values import GUID

_SORTS = {"users": "user", "groups": "group"}
_SHOWN = "names are shown: give it through vars, and --var NAME=VALUE"
_PLAIN = (str, int, float, list, tuple, Mapping, type(None))  # of these the schema says what is wrong


def settled_access(attributes: Attributes) -> dict[str, Any]:
    """The attributes with `user:NAME` → NAME, and GUID → GUID, instead of lists."""
    found = dict(attributes)
    if isinstance(access := found.get("access"), Mapping):
        found["access"] = {
            f"{sort}:{name}": name
            for part, sort in _SORTS.items()
            for name in _listed(access.get(part))
            if isinstance(name, str)
        }
    if isinstance(content := found.get("content"), (list, tuple)):
        found["content"] = {guid.lower(): guid.lower() for guid in content if isinstance(guid, str)}
    return found


def access_complaints(attributes: Attributes) -> Iterator[Complaint]:
    """What would open an integration, name somebody twice, or name content by anything but its GUID."""
    access = attributes.get("access")
    if isinstance(access, Mapping):
        is_understood = access.keys() <= _SORTS.keys() and all(map(_is_list, access.values()))
        if is_understood and not any(access.values()):
            hint = f"name users or groups, or write access: {EVERYONE}"
            yield Complaint(
                "access-empty", "access names nobody, and that would mean everybody", ("access",), hint
            )
        for part in _SORTS:
            yield from _list_complaints(access.get(part), ("access", part))
    elif not isinstance(access, _PLAIN):
        shown = access if isinstance(access, Sourced) else "neither"
        words = f"access is {EVERYONE} or {{users: […], groups: […]}}, not {shown}"
        yield Complaint("key", words, ("access",), _SHOWN)
    yield from _content_complaints(attributes.get("content"))


def _list_complaints(items: Any, path: tuple[str, ...]) -> Iterator[Complaint]:
    label = ".".join(path)
    if _is_list(items) and not items:
        hint = "an empty list is easily filled by nobody: take it out"
        yield Complaint("access-empty", f"{label} is empty", path, hint)
    listed = _listed(items)
    for index, item in enumerate(listed):
        if not isinstance(item, _PLAIN):
            shown = item if isinstance(item, Sourced) else "no plain text"
            yield Complaint("key", f"{label} holds {shown}", (*path, index), _SHOWN)
        elif isinstance(item, str) and item.isspace():
            yield Complaint("schema", f"{label} holds an empty name", (*path, index), "take it out")
        elif isinstance(item, str) and item in listed[:index]:
            yield Complaint(
                "duplicate-key", f"{label} names {item} twice", (*path, index), "keep one of them"
            )


def _content_complaints(content: Any) -> Iterator[Complaint]:
    seen = set()
    for index, item in enumerate(_listed(content)):
        path = ("content", index)
        if not isinstance(item, _PLAIN):
            shown = item if isinstance(item, Sourced) else "no plain text"
            yield Complaint("key", f"content holds {shown}", path, _SHOWN)
        elif isinstance(item, str) and not GUID.fullmatch(item):
            hint = "write 8-4-4-4-12 hexadecimal digits, without braces and blanks"
            yield Complaint("schema", f"content holds {item}, which is no GUID", path, hint)
        elif isinstance(item, str) and item.lower() in seen:
            yield Complaint("duplicate-key", f"content names {item} twice", path, "keep one of them")
        if isinstance(item, str):
            seen.add(item.lower())


def _is_list(items: Any) -> bool:
    return isinstance(items, (list, tuple))


def _listed(items: Any) -> list[Any]:
    return list(items) if _is_list(items) else []
