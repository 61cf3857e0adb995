"""`reconcile destroy`: deletes all that a stack owns, in reverse order."""

from __future__ import annotations

import argparse

from reconciler.cli.apply_session import apply_each
from reconciler.cli.console import Console
from reconciler.cli.wiring import stacks


def run(args: argparse.Namespace, console: Console) -> int:
    """Destroys each stack; one that fails doesn't stop the others."""
    return apply_each(
        [(stack, lambda view: view.destroy_plan(view.options(args))) for stack in stacks(args)], args, console
    )
