"""`reconcile ledger`: a stack's memory, shown or mended."""

from __future__ import annotations

import argparse
from dataclasses import replace

from reconciler import ledger as memory
from reconciler.cli.arguments import addresses
from reconciler.cli.console import Console
from reconciler.cli.outputs import noted
from reconciler.cli.run import Run
from reconciler.cli.wiring import held, open_stack, stacks, the_stack
from reconciler.errors import UsageError
from reconciler.rendering import LedgerView
from reconciler.specs.problems import listing, suggestion


def run(args: argparse.Namespace, console: Console) -> int:
    """Shows, forgets, moves or unlocks."""
    verbs = {
        "show": _show,
        "forget": _forget,
        "move": _move,
        "move-provider": _move_provider,
        "unlock": _unlock,
    }
    return verbs[args.verb](args, console)


def _show(args: argparse.Namespace, console: Console) -> int:
    for stack in stacks(args):
        ledger = open_stack(stack).ledger
        console.result(console.form.ledger(LedgerView(ledger, noted(stack, ledger)), console.look))
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


def _move_provider(args: argparse.Namespace, console: Console) -> int:
    stack, name = the_stack(args), args.provider
    if name not in stack.remotes:
        hint = suggestion(name, stack.remotes, f"the providers are: {listing(stack.remotes) or 'none'}")
        raise UsageError(f"the spec has no provider {name}", hint=hint)
    provider = stack.remotes[name]
    opened = open_stack(stack, moving=name)
    recorded = opened.ledger.remotes.get(name, "")
    memory.check_move(opened.ledger, provider)
    if provider.is_on_record_as(recorded):
        console.say(f"{name} is there already: nothing to move")
        return 0
    # looked at before anything is written: a refused move leaves the ledger as it is
    only = replace(opened, ledger=memory.within(opened.ledger, name))
    mine = replace(stack, resources={a: r for a, r in stack.resources.items() if r.provider == name})
    with Run([mine], args) as run, run.clients(mine, only) as apis:
        snapshot = run.look(mine, only, apis, everyday=False, takes_over=False).snapshot
    live = {(kind, one) for (at, kind), objects in snapshot.objects.items() if at == name for one in objects}
    memory.move_provider(opened.ledger, provider, live)  # may refuse, while nothing is leased yet
    with held(stack, console, moving=name) as holding:
        holding.journal.commit(lambda ledger: memory.move_provider(ledger, provider, live))
    console.say(f"moved {name} from {provider.told_record(recorded)} to {provider.shown_identity}")
    return 0


def _unlock(args: argparse.Namespace, console: Console) -> int:
    for stack in stacks(args):
        holder = memory.unlock(open_stack(stack).store, stack.name, force=True)
        if holder is None:
            console.say(f"the stack {stack.name!r} wasn't locked")
        else:
            console.say(f"ended the lease of {holder.text}")
    return 0
