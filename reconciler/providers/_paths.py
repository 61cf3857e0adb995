"""Ids as steps of a URL's path."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from reconciler.errors import InternalError

# Quoting leaves these as they are, and whoever reads the path takes them for other objects, or for all.
_NO_STEPS = frozenset({"", ".", ".."})


def is_id(value: Any) -> bool:
    """Whether a remote system's value can serve as an id: text or a number that is one step in a path."""
    return isinstance(value, (str, int)) and not isinstance(value, bool) and str(value) not in _NO_STEPS


def segment(live_id: str) -> str:
    """An id as one step of a path, whatever characters it has.

    Raises:
        InternalError: it would be no step, or one upwards.
    """
    if live_id in _NO_STEPS:
        raise InternalError(f"{live_id!r} isn't the id of anything: no path is made of it")
    return quote(live_id, safe="")
