"""Asks the remote systems, in bulk and side by side, for all that a stack needs to know, and whose it is.

A list that fails or breaks off stops here: it is never read as "nothing exists".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.kinds import Registry
from reconciler.matching import Pairing, Rivals, pair
from reconciler.model import Ledger, Stack
from reconciler.observing.reads import Observer, without_ghosts
from reconciler.observing.scopes import wanted_of

__all__ = ["FEW", "LAG", "LAG_BOUND", "ReadOptions", "observe"]

AT_ONCE = 8  # lists side by side; each client bounds its own requests
FEW = 8  # parents whose secrets even an everyday plan lists: a look that costs next to nothing
LAG_BOUND = 5.0  # seconds that a list may hide what was just made
LAG = (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)  # of the bound: when a list is repeated, at most


@dataclass(frozen=True)
class ReadOptions:
    """How the systems are looked at.

    Attributes:
        now: for telling ghosts.
        lag_bound: seconds that a list may hide what was just made.
        everyday: take secrets that the ledger is sure of for granted, which spares a call per principal.
        rivals: what other stacks own and wish for; asked once the lists are there, so that whatever a list
            shows is on somebody's record by then.
        sleep: waits that many seconds, where an interrupted run left something open.
    """

    now: datetime
    lag_bound: float = LAG_BOUND
    everyday: bool = False
    rivals: Callable[[], Rivals] = Rivals
    sleep: Callable[[float], None] = time.sleep


def observe(
    stack: Stack,
    ledger: Ledger,
    apis: Mapping[str, Any],
    kinds: Registry,
    options: ReadOptions,
    threads: ThreadPoolExecutor | None = None,
) -> Pairing:
    """The live objects of every kind that the spec or the ledger names, each with whose it is.

    Args:
        apis: provider → its client.
        threads: to read with, shared with whoever reads meanwhile; None for own ones.

    Raises:
        RemoteError, CredentialError: a read failed; nothing can be said.
    """
    now = options.now
    wanted = wanted_of(stack, ledger, apis, kinds)
    own = nullcontext(threads) if threads else ThreadPoolExecutor(max_workers=AT_ONCE + 2 * len(wanted))
    with own as pool:
        observer = Observer(stack, ledger, apis, kinds, pool, now, options.rivals)
        observer.everyday = now if options.everyday else None
        snapshot = without_ghosts(observer.lists(wanted), ledger, now)
        snapshot = observer.with_missing(snapshot)
        snapshot = without_ghosts(observer.with_nested(snapshot), ledger, now)
        snapshot = observer.with_patience(
            snapshot, now, [part * options.lag_bound for part in LAG], options.sleep
        )
        snapshot = observer.with_rights(without_ghosts(snapshot, ledger, now))
    return pair(stack, ledger, snapshot, kinds, now, observer.rivals, observer.outer)
