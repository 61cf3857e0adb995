"""`reconcile drift`: how live differs from what was last applied."""

from __future__ import annotations

import argparse
from functools import partial

from reconciler.cli.console import Console
from reconciler.cli.parallel import Job, each
from reconciler.cli.run import Run
from reconciler.model import Stack
from reconciler.planning import find_drift
from reconciler.providers import kinds_of
from reconciler.rendering import Drift


def run(args: argparse.Namespace, console: Console) -> int:
    """Looks at each stack; exit 2 if anything drifted."""
    with Run((), args) as run:
        found = run.load()
        code = each([Job(stack, partial(_drift, stack, run)) for stack in found], console)
    if code == 2:
        console.next_step(["reconcile", "plan", *args.specs])
    return code


def _drift(stack: Stack, run: Run, console: Console) -> int:
    opened = run.opened(stack)
    with run.clients(stack, opened) as apis, console.reading(apis):
        view = run.look(stack, opened, apis, everyday=False, takes_over=False)
    changes, problems = find_drift(view.opened.ledger, view.snapshot, kinds_of(stack), stack)
    found = (*view.snapshot.problems, *problems)
    console.result(console.form.drift(Drift(stack.name, changes, found), console.look))
    return 2 if changes else 0
