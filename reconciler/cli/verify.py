"""`reconcile verify`: proves that credentials and wiring work; takes no lease and writes no ledger."""

from __future__ import annotations

import argparse
import os
from functools import partial

from reconciler.cli.console import Console
from reconciler.cli.parallel import Job, each
from reconciler.cli.run import Run
from reconciler.model import Proof, Stack
from reconciler.providers import kinds_of
from reconciler.rendering import Proofs
from reconciler.secrets import Identities
from reconciler.verifying import values_at_hand, verify


def run(args: argparse.Namespace, console: Console) -> int:
    """Proves each stack; exit 1 if anything is broken."""
    with Run((), args) as run:
        return each([Job(stack, partial(_verify, stack, run)) for stack in run.load()], console)


def _verify(stack: Stack, run: Run, console: Console) -> int:
    opened = run.opened(stack)
    identities = Identities.from_environment(os.environ)
    console.problems(identities.warnings)
    with run.clients(stack, opened) as apis:
        view = run.look(stack, opened, apis, everyday=False, takes_over=False)
        found = verify(
            stack,
            view.pairing,
            apis,
            kinds_of(stack),
            now=view.now,
            values=values_at_hand(stack, opened.ledger, identities),
        )
    console.problems(view.snapshot.problems)
    console.result(console.form.verification(Proofs(stack.name, found), console.look))
    return 1 if any(one.status is Proof.BROKEN for one in found) else 0
