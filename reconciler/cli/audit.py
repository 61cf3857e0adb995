"""`reconcile audit`: what is wrong between the two systems, whoever manages what; changes nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from reconciler.cli.audit_estate import look_and_judge
from reconciler.cli.console import Console
from reconciler.cli.redaction import redacted
from reconciler.cli.run import Run
from reconciler.rendering import AUDIT_FORMATS

DEFAULT = "specs/"


def run(args: argparse.Namespace, console: Console) -> int:
    """Looks at everything once; exit 2 if a finding reaches --fail-on."""
    with Run((), args) as run:
        # without any spec the environment says which systems there are
        found = run.load() if args.specs or Path(DEFAULT).is_dir() else []
        names = {name for stack in found for name in stack.remotes} or {"both systems"}
        with console.reading(names):
            report = look_and_judge(found, args, run=run, side=args.side or "")
    console.result(AUDIT_FORMATS[args.format](redacted(report), console.look))
    if any(finding.code == "unmanaged" for finding in report.findings):
        console.next_step(["reconcile", "export", *args.specs])
    return 2 if report.reaches(args.fail_on) else 0
