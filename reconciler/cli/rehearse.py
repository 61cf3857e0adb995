"""`reconcile rehearse`: the plan, carried out in a copy of what is live; touches nothing real."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from reconciler.applying.supplied_secrets import check_supplied
from reconciler.cli.console import Console
from reconciler.cli.interruption import stop_of
from reconciler.cli.parallel import Job, each
from reconciler.cli.run import Run
from reconciler.cli.wiring import View, stacks
from reconciler.errors import PlanError
from reconciler.matching import Rivals
from reconciler.model import FILES, Action, Change, Plan, Stack
from reconciler.planning import Options
from reconciler.providers import kinds_of
from reconciler.rehearsing import Heard, Script, Stage, copy_of, rehearse
from reconciler.secrets import Identities

_COPIED = ("databricks", "connect", FILES)


def run(args: argparse.Namespace, console: Console) -> int:
    """Rehearses every stack; exit 1 if a run doesn't end with an empty plan."""
    found = stacks(args)
    with Run(found, args) as whole:
        return each([Job(stack, partial(_rehearse, stack, args, whole)) for stack in found], console)


def _rehearse(stack: Stack, args: argparse.Namespace, whole: Run, console: Console) -> int:
    """One stack, with reads of its own: what they answer makes its copy."""
    opened = whole.opened(stack)
    identities = Identities.from_environment(os.environ)
    console.problems(identities.warnings)
    with Run([stack], args, whole=whole) as run, run.clients(stack, opened) as apis:
        _check_known(stack, apis)
        heard = {name: Heard() for name in apis if stack.providers[name].type != FILES}
        for name, hear in heard.items():
            apis[name].http.listen(hear)
        with console.reading(apis):
            view = run.look(stack, opened, apis, identities, everyday=False)
        options = view.options(args)
        plan = view.plan(options)
        check_supplied(plan, view.opened.ledger, kinds_of(stack))
        view.check_writable(plan)
        script = _script(view, options, run.rivals_of(opened, apis), heard)
    _check_copy(plan, Stage(script).plan())
    with console.progress() as tell:
        shown = rehearse(
            script, parallelism=args.parallelism, sleep=stop_of(args).sleep, faults=args.faults, tell=tell
        )
    console.result(console.form.rehearsal(shown, console.look))
    return 0 if shown.converges else 1


def _check_known(stack: Stack, apis: Mapping[str, Any]) -> None:
    """Nothing real is ever written: of what can't be copied nothing is rehearsed.

    Raises:
        PlanError: a system of the stack is of such a sort.
    """
    strange = sorted(name for name in apis if stack.providers[name].type not in _COPIED)
    if strange:
        raise PlanError(
            f"provider {strange[0]}: there is no sandbox of a {stack.providers[strange[0]].type}",
            hint="rehearse the rest as a stack of its own; `reconcile plan` still says what it would change",
            code="no-copy",
        )


def _script(view: View, options: Options, rivals: Rivals, heard: Mapping[str, Heard]) -> Script:
    apis: Mapping[str, Any] = view.apis
    return Script(
        stack=view.stack,
        ledger=view.opened.ledger,
        kinds=kinds_of(view.stack),
        copies={name: copy_of(view.stack.providers[name], apis[name], hear) for name, hear in heard.items()},
        folders={name: api for name, api in apis.items() if name not in heard},
        options=options,
        rivals=rivals,
        identities=view.identities or Identities(),
    )


def _changes(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.action is not Action.NO_OP]


def _check_copy(plan: Plan, copied: Plan) -> None:
    """A rehearsal says something only if the copy is like what is live.

    Raises:
        PlanError: it isn't.
    """
    real, drafted = (
        {(str(change.address), change.action): change.fields for change in _changes(each)}
        for each in (plan, copied)
    )
    strange = sorted(
        {address for address, action in real.keys() ^ drafted.keys()}
        | {key[0] for key in real.keys() & drafted.keys() if real[key] != drafted[key]}
    )
    if strange:
        raise PlanError(
            f"the copy of what is live isn't like it: {', '.join(strange)} would be planned otherwise",
            hint="somebody may be changing it right now: try again; if it stays so, this can't be rehearsed",
            code="copy-differs",
        )
