"""`reconcile outputs`: what to note down of a stack, from its ledger; asks no remote system."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection
from dataclasses import replace

from reconciler import specs
from reconciler.cli.arguments import variables
from reconciler.cli.console import Console
from reconciler.cli.redaction import redacted
from reconciler.cli.wiring import open_stack
from reconciler.model import Address, Ledger, Stack
from reconciler.providers import KINDS, kinds_of
from reconciler.rendering.outputs import outputs, outputs_env, outputs_json, outputs_text
from reconciler.rendering.things import Outputs


def run(args: argparse.Namespace, console: Console) -> int:
    """Prints the outputs of each stack; addresses of providers may be unset, since nobody is asked."""
    stacks = specs.load_all(
        args.specs or ["specs/"], KINDS, variables=variables(args), environment=os.environ, strict=False
    )
    by_stack = {}
    for stack in stacks:
        found = noted(stack, open_stack(_unaddressed(stack)).ledger)
        found = by_stack[stack.name] = redacted(found)
        if args.format == "json":
            console.result(json.dumps(outputs_json(stack.name, found)) + "\n")
        elif args.format != "env":
            title = f"Outputs of stack {stack.name}"
            console.result(outputs_text(found, palette=console.look.palette, title=title))
        if not found:
            console.say(f"the stack {stack.name} owns nothing yet")
    if args.format == "env":
        console.result(outputs_env(by_stack))
    return 0


def _unaddressed(stack: Stack) -> Stack:
    """The stack without its providers' addresses: nobody is asked, so it needn't be known where they are."""
    bare = {name: replace(each, address="", account_id="") for name, each in stack.providers.items()}
    return replace(stack, providers=bare)


def noted(stack: Stack, ledger: Ledger, only: Collection[Address] | None = None) -> Outputs:
    """What to note down of a stack; not the address of a provider that came from a variable."""
    private = frozenset(name for name, provider in stack.providers.items() if provider.is_private)
    return outputs(ledger, kinds_of(stack), hidden=private, only=only)
