"""Applying: plan → outcomes, one remote call per step, the ledger written around each."""

from reconciler.applying.context import ApplyContext
from reconciler.applying.executor import Executor, Watcher
from reconciler.applying.fresh_lists import FreshLists

__all__ = ["ApplyContext", "Executor", "FreshLists", "Watcher"]
