"""`reconcile destroy`: deletes all that a stack owns, in reverse order."""

from __future__ import annotations

import argparse

from reconciler.cli import consent
from reconciler.cli.carrying import carry_out
from reconciler.cli.console import Console
from reconciler.cli.outcome import code_of, worst
from reconciler.cli.wiring import clients, held, look, stacks
from reconciler.model import Stack


def run(args: argparse.Namespace, console: Console) -> int:
    """Destroys each stack, one after the other."""
    return worst([_destroy(stack, args, console) for stack in stacks(args)])


def _destroy(stack: Stack, args: argparse.Namespace, console: Console) -> int:
    with held(stack, console) as holding, clients(stack, holding.opened) as apis:
        holding.guard(apis)
        view = look(stack, holding.opened, apis)
        plan = view.destroy_plan(view.options(args))
        if console.is_text:
            console.result(console.form.plan(plan, console.look))
        view.check_writable(plan)
        consent.ask(plan, args, console)
        outcomes, stopped = carry_out(plan, view, holding, args, console)
    if plan.pending or not console.is_text:
        console.result(console.form.outcomes(plan, outcomes, console.look))
    return 130 if stopped else code_of(outcomes)
