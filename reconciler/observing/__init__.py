"""Asks the remote systems, in bulk and side by side, for all that a stack needs to know: the snapshot.

A list that fails or breaks off stops here: it is never read as "nothing exists".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

from reconciler.kinds import Registry
from reconciler.model import Ledger, Snapshot, Stack
from reconciler.observing.reads import Observer, without_ghosts
from reconciler.observing.scopes import wanted_of

__all__ = ["LAG", "LAG_BOUND", "observe"]

AT_ONCE = 8  # lists side by side; each client bounds its own requests
LAG_BOUND = 5.0  # seconds that a list may hide what was just made
LAG = (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)  # of the bound: when a list is repeated, at most


def observe(
    stack: Stack,
    ledger: Ledger,
    apis: Mapping[str, Any],
    kinds: Registry,
    *,
    now: datetime | None = None,
    lag_bound: float = LAG_BOUND,
    everyday: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """The live objects of every kind that the spec or the ledger names.

    Args:
        apis: provider → its client.
        now: for telling ghosts; the own clock if left out.
        everyday: take secrets that the ledger is sure of for granted, which spares a call per principal.
        lag_bound: seconds that a list may hide what was just made.
        sleep: waits that many seconds, where an interrupted run left something open.

    Raises:
        RemoteError, CredentialError: a read failed; nothing can be said.
    """
    now = now or datetime.now(timezone.utc)
    wanted = wanted_of(stack, ledger, apis, kinds)
    with ThreadPoolExecutor(max_workers=AT_ONCE + 2 * len(wanted)) as pool:
        observer = Observer(stack, ledger, apis, kinds, pool, now)
        observer.everyday = now if everyday else None
        snapshot = without_ghosts(observer.lists(wanted), ledger, now)
        snapshot = observer.with_missing(snapshot)
        snapshot = without_ghosts(observer.with_nested(snapshot), ledger, now)
        snapshot = observer.with_patience(snapshot, now, [part * lag_bound for part in LAG], sleep)
        return without_ghosts(snapshot, ledger, now)
