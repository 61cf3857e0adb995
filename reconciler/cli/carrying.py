"""Carries a plan out with a progress display, and stops cleanly on Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from reconciler.applying import Executor, Work
from reconciler.cli.console import Console
from reconciler.cli.veiling import veiled_outcome
from reconciler.cli.wiring import Holding, View, dead_runners
from reconciler.model import Outcome, Plan
from reconciler.providers import KINDS
from reconciler.rendering import Progress
from reconciler.secrets import Identities
from reconciler.secrets.given import veiled


def carry_out(
    plan: Plan,
    view: View,
    holding: Holding,
    args: argparse.Namespace,
    console: Console,
    *,
    settle: float = 0.0,
    stop: threading.Event | None = None,
) -> tuple[tuple[Outcome, ...], bool]:
    """The outcomes, and whether it was ended early.

    Args:
        stop: ends it early once set; None for an own one, set by Ctrl-C.

    Raises:
        FencedError, LedgerError: see Executor.run.
    """
    ending = stop or threading.Event()
    for api in view.apis.values():
        api.http.stopped = ending.is_set
    work = Work(
        plan=plan,
        snapshot=view.snapshot,
        apis=view.apis,
        kinds=KINDS,
        runner=holding.runner,
        memory=lambda: holding.journal.ledger,
        dead=dead_runners(view.opened.ledger),
        pause=ending.wait,
        settle=settle,
        identities=view.identities or Identities(),
    )
    progress = _Progress(
        sys.stderr,
        # several stacks side by side can't share one display
        enabled=not console.quiet and bool(plan.pending) and console.held is None,
        palette=console.notes.palette,
        total=len(plan.pending),
        width=console.notes.width,
    )
    with progress, nullcontext() if stop else stopping(progress.say, ending):
        executor = Executor(
            work, holding.journal, parallelism=args.parallelism, watcher=progress, stop=ending
        )
        outcomes = executor.run()
        for address, words in sorted(work.kept.items()):
            progress.say(f"still-in-use: {address}: {words}")
        return outcomes, ending.is_set()


class _Progress(Progress):
    """The display of what is under way, without what variables and files gave."""

    def finished(self, outcome: Outcome) -> None:
        """A change came to its end, good or bad."""
        super().finished(veiled_outcome(outcome))

    def say(self, line: str) -> None:
        """Prints a line without tearing the display apart."""
        super().say(veiled(line))


@contextmanager
def stopping(say: Callable[[str], object], stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """SIGINT, SIGTERM and SIGHUP: calls under way finish, the ledger is written, nothing new is begun."""
    event = stop or threading.Event()

    def handler(number: int, frame: object) -> None:
        if not event.is_set():
            say("stopping: calls under way will finish, and the ledger will be written")
        event.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    # what is started with nohup is meant to outlive its terminal
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield event
    finally:
        for number, old in before.items():
            signal.signal(number, old)
