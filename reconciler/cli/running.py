"""Runs a command, and turns whatever goes wrong into words and an exit code."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import traceback

from reconciler.cli.console import Console
from reconciler.errors import ReconcileError

COMMANDS = ("validate", "plan", "apply", "destroy", "drift", "ledger", "sandbox", "schema")


def run(command: str, args: argparse.Namespace) -> int:
    """The exit code of one command; no traceback for what a person can mend."""
    console = Console.of(args)
    _log(args)
    module = importlib.import_module(f"reconciler.cli.{command}")
    try:
        code: int = module.run(args, console)
        sys.stdout.flush()
    except ReconcileError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.say("stopped")
        return 130
    except BrokenPipeError:
        # the reader (`| head`) has seen enough; don't let the interpreter complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - a bug: the last door before the person
        return _bug(error, console, verbose=getattr(args, "verbose", False))
    return code


def _bug(error: Exception, console: Console, *, verbose: bool) -> int:
    """A bug of ours: its kind and place, never its text, which may quote anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
    console.error(
        ReconcileError(
            f"internal error: {type(error).__name__} at {place}, in {frame.name}",
            code="internal",
            hint="please report it with the output of -v; what was done is in the ledger",
        )
    )
    if verbose:
        for line in traceback.format_tb(error.__traceback__):
            sys.stderr.write(line)
    return 1


def _log(args: argparse.Namespace) -> None:
    level = logging.DEBUG if getattr(args, "verbose", False) else logging.WARNING
    form = "%(levelname)s %(name)s %(message)s"
    if getattr(args, "log_format", "text") == "json":
        form = '{"level": "%(levelname)s", "logger": "%(name)s", "message": "%(message)s"}'
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=form)
    logging.getLogger("reconciler").setLevel(level)
