"""`reconcile plan`: what apply would change; recorded for a bare `apply`, saved with -o."""

from __future__ import annotations

import argparse
from pathlib import Path

from reconciler.cli import planfiles
from reconciler.cli.console import Console
from reconciler.cli.outcome import worst
from reconciler.cli.wiring import clients, look, open_stack, stacks
from reconciler.model import Action, Plan, Stack


def run(args: argparse.Namespace, console: Console) -> int:
    """Plans every stack; exit 1 if an address is blocked, 2 (if asked for) when changes are pending."""
    found = stacks(args)
    plans = [_plan(stack, args, console, several=len(found) > 1) for stack in found]
    planfiles.remember(plans)
    return worst([_code(plan, detailed=args.detailed_exitcode) for plan in plans])


def _plan(stack: Stack, args: argparse.Namespace, console: Console, *, several: bool) -> Plan:
    opened = open_stack(stack)
    with clients(stack, opened) as apis:
        view = look(stack, opened, apis)
        plan = view.plan(view.options(args))
    console.result(console.form.plan(plan, console.look))
    planfiles.record(plan)
    if args.output:
        path = Path(args.output) / f"{stack.name}.plan.json" if several else Path(args.output)
        planfiles.write(plan, path)
        console.say(f"saved to {path}")
    return plan


def _code(plan: Plan, *, detailed: bool) -> int:
    if any(change.action is Action.BLOCKED for change in plan.changes):
        return 1
    return 2 if detailed and plan.pending else 0
