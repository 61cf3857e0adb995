"""`reconcile watch`: plans every so often, heals what the spec allows, and tells how things stand."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from functools import partial

from reconciler.cli.apply_session import apply_plan
from reconciler.cli.arguments import duration
from reconciler.cli.audit_estate import look_and_judge, side_of
from reconciler.cli.console import Console
from reconciler.cli.interruption import stop_of
from reconciler.cli.parallel import guarded
from reconciler.cli.redaction import redacted
from reconciler.cli.run import Run
from reconciler.cli.telemetry import Telemetry, serving
from reconciler.cli.wiring import View
from reconciler.errors import LockedError, ReconcileError, StoppedError
from reconciler.model import Plan, Stack
from reconciler.planning import healable
from reconciler.rendering import AUDIT_FORMATS, Look, Palette

LONGEST = 3600.0  # seconds between two tries, however often it failed


def run(args: argparse.Namespace, console: Console) -> int:
    """Goes on until SIGTERM or Ctrl-C; the specs are read anew each time."""
    interval = duration(args.interval)
    if interval <= 0:
        raise ReconcileError("--interval must be longer than nothing", code="usage")
    telemetry = Telemetry(patience=2.5 * interval)
    with serving(telemetry, args.listen, console.say), stop_of(args).finishing(console.say) as stop:
        failures = 0
        while not stop.is_set():
            failures = 0 if _round(args, console, telemetry, stop) else failures + 1
            # backs off while it fails, so that a broken system isn't asked all the time
            stop.wait(
                min(interval * 2 ** min(failures, 10), max(LONGEST, interval)) if failures else interval
            )
    return 0


def _round(args: argparse.Namespace, console: Console, telemetry: Telemetry, stop: threading.Event) -> bool:
    """One look at every stack; False if any of them couldn't be looked at or healed."""
    began = time.monotonic()
    telemetry.round_began()
    with Run((), args) as run:
        try:
            found = run.load()
        except ReconcileError as error:
            console.error(error)
            telemetry.failed("", error.code)
            fine = False
        else:
            # every stack is looked at, whatever became of the ones before
            ended = [_stack(stack, args, console, telemetry, run) for stack in found]
            fine = all(ended)
            if not stop.is_set():
                _audit(found, args, console, telemetry, run)
    telemetry.round_ended(time.monotonic() - began, fine=fine)
    return fine


def _audit(
    found: Sequence[Stack], args: argparse.Namespace, console: Console, telemetry: Telemetry, run: Run
) -> None:
    """Judges the whole of both systems; that it can't is said, and makes the watch of the stacks no worse."""
    try:
        report = look_and_judge(found, args, side=side_of(found), run=run)
    except ReconcileError as error:
        console.error(error)
        telemetry.failed("", error.code)
        return
    shown = redacted(report)
    telemetry.audited(shown, AUDIT_FORMATS["html"](shown, Look(palette=Palette(unicode=True))))


def _stack(stack: Stack, args: argparse.Namespace, console: Console, telemetry: Telemetry, run: Run) -> bool:
    if stop_of(args).event.is_set():
        return True
    try:
        opened = run.opened(stack)
        with run.clients(stack, opened) as apis:
            view = run.look(stack, opened, apis, everyday=False)
            plan = view.plan(view.options(args))
        telemetry.planned(plan, view.opened.ledger)
        console.say(_line(plan))
        if stack.heal and healable(plan, stack.heal).pending:
            return _heal(stack, args, console, telemetry, run)
    except StoppedError:
        return True
    except LockedError as error:
        console.say(f"{stack.name}: {error.message}; looking again later")
        return True
    except ReconcileError as error:
        console.error(error)
        telemetry.failed(stack.name, error.code)
        return False
    return True


def _heal(stack: Stack, args: argparse.Namespace, console: Console, telemetry: Telemetry, run: Run) -> bool:
    """Plans again under the lease, and carries out what heals."""

    def planner(view: View) -> Plan:
        return healable(view.plan(view.options(args)), stack.heal)

    code = guarded(stack, partial(apply_plan, stack, planner, args, run=run), console)
    run.outdate()  # the audit of this round shows what has become of it
    telemetry.healed(stack.name, fine=code == 0)
    return code == 0


def _line(plan: Plan) -> str:
    counts = {name: count for name, count in plan.summary.items() if count and name != "no_op"}
    told = ", ".join(f"{count} to {name}" for name, count in counts.items()) or "no changes"
    return f"{plan.created} {plan.stack.name}: {told}"
