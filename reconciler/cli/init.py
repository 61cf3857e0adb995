"""`reconcile init`: a first spec, what git is to ignore, and, if wanted, a pipeline; overwrites nothing."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reconciler import specs
from reconciler.cli.console import Console
from reconciler.cli.first_files import pipeline_files, spec_text
from reconciler.cli.gitignore import ignore
from reconciler.errors import UsageError
from reconciler.providers import KINDS

IGNORED = (".reconcile/*.plan.json", ".reconcile/*.lock.json", "reconcile.key")
_SANDBOX = {
    "databricks_host": "${env.DATABRICKS_HOST:-http://127.0.0.1:8765}",
    "account_id": "${env.DATABRICKS_ACCOUNT_ID:-7a99b43c-b46c-432b-b0a7-814217701909}",
    "connect_url": "${env.CONNECT_SERVER:-http://127.0.0.1:8765}",
}
_QUESTIONS = {
    "databricks_host": "address of the Databricks account console, such as https://accounts.cloud.databricks.com",
    "account_id": "Databricks account id (the account console shows it, beside your name)",
    "connect_url": "address of the Posit Connect server, such as https://connect.example.org",
}


def run(args: argparse.Namespace, console: Console) -> int:
    """Asks for what is missing, checks what would be written, and writes it."""
    given = _given(args, console)
    folder = Path(args.folder)
    spec = Path("specs") / f"{args.stack}.yaml"
    wanted = {spec: spec_text(args.stack, given, side=args.side, is_sandbox=args.sandbox)}
    wanted |= pipeline_files(args.pipeline) if args.pipeline else {}
    _check(wanted[spec], spec.name)
    _write(folder, wanted)
    ignore(folder, IGNORED)
    for path in wanted:
        console.say(f"wrote {folder / path}")
    if args.sandbox:
        console.next_step(["reconcile", "sandbox"])
        console.say("and, in another terminal, with the variables that it prints:")
    verb = "validate" if args.side == "connect" else "plan"
    console.next_step(["reconcile", verb, str(folder / spec)])
    return 0


def _given(args: argparse.Namespace, console: Console) -> dict[str, str]:
    """The addresses, from flags, the sandbox, or a person.

    Raises:
        UsageError: one is missing, and there is nobody to ask.
    """
    found = {name: getattr(args, name) or "" for name in (*_QUESTIONS, "workbench_url")}
    if args.sandbox:
        found = {**found, **{name: found[name] or text for name, text in _SANDBOX.items()}}
    needed = {
        "databricks": ("databricks_host", "account_id", "connect_url"),
        "connect": ("connect_url",),
        None: tuple(_QUESTIONS),
    }[args.side]
    missing = [name for name in needed if not found[name]]
    if missing and not sys.stdin.isatty():
        flags = ", ".join("--" + name.replace("_", "-") for name in missing)
        raise UsageError(
            f"{flags} {'is' if len(missing) == 1 else 'are'} needed", hint="or --sandbox, to try it"
        )
    for name in missing:
        console.emit(f"{_QUESTIONS[name]}: ", is_result=False)
        found[name] = sys.stdin.readline().strip()
        if not found[name]:
            raise UsageError(f"--{name.replace('_', '-')} is needed")
    return found


def _check(text: str, name: str) -> None:
    """Whether the spec is valid, before anything is written.

    Raises:
        SpecError: what is wrong with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        try:
            file.write_text(text, encoding="utf-8")
        except (OSError, ValueError):
            raise UsageError(f"--stack {name!r}: letters, digits, - and _") from None
        specs.load(file, KINDS, environment=os.environ, strict=False)


def _write(folder: Path, wanted: Mapping[Path, str]) -> None:
    there = [
        str(folder / path) for path in wanted if (folder / path).exists() or (folder / path).is_symlink()
    ]
    if there:
        raise UsageError(
            f"{', '.join(there)}: exists already, and nothing is overwritten; nothing was written"
        )
    try:
        for path, text in wanted.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename} can't be written: {error.strerror}") from None
