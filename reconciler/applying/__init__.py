"""Applying: plan → outcomes, one remote call per step, the ledger written around each."""

from reconciler.applying.context import ApplyContext
from reconciler.applying.executor import Executor, LedgerWriter, Watcher

__all__ = ["ApplyContext", "Executor", "LedgerWriter", "Watcher"]
