"""From a ledger that was read to one that may be written: its lease, and the journal under it."""

from __future__ import annotations

import time
from collections.abc import Callable

from reconciler.ledger.journal import Journal
from reconciler.ledger.lease import Lease
from reconciler.ledger.opened_ledger import OpenedLedger
from reconciler.model import Runner


def new_lease(
    opened: OpenedLedger, *, runner: Runner | None = None, sleep: Callable[[float], None] = time.sleep
) -> Lease:
    """The lease of a ledger, not yet acquired; that of a stateless stack is shared with nobody.

    Args:
        sleep: waits that many seconds, for somebody else to give it back.
    """
    return Lease(opened.store, opened.stack.name, runner=runner, sleep=sleep)


def start_journal(opened: OpenedLedger, lease: Lease) -> Journal:
    """The journal under a lease that was acquired: reads the ledger again, since its last holder may have
    written meanwhile, and tells the lease when somebody else writes.

    Plan from its `ledger`, not from what was opened before. After a take-over our epoch is written at once,
    so that the former runner, should it wake, is fenced off.

    Raises:
        LedgerError: as open_ledger.
        FencedError: the lease was lost already.
    """
    now = opened.reread()
    journal = Journal(now.store, now.ledger, now.version, epoch=lease.epoch, on_fenced=lease.fence)
    if lease.took_over:
        journal.claim()
    return journal
