"""`reconcile apply`: plans, asks, and carries out; or carries out a plan that was recorded or saved."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from reconciler import specs
from reconciler.cli import consent, planfiles
from reconciler.cli.carrying import carry_out
from reconciler.cli.console import Console
from reconciler.cli.options import is_plan_file, variables
from reconciler.cli.outcome import code_of, worst
from reconciler.cli.wiring import View, clients, held, look, stacks
from reconciler.errors import CredentialError, ReconcileError, StaleError
from reconciler.model import Plan, Stack
from reconciler.planning import saved

Planner = Callable[[View], Plan]


def run(args: argparse.Namespace, console: Console) -> int:
    """Applies each stack; one that fails doesn't stop the others."""
    files = [Path(text) for text in args.specs if is_plan_file(text)]
    if files and len(files) < len(args.specs):
        raise ReconcileError("name specs or plan files, not both", code="usage")
    if files or not args.specs:
        recorded = files or planfiles.last()
        plans = [planfiles.read(path) for path in recorded]
        if not files:
            _check_specs(plans, args)
        jobs = [(plan.stack, _saved_planner(plan)) for plan in plans]
    else:
        jobs = [(stack, lambda view: view.plan(view.options(args))) for stack in stacks(args)]
    return worst([_guarded(stack, planner, args, console, several=len(jobs) > 1) for stack, planner in jobs])


def _guarded(
    stack: Stack, planner: Planner, args: argparse.Namespace, console: Console, *, several: bool
) -> int:
    try:
        return _apply(stack, planner, args, console)
    except ReconcileError as error:
        if not several:
            raise
        console.error(error)
        return error.exit_code


def _apply(stack: Stack, planner: Planner, args: argparse.Namespace, console: Console) -> int:
    with held(stack, console) as holding, clients(stack, holding.opened) as apis:
        holding.guard(apis)
        view = look(stack, holding.opened, apis)
        plan = planner(view)
        if console.is_text:
            console.result(console.form.plan(plan, console.look))
        _check_supplied(plan)
        view.check_writable(plan)
        consent.ask(plan, args, console)
        outcomes, stopped = carry_out(plan, view, holding, args, console)
    if plan.pending or not console.is_text:
        console.result(console.form.outcomes(plan, outcomes, console.look))
    return 130 if stopped else code_of(outcomes)


def _saved_planner(plan: saved.Saved) -> Planner:
    def planner(view: View) -> Plan:
        options = view.options(argparse.Namespace(target=(), replace=()))
        options = saved.with_options(options, plan)
        fresh = view.destroy_plan(options) if plan.destroys else view.plan(options)
        return saved.check_fresh(plan, fresh)

    return planner


def _check_specs(plans: list[saved.Saved], args: argparse.Namespace) -> None:
    """A recorded plan is stale when its spec has changed since.

    Raises:
        StaleError: it has.
    """
    for plan in plans:
        now = specs.load(plan.stack.file, variables=variables(args), environment=os.environ)
        if now.digest != plan.stack.digest:
            raise StaleError(
                f"the recorded plan is stale: {plan.stack.file} has changed since it was made",
                hint="run `reconcile plan` again",
            )


def _check_supplied(plan: Plan) -> None:
    """What a plan can do without, and an apply can't.

    Raises:
        CredentialError: the variable that a secret comes from isn't set.
    """
    for address in sorted({change.address for change in plan.pending} & set(plan.stack.resources)):
        resource = plan.stack.resources[address]
        for value in resource.inputs:
            if value.secret is None:
                raise CredentialError(
                    f"{value.source} isn't set, and a secret of {address} comes from it",
                    code="unset-variable",
                    address=str(address),
                    at=resource.at,
                    hint=f"set it: the spec says {value.expression}",
                )
