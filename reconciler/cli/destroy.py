"""`reconcile destroy`: deletes all that a stack owns, in reverse order."""

from __future__ import annotations

import argparse

from reconciler.cli.apply_session import apply_fresh
from reconciler.cli.console import Console


def run(args: argparse.Namespace, console: Console) -> int:
    """Destroys each stack; one that fails doesn't stop the others."""
    return apply_fresh(lambda view: view.destroy_plan(view.options(args)), args, console)
