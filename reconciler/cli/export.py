"""`reconcile export`: a spec of what is live and belongs to nobody yet; changes nothing anywhere."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from reconciler import specs
from reconciler.cli.console import Console
from reconciler.cli.ownership import Belongings, belongings
from reconciler.cli.policy_files import given_policies
from reconciler.cli.remote_systems import Systems, systems
from reconciler.cli.wiring import stacks
from reconciler.errors import Problem, SpecError, UsageError
from reconciler.exporting import Exported, Wishes, export
from reconciler.exporting.keys import slug
from reconciler.exporting.selection import used_holders
from reconciler.exporting.terraform_exit import known_secrets, leaving_text
from reconciler.exporting.terraform_state import State, read_state
from reconciler.model import Stack
from reconciler.model.policy import Policy
from reconciler.model.values import KEY
from reconciler.providers import KINDS
from reconciler.surveying import Estate, survey

_MOST = 5  # addresses that a line of the summary names


def run(args: argparse.Namespace, console: Console) -> int:
    """Reads both systems and writes what is left; an existing file is never overwritten."""
    target = Path(args.output) if args.output else None
    if target is not None and (target.exists() or target.is_symlink()):
        raise UsageError(f"{target} exists already, and nothing is overwritten", hint="name another file")
    name = _stack_name(args, target)
    states = [_state(file) for file in args.from_terraform]
    given = stacks(args) if args.specs else []
    found = systems(given, os.environ, side=args.side or "", folder=target.parent if target else None)
    owned = belongings(given, target, name, console.say)
    with ExitStack() as open_clients:
        apis = found.connected(args, os.environ, open_clients)
        with console.reading(apis):
            estate = survey(found.settled(apis), apis, KINDS, parents=lambda seen: used_holders(seen, KINDS))
            servers = [name for name, spec in estate.providers.items() if spec.type == "connect"]
            defaults = {name: apis[name].defaults() for name in servers}
    console.problems(estate.snapshot.problems)
    rules = given_policies(args, os.environ)
    exported = export(
        estate,
        _wishes(args, name, found, owned, estate, states),
        KINDS,
        _judged,
        breaches=lambda text: _breaches(text, rules) if rules else (),
        defaults=defaults,
    )
    if exported.text and target is not None:
        owned.check_name(name, target.parent)
    leaving = leaving_text(exported, states, args.from_terraform) if states else ""
    return _deliver(exported, leaving, target, console)


def _stack_name(args: argparse.Namespace, target: Path | None) -> str:
    name = args.stack or (slug(target.stem) if target else "") or "exported"
    if not KEY.match(name):
        raise UsageError(f"--stack {name!r}: letters, digits, - and _")
    return str(name)


def _state(file: str) -> State:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't text; give what `terraform show -json` prints"
        raise UsageError(f"{file} can't be read: {reason}") from None
    return read_state(text, "what stdin holds" if file == "-" else file, KINDS)


def _wishes(
    args: argparse.Namespace,
    name: str,
    found: Systems,
    owned: Belongings,
    estate: Estate,
    states: Sequence[State],
) -> Wishes:
    only: dict[tuple[str, str], str] = {}
    for state in states:
        for ident, key in state.keys().items():
            while key in [other for (kind, _), other in only.items() if kind == ident[0]]:
                key += "-again"
            only.setdefault(ident, key)
    known = {ident: "" for ident in known_secrets(states) if ident in only}
    return Wishes(
        stack=name,
        side=args.side or "",
        match=tuple(args.match),
        claims=owned.claims(estate),
        lenders=found.lenders,
        only=only if states else None,
        known={ident: f"SECRET_OF_{_capital(ident[0])}_{_capital(only[ident])}" for ident in known},
    )


def _capital(text: str) -> str:
    return text.upper().replace("-", "_")


def _judged(text: str) -> Sequence[Problem]:
    """What `validate` finds in a text."""
    try:
        return _loaded(text).problems
    except SpecError as error:
        return error.problems


def _breaches(text: str, rules: Sequence[Policy]) -> Sequence[Problem]:
    """What in a text breaks policies."""
    try:
        return tuple(specs.breaches(_loaded(text), rules, KINDS))
    except SpecError:
        return ()


def _loaded(text: str) -> Stack:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "exported.yaml"
        file.write_text(text, encoding="utf-8")
        return specs.load(file, KINDS, environment=os.environ, strict=False)


def _deliver(exported: Exported, leaving: str, target: Path | None, console: Console) -> int:
    if not exported.text:
        console.say("nothing is left to take over: all that is live belongs to somebody, or wasn't meant")
        if leaving:
            console.emit(leaving, is_result=False)
        return 0
    if target is None:
        console.result(exported.text)
        if leaving:
            console.emit(leaving, is_result=False)
    else:
        _write(target, exported.text)
        console.say(f"wrote {target}: {exported.count} objects")
        console.result(leaving)
    for sort, addresses in sorted(exported.oddities.items()):
        more = f", and {len(addresses) - _MOST} more" if len(addresses) > _MOST else ""
        console.say(f"{sort}: {', '.join(map(str, addresses[:_MOST]))}{more}")
    if target is not None:
        console.next_step(["reconcile", "plan", str(target)])
    return 0


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{target} exists already, and nothing is overwritten") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{target} can't be written: {getattr(error, 'strerror', None) or error}") from None
