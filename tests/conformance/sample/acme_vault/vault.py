"""A vault that runs in this process, as if it were a server elsewhere: notes, by id."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

SERVERS = {}


@dataclass
class Vault:
    """One server; `is_down` makes every call fail."""

    notes: dict = field(default_factory=dict)
    ids: object = field(default_factory=lambda: itertools.count(1))
    is_down: bool = False
