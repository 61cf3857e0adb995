"""Carries a plan out with a progress display, and stops cleanly on Ctrl-C."""

from __future__ import annotations

import argparse
import sys

from reconciler.applying import ApplyContext, Executor, FreshLists
from reconciler.cli.console import Console
from reconciler.cli.interruption import stop_of
from reconciler.cli.redaction import redacted
from reconciler.cli.wiring import View, WriteAccess, dead_runners
from reconciler.model import Outcome, Plan
from reconciler.providers import kinds_of
from reconciler.rendering import Progress
from reconciler.secrets import Identities
from reconciler.secrets.given_values import veiled


def carry_out(
    plan: Plan,
    view: View,
    holding: WriteAccess,
    args: argparse.Namespace,
    console: Console,
    *,
    lists: FreshLists,
    settle: float = 0.0,
) -> tuple[tuple[Outcome, ...], bool]:
    """The outcomes, and whether it was ended early.

    Args:
        lists: what is listed anew after writes, shared with the other stacks of the run.
        settle: seconds between making an app's successor and switching to it.

    Raises:
        FencedError, LedgerError: see Executor.run.
    """
    stop = stop_of(args)
    for api in view.apis.values():
        api.http.before_read = None  # what is under way may need one to finish
    work = ApplyContext(
        plan=plan,
        snapshot=view.snapshot,
        apis=view.apis,
        kinds=kinds_of(view.stack),
        runner=holding.runner,
        memory=lambda: holding.journal.ledger,
        dead=dead_runners(view.opened.ledger),
        pause=stop.event.wait,
        settle=settle,
        identities=view.identities or Identities(),
        opened=view.openable,
        lists=lists,
    )
    progress = _Progress(
        sys.stderr,
        # several stacks side by side can't share one display
        enabled=not console.quiet and bool(plan.pending) and console.held is None,
        palette=console.notes.palette,
        total=len(plan.pending),
        width=console.notes.width,
    )
    with progress, stop.finishing(progress.say) as ending:
        executor = Executor(
            work, holding.journal, parallelism=args.parallelism, watcher=progress, stop=ending
        )
        return executor.run(), ending.is_set()


class _Progress(Progress):
    """The display of what is under way, without what variables and files gave."""

    def finished(self, outcome: Outcome) -> None:
        """A change came to its end, good or bad."""
        super().finished(redacted(outcome))

    def say(self, line: str) -> None:
        """Prints a line without tearing the display apart."""
        super().say(veiled(line))
