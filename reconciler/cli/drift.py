"""`reconcile drift`: how live differs from what was last applied."""

from __future__ import annotations

import argparse
from functools import partial

from reconciler.cli.console import Console
from reconciler.cli.interruption import stop_of
from reconciler.cli.parallel import Job, each
from reconciler.cli.wiring import clients, look, open_stack, stacks
from reconciler.model import Stack
from reconciler.planning import find_drift
from reconciler.providers import kinds_of


def run(args: argparse.Namespace, console: Console) -> int:
    """Looks at each stack; exit 2 if anything drifted."""
    code = each([Job(stack, partial(_drift, stack, args)) for stack in stacks(args)], console)
    if code == 2:
        console.next_step(["reconcile", "plan", *args.specs])
    return code


def _drift(stack: Stack, args: argparse.Namespace, console: Console) -> int:
    opened = open_stack(stack)
    with clients(stack, opened, args) as apis, console.reading(apis):
        view = look(stack, opened, apis, stop=stop_of(args))
    changes, problems = find_drift(view.opened.ledger, view.snapshot, kinds_of(stack), stack)
    found = (*view.snapshot.problems, *problems)
    console.result(console.form.drift(stack.name, changes, found, console.look))
    return 2 if changes else 0
