"""Whether the fields of an answer are of the types that an API promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.providers._paths import is_id

TEXT, TEXTS, OBJECT, ID = "text", "a list of text", "an object", "an id"

_FITS: Mapping[str, Callable[[Any], bool]] = {
    TEXT: lambda value: isinstance(value, str),
    TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    OBJECT: lambda value: isinstance(value, dict),
    ID: is_id,
}


def misfit(item: Mapping[str, Any], shape: Mapping[str, str]) -> str:
    """What is wrong with the first field of another type; "" if all fit. null is as good as absent.

    Args:
        shape: dotted path of a field → its type.
    """
    for path, wanted in shape.items():
        value: Any = item
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not _FITS[wanted](value):
            return f"something else than {wanted} in {path}"
    return ""
