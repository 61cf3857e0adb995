"""`reconcile show PLANFILE`: a saved plan in any format, offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from reconciler.cli import plan_files
from reconciler.cli.console import Console


def run(args: argparse.Namespace, console: Console) -> int:
    """Renders the plan; asks nobody anything."""
    console.result(console.form.plan(plan_files.seen(Path(args.planfile)), console.look))
    return 0
