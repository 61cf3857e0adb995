"""`reconcile schema`: the JSON Schema of a spec, in one piece."""

from __future__ import annotations

import argparse

from reconciler import specs
from reconciler.cli.console import Console


def run(args: argparse.Namespace, console: Console) -> int:
    """Prints the schema."""
    console.result(specs.schema_text())
    return 0
