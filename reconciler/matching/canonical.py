"""When two values of an attribute mean the same: the one form that equality looks at. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from reconciler.kinds import Fields
from reconciler.model import Marked, Sourced, canonical

_DEFAULT_PORTS = {"http": 80, "https": 443}
MISSING: Any = None


def at_path(value: Any, path: str) -> Any:
    """The value at a dotted path, or None."""
    try:
        for step in path.split("."):
            value = value[step]
    except (KeyError, TypeError):  # there is no such key, or no mapping
        return MISSING
    return value


def leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings with its dotted path; a list is a leaf."""
    for key, item in value.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        # most are text, and the other question takes longer
        if not isinstance(item, str) and isinstance(item, Mapping) and item:
            yield from leaves(item, path)
        else:
            yield path, item


def unlike(wanted: Mapping[str, Any], there: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, as `leaves`, that others hold in another way or not at all."""
    others = there if isinstance(there, Mapping) else {}
    for key, item in wanted.items():
        other = others.get(key)
        if not isinstance(item, str) and isinstance(item, Mapping) and item:
            yield from unlike(item, other, f"{prefix}{key}.")
        elif not same_to_the_letter(item, other):
            yield f"{prefix}{key}", item


def normal_url(url: Any) -> Any:
    """A URL with its host in lower case and without the default port."""
    if not isinstance(url, str):
        return url
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    if not parts.hostname:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme.lower()) else f":{port}"
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme.lower()}://{host}{shown}{rest}" + (f"#{parts.fragment}" if parts.fragment else "")


def normal_host(host: Any) -> Any:
    """A bare host name: live values may carry a scheme and a slash."""
    if not isinstance(host, str):
        return host
    bare = host.split("://", 1)[-1].split("/", 1)[0].lower()
    return bare.removesuffix(":443")


def canonical_leaf(path: str, value: Any, fields: Fields) -> Any:
    """The one form of a value that equality looks at."""
    if isinstance(value, Sourced):
        value = value.value
    if isinstance(value, Marked):
        return f"\0{value.mark}"  # equal to itself and to no text
    if isinstance(value, (list, tuple)):
        items = [canonical_leaf(path, item, fields) for item in value]
        # sets: order and repeats say nothing
        return (
            sorted({canonical(item): item for item in items}.items()) if path in fields.unordered else items
        )
    if path in fields.urls:
        return normal_url(value)
    if path in fields.hosts:
        return normal_host(value)
    if path in fields.guids and isinstance(value, str):
        return value.casefold()
    if path in fields.words and isinstance(value, str):
        return sorted(set(value.split()))
    return value


def same_to_the_letter(left: Any, right: Any) -> bool:
    """Whether two values are the same as they stand: nearly always, and quickly told."""
    if left != right:
        return False
    # True == 1 in Python, not in JSON; equal texts are the quick way to tell
    return isinstance(left, str) or repr(left) == repr(right) or canonical(left) == canonical(right)


def same_leaf(path: str, wanted: Any, live: Any, fields: Fields) -> bool:
    """Whether two values of an attribute mean the same."""
    if same_to_the_letter(wanted, live):
        return True
    wanted, live = known_as(path, wanted, marks(live), fields), known_as(path, live, marks(wanted), fields)
    left, right = canonical_leaf(path, wanted, fields), canonical_leaf(path, live, fields)
    if path in fields.modes and isinstance(left, str) and isinstance(right, str):
        return not int(right or "0", 8) & ~int(left or "0", 8)
    return bool(left == right) and type(left) is type(right)


def known_as(path: str, value: Any, origins: Sequence[Sourced | Marked], fields: Fields) -> Any:
    """A value, or the items of a list, as what of these it came from."""
    if not origins:
        return value
    if isinstance(value, (list, tuple)):
        return [known_as(path, item, origins, fields) for item in value]
    if value is None or isinstance(value, (Marked, Mapping)):
        return value
    text = canonical(canonical_leaf(path, value, fields))
    for origin in origins:
        if isinstance(origin, Marked):
            if origin.fits(text):
                return origin
        elif canonical(canonical_leaf(path, origin, fields)) == text:
            return Marked(origin.source, "", "")
    return value


def marks(value: Any) -> list[Sourced | Marked]:
    """The fingerprints among a value's items: what stands on record for something that isn't."""
    items = value if isinstance(value, (list, tuple)) else (value,)
    return [item for item in items if isinstance(item, Marked)]
