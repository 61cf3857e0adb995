"""`reconcile validate`: everything that can be said of a spec without asking anybody."""

from __future__ import annotations

import argparse
import os

from reconciler import specs
from reconciler.cli.arguments import variables
from reconciler.cli.console import Console
from reconciler.cli.policy_files import rules_of
from reconciler.errors import Problem, Severity, SpecError
from reconciler.providers import KINDS


def run(args: argparse.Namespace, console: Console) -> int:
    """Checks the specs; exit 1 if any has an error."""
    found: list[Problem] = []
    count = 0
    try:
        loaded = specs.load_all(
            args.specs or ["specs/"],
            KINDS,
            variables=variables(args),
            environment=os.environ,
            strict=False,
            recursive=args.recursive,
            rules=rules_of(args, os.environ),
        )
        count = len(loaded)
        found = [problem for stack in loaded for problem in stack.problems]
    except SpecError as error:
        found = list(error.problems)
    failed = any(problem.severity is Severity.ERROR for problem in found)
    if console.is_text:
        console.problems(found) if not failed else console.complaints(found)
        if not failed:
            console.result(f"{count} {'spec is' if count == 1 else 'specs are'} valid.\n")
            console.next_step(["reconcile", "plan", *args.specs])
    else:
        console.result(console.form.problems(found, console.look))
    return 1 if failed else 0
