"""Carries a plan out with a progress display, and stops cleanly on Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.applying import Executor, Work
from reconciler.cli.console import Console
from reconciler.cli.wiring import Holding, View, dead_runners
from reconciler.model import Outcome, Plan
from reconciler.providers import KINDS
from reconciler.rendering import Progress
from reconciler.secrets import Identities


def carry_out(
    plan: Plan,
    view: View,
    holding: Holding,
    args: argparse.Namespace,
    console: Console,
    *,
    settle: float = 0.0,
) -> tuple[tuple[Outcome, ...], bool]:
    """The outcomes, and whether Ctrl-C ended it early.

    Raises:
        FencedError, LedgerError: see Executor.run.
    """
    stop = threading.Event()
    work = Work(
        plan=plan,
        snapshot=view.snapshot,
        apis=view.apis,
        kinds=KINDS,
        runner=holding.runner,
        memory=lambda: holding.journal.ledger,
        dead=dead_runners(view.opened.ledger),
        pause=stop.wait,
        settle=settle,
        identities=view.identities or Identities(),
    )
    progress = Progress(
        sys.stderr,
        enabled=not console.quiet and bool(plan.pending),
        palette=console.notes.palette,
        total=len(plan.pending),
        width=console.notes.width,
    )
    with progress, _stopping(stop, progress):
        executor = Executor(work, holding.journal, parallelism=args.parallelism, watcher=progress, stop=stop)
        return executor.run(), stop.is_set()


@contextmanager
def _stopping(stop: threading.Event, progress: Progress) -> Iterator[None]:
    """SIGINT and SIGTERM: calls under way finish, the ledger is written, nothing new is begun."""

    def handler(number: int, frame: object) -> None:
        if not stop.is_set():
            progress.say("stopping: calls under way will finish, and the ledger will be written")
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
