"""`reconcile apply`: plans, asks, and carries out; or carries out a plan that was recorded or saved."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from reconciler import specs
from reconciler.cli import plan_files
from reconciler.cli.apply_session import Planner, apply_each, apply_fresh
from reconciler.cli.arguments import is_plan_file, variables
from reconciler.cli.console import Console
from reconciler.cli.policy_files import given_policies
from reconciler.cli.wiring import View
from reconciler.errors import ReconcileError, SpecError, StaleError, UsageError
from reconciler.model import Plan, Stack
from reconciler.model.policy import Policy
from reconciler.planning import plan_file
from reconciler.providers import KINDS, kinds_of


def run(args: argparse.Namespace, console: Console) -> int:
    """Applies each stack; one that fails doesn't stop the others."""
    if args.due:
        return _due(args, console)
    files = [Path(text) for text in args.specs if is_plan_file(text)]
    if files and len(files) < len(args.specs):
        raise ReconcileError("name specs or plan files, not both", code="usage")
    if files or not args.specs:
        recorded = files or plan_files.last()
        plans = [_read(path, is_alone=len(recorded) == 1) for path in recorded]
        checks = None if files else args
        rules = given_policies(args, os.environ)
        jobs: list[tuple[Stack, Planner | ReconcileError]] = [
            (plan.stack, _saved_planner(plan, checks, rules)) if isinstance(plan, plan_file.Saved) else plan
            for plan in plans
        ]
        return apply_each(jobs, args, console)
    return apply_fresh(_planned_now(args), args, console)


def _due(args: argparse.Namespace, console: Console) -> int:
    """What time made due in each stack; planned anew, so that no recorded or saved plan can hold it up."""
    if args.replace or args.approve or any(is_plan_file(text) for text in args.specs):
        raise UsageError(
            "--due plans by itself", hint="leave out --replace and --approve, and name specs, no plan file"
        )
    args.yes = True
    return apply_fresh(_planned_now(args), args, console)


def _read(path: Path, *, is_alone: bool) -> plan_file.Saved | tuple[Stack, ReconcileError]:
    """A plan from its file; of several, one that can't be used is its own stack's trouble.

    Raises:
        PlanError, StaleError: see `plan_files.read`; only the plan that is alone.
    """
    try:
        return plan_files.read(path)
    except ReconcileError as error:
        if is_alone:
            raise
        return Stack(path.name.removesuffix(".json").removesuffix(".plan"), str(path), {}, {}), error


def _planned_now(args: argparse.Namespace) -> Planner:
    return lambda view: view.plan(view.options(args))


def _saved_planner(
    plan: plan_file.Saved, checks: argparse.Namespace | None, rules: Sequence[Policy]
) -> Planner:
    """Makes a saved plan anew.

    Args:
        rules: policies that hold now, whatever held when the plan was made.
        checks: the command line that its spec is loaded with, to see that it is as it was; None not to look.
    """

    def planner(view: View) -> Plan:
        if checks is not None:
            _check_spec(plan, checks)
        broken = () if plan.destroys else tuple(specs.breaches(plan.stack, rules, kinds_of(plan.stack)))
        if broken:
            raise SpecError(broken)
        options = view.options(argparse.Namespace(target=(), replace=()))
        options = plan_file.with_options(options, plan)
        fresh = view.destroy_plan(options) if plan.destroys else view.plan(options)
        return plan_file.check_fresh(plan, fresh)

    return planner


def _check_spec(plan: plan_file.Saved, args: argparse.Namespace) -> None:
    """A recorded plan is stale when its spec has changed since; other stacks go on.

    Raises:
        StaleError: it has.
    """
    now = specs.load(plan.stack.file, KINDS, variables=variables(args), environment=os.environ)
    if now.digest != plan.stack.digest:
        raise StaleError(
            f"the recorded plan is stale: {plan.stack.file} has changed since it was made",
            hint="run `reconcile plan` again",
        )
