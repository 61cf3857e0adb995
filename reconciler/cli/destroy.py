"""`reconcile destroy`: deletes all that a stack owns, in reverse order."""

from __future__ import annotations

import argparse

from reconciler.cli.applying import apply_plan
from reconciler.cli.console import Console
from reconciler.cli.outcome import worst
from reconciler.cli.wiring import stacks


def run(args: argparse.Namespace, console: Console) -> int:
    """Destroys each stack, one after the other."""
    return worst(
        [
            apply_plan(stack, lambda view: view.destroy_plan(view.options(args)), args, console)
            for stack in stacks(args)
        ]
    )
