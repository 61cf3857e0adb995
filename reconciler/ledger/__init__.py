"""The stack's memory: read and checked, leased to one runner at a time, written durably and rarely."""

from reconciler.ledger.codec import decode, encode
from reconciler.ledger.file_store import FileStore
from reconciler.ledger.journal import Journal
from reconciler.ledger.lease import Lease, Waiting, unlock
from reconciler.ledger.manual_edits import check_move, forget, move, move_provider, within
from reconciler.ledger.opened_ledger import (
    Claims,
    Content,
    OpenedLedger,
    claims,
    open_ledger,
    owners_in,
    read_content,
    recorded_plan_path,
)
from reconciler.ledger.runner import current_runner, is_proven_dead
from reconciler.ledger.store import MemoryStore, UncertainWriteError
from reconciler.ledger.writer import new_lease, start_journal

__all__ = [
    "Claims",
    "Content",
    "FileStore",
    "Journal",
    "Lease",
    "MemoryStore",
    "OpenedLedger",
    "UncertainWriteError",
    "Waiting",
    "check_move",
    "claims",
    "current_runner",
    "decode",
    "encode",
    "forget",
    "is_proven_dead",
    "move",
    "move_provider",
    "new_lease",
    "open_ledger",
    "owners_in",
    "read_content",
    "recorded_plan_path",
    "start_journal",
    "unlock",
    "within",
]
