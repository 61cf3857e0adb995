"""Applying: plan → outcomes, one remote call per step, the ledger written around each."""

from reconciler.applying.context import Work
from reconciler.applying.executor import Executor, Journal, Watcher

__all__ = ["Executor", "Journal", "Watcher", "Work"]
