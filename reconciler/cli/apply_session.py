"""From a planner to a carried-out plan: lease, plan, question, execution, result."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial

from reconciler.applying.supplied_secrets import check_supplied
from reconciler.cli import consent
from reconciler.cli.console import Console
from reconciler.cli.execution import carry_out
from reconciler.cli.exit_codes import code_of
from reconciler.cli.interruption import stop_of
from reconciler.cli.outputs import noted
from reconciler.cli.parallel import Job, each
from reconciler.cli.redaction import redacted
from reconciler.cli.run import Run
from reconciler.cli.wiring import View, held
from reconciler.errors import ReconcileError
from reconciler.model import Action, Ledger, Plan, Stack
from reconciler.providers import kinds_of
from reconciler.rendering import Applied
from reconciler.rendering.outputs import outputs_text
from reconciler.secrets import Identities

Planner = Callable[[View], Plan]


def apply_each(
    stacks: Sequence[tuple[Stack, Planner | ReconcileError]], args: argparse.Namespace, console: Console
) -> int:
    """Plans and applies every stack: side by side, unless a person has to answer for each in turn.

    Args:
        stacks: each with its planner, or with what stands against planning it.
    """
    able = [stack for stack, planner in stacks if not isinstance(planner, ReconcileError)]
    with Run(able, args) as run:
        return _apply_each(stacks, args, console, run)


def apply_fresh(planner: Planner, args: argparse.Namespace, console: Console) -> int:
    """Plans and applies the stacks of the command line in the same way."""
    with Run((), args) as run:
        return _apply_each([(stack, planner) for stack in run.load(lists=False)], args, console, run)


def _apply_each(
    stacks: Sequence[tuple[Stack, Planner | ReconcileError]],
    args: argparse.Namespace,
    console: Console,
    run: Run,
) -> int:
    jobs = [
        Job(stack, partial(_refuse, planner))
        if isinstance(planner, ReconcileError)
        else Job(stack, partial(apply_plan, stack, planner, args, run=run))
        for stack, planner in stacks
    ]
    if len(stacks) == 1 or not (args.yes or args.approve):
        return each(jobs, console, side_by_side=False)
    with stop_of(args).finishing(console.say):
        return each(jobs, console)


def _refuse(error: ReconcileError, console: Console) -> int:
    raise error


def apply_plan(
    stack: Stack,
    planner: Planner,
    args: argparse.Namespace,
    console: Console,
    *,
    run: Run,
    settle: float = 0.0,
) -> int:
    """The exit code of planning and applying one stack.

    Args:
        run: what it shares with other stacks.
        settle: seconds between making an app's successor and switching to it.

    Raises:
        ApprovalError, StaleError, LockedError: nothing was changed.
        FencedError: somebody took over half-way.
    """
    stop = stop_of(args)
    with held(stack, console, stop=stop) as holding, run.clients(stack, holding.opened, holding) as apis:
        identities = Identities.from_environment(os.environ)
        console.problems(identities.warnings)
        with console.reading(apis):
            view = run.look(stack, holding.opened, apis, identities)
        plan = planner(view)
        if console.is_text or plan.destroys:
            console.result(console.form.plan(plan, console.look))
        check_supplied(plan, holding.opened.ledger, kinds_of(plan.stack))
        view.check_copies(plan)
        view.check_writable(plan)
        consent.ask(plan, args, console)
        outcomes, stopped = carry_out(plan, view, holding, args, console, lists=run.lists, settle=settle)
    if plan.pending or not console.is_text:
        console.result(console.form.outcomes(Applied(plan, outcomes), console.look))
    if console.is_text:
        console.result(new_outputs(stack, plan, holding.journal.ledger, console))
    if plan.pending and not plan.destroys and not stopped and code_of(outcomes) == 0:
        console.next_step(["reconcile", "verify", stack.file])
    return 130 if stopped else code_of(outcomes)


def new_outputs(stack: Stack, plan: Plan, ledger: Ledger, console: Console) -> str:
    """What to note down of what this plan brought into the ledger; "" if nothing."""
    actions = (Action.CREATE, Action.ADOPT, Action.REPLACE, Action.ROTATE)
    fresh = {change.address for change in plan.pending if change.action in actions}
    text = outputs_text(
        redacted(noted(stack, ledger, fresh)), palette=console.look.palette, title="New outputs"
    )
    return f"\n{text}" if text else ""
