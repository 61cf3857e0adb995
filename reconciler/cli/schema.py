"""`reconcile schema`: the JSON Schema of a spec, in one piece."""

from __future__ import annotations

import argparse

from reconciler import specs
from reconciler.cli.console import Console
from reconciler.providers import KINDS


def run(args: argparse.Namespace, console: Console) -> int:
    """Prints the schema."""
    console.result(specs.schemas_of(KINDS).text)
    return 0
