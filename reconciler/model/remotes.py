"""Remote systems on record: the identity of one, or the variable that gave it with a mark to know it by."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_MARKED = re.compile(r"(\(.+\)) (sha256:[0-9a-f]{64})\Z")


def record_of(identity: str, source: str = "") -> str:
    """An identity as it is written down.

    Args:
        source: `env NAME`, of a variable whose value isn't to be shown; "" for none.
    """
    return f"({source}) {mark_of(identity)}" if identity and source else identity


@lru_cache(maxsize=256)
def mark_of(record: str) -> str:
    """One text per remote system, from its identity or from what is on record of it; "" of none.

    Without salt: ledgers, and plans that are made elsewhere, have to agree on it.
    """
    marked = _MARKED.match(record)
    if marked or not record:
        return marked[2] if marked else ""
    return "sha256:" + hashlib.sha256(f"remote {record}".encode()).hexdigest()


def shown_record(record: str) -> str:
    """What is on record, for people: `(env NAME)`, or the identity."""
    marked = _MARKED.match(record)
    return marked[1] if marked else record
