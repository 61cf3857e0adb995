"""`reconcile ledger`: a stack's memory, shown or mended."""

from __future__ import annotations

import argparse

from reconciler import ledger as memory
from reconciler.cli.console import Console
from reconciler.cli.options import addresses
from reconciler.cli.wiring import held, open_stack, stacks, the_stack


def run(args: argparse.Namespace, console: Console) -> int:
    """Shows, forgets, moves or unlocks."""
    verbs = {"show": _show, "forget": _forget, "move": _move, "unlock": _unlock}
    return verbs[args.verb](args, console)


def _show(args: argparse.Namespace, console: Console) -> int:
    for stack in stacks(args):
        console.result(console.form.ledger(open_stack(stack).ledger, console.look))
    return 0


def _forget(args: argparse.Namespace, console: Console) -> int:
    (address,) = addresses([args.address])
    with held(the_stack(args), console) as holding:
        holding.journal.commit(lambda ledger: memory.forget(ledger, address))
    console.say(f"forgot {address}; it stays alive, and nobody manages it")
    return 0


def _move(args: argparse.Namespace, console: Console) -> int:
    source, target = addresses([args.source, args.target])
    with held(the_stack(args), console) as holding:
        holding.journal.commit(lambda ledger: memory.move(ledger, source, target))
    console.say(f"moved {source} to {target}")
    return 0


def _unlock(args: argparse.Namespace, console: Console) -> int:
    for stack in stacks(args):
        holder = memory.unlock(open_stack(stack).store, stack.name, force=True)
        if holder is None:
            console.say(f"the stack {stack.name!r} wasn't locked")
        else:
            console.say(f"ended the lease of {holder.text}")
    return 0
