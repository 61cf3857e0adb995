"""Applying: plan → outcomes, one remote call per step, the ledger written around each."""

from reconciler.applying.executor import Executor, Journal, Watcher
from reconciler.applying.work import Work

__all__ = ["Executor", "Journal", "Watcher", "Work"]
