"""`reconcile plan`: what apply would change; recorded for a bare `apply`, saved with -o."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from reconciler.cli import plan_files
from reconciler.cli.console import Console
from reconciler.cli.parallel import Job, each
from reconciler.cli.run import Run
from reconciler.model import Action, Plan, Stack


def run(args: argparse.Namespace, console: Console) -> int:
    """Plans every stack; exit 1 if an address is blocked, 2 (if asked for) when changes are pending."""
    code, plans = _planned(args, console)
    # only now: the text of a plan is as large as all that was read for it, and that is gone
    for plan in plans:
        plan_files.record(plan, console.say)
    if plans:
        plan_files.remember(plans, console.say)
    # with --var the same ones are wanted again, and their values aren't ours to repeat
    if code in (0, 2) and any(plan.pending for plan in plans) and not args.var:
        saved = [args.output] if args.output and len(plans) == 1 else []
        console.next_step(["reconcile", "apply", *saved])
    return code


def _planned(args: argparse.Namespace, console: Console) -> tuple[int, list[Plan]]:
    """The exit code of planning every stack, and the plans that were made, in the order of their stacks."""
    plans: dict[str, Plan] = {}
    with Run((), args) as run:
        found = run.load()
        jobs = [Job(stack, partial(_plan, stack, args, plans, len(found) > 1, run)) for stack in found]
        code = each(jobs, console)
    return code, [plans[stack.file] for stack in found if stack.file in plans]


def _plan(
    stack: Stack,
    args: argparse.Namespace,
    plans: dict[str, Plan],
    is_one_of_many: bool,
    run: Run,
    console: Console,
) -> int:
    opened = run.opened(stack)
    with run.clients(stack, opened) as apis:
        with console.reading(apis):
            view = run.look(stack, opened, apis)
        plan = view.plan(view.options(args))
    console.result(console.form.plan(plan, console.look))
    plans[stack.file] = plan
    if args.output:
        path = Path(args.output) / f"{stack.name}.plan.json" if is_one_of_many else Path(args.output)
        plan_files.write(plan, path)
        console.say(f"saved to {path}")
    if any(change.action is Action.BLOCKED or change.held for change in plan.changes):
        return 1
    return 2 if args.detailed_exitcode and plan.pending else 0
