"""Runs a command, and turns whatever goes wrong into words and an exit code."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import importlib
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TextIO, cast

from reconciler.cli.console import Console
from reconciler.cli.interruption import Stop
from reconciler.errors import ReconcileError, StoppedError
from reconciler.secrets import Guarded, LeakError
from reconciler.secrets.given_values import forget_given, spare, veiled

# what a machine may lack
_LACKING = frozenset(
    getattr(errno, name)
    for name in ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EROFS", "EIO"]
)
# what text passes on its way out; who wrote it stands before these
_ON_THE_WAY_OUT = ("reconciler.secrets", "reconciler.cli.console", "logging", "threading")

# a process that ends looks for garbage several times, in all that was ever made: a tenth of a plan
atexit.register(gc.freeze)


def run(command: str, args: argparse.Namespace) -> int:
    """The exit code of one command; no traceback for what a person can mend, and no secret in any word."""
    # thousands of objects live to the end: to look for garbage among them ever again is a fifth of a plan
    gc.set_threshold(50_000, 20, 50)
    console = Console.of(args)
    try:
        with _guarded():
            return _run(command, args, console)
    except LeakError as leak:
        return _leak(leak, console)


def _run(command: str, args: argparse.Namespace, console: Console) -> int:
    level = logging.getLogger("reconciler").level
    handler = _log(args)
    forget_given()
    for word in _typed(args):
        spare(word)
    module = importlib.import_module(f"reconciler.cli.{command}")
    try:
        code = _carried_out(module, args, console)
        console.finish()
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - a bug: the last door before the person
        lacking = _lacking(error)
        if lacking:
            console.error(lacking)
            return 1
        return _bug(error, console, verbose=getattr(args, "verbose", False))
    finally:
        logging.getLogger().removeHandler(handler)
        # whoever calls this inside a process of its own has its own wishes
        logging.getLogger("reconciler").setLevel(level)
    return code


def _carried_out(module: ModuleType, args: argparse.Namespace, console: Console) -> int:
    try:
        with Stop().listening() as args.stop:
            return int(module.run(args, console))
    except (KeyboardInterrupt, StoppedError):
        console.say("stopped")
        return StoppedError.exit_code
    except ReconcileError as error:
        console.error(error)
        return error.exit_code


def _typed(args: argparse.Namespace) -> Iterator[str]:
    """What the command line names: paths and addresses that its user sees anyway."""
    for value in vars(args).values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                yield one


@contextmanager
def _guarded() -> Iterator[None]:
    """Puts both streams behind the tripwire while a command runs; threads stop as quietly as the rest."""
    streams, hook = (sys.stdout, sys.stderr), threading.excepthook
    stopped: list[LeakError] = []

    def quietly(ended: threading.ExceptHookArgs) -> None:
        if isinstance(ended.exc_value, LeakError):
            stopped.append(ended.exc_value)
        else:
            hook(ended)

    sys.stdout, sys.stderr = (cast(TextIO, Guarded(stream)) for stream in streams)
    threading.excepthook = quietly
    try:
        yield
        if stopped:
            raise stopped[0]
        sys.stderr.flush()
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = streams
        threading.excepthook = hook


def _leak(leak: LeakError, console: Console) -> int:
    """A secret that was stopped at the door: where it came from, never what it is."""
    frames = [
        (frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(leak.__traceback__)
    ]
    writers = [f"{module}:{line}" for module, line in frames if not module.startswith(_ON_THE_WAY_OUT)]
    console.error(
        ReconcileError(
            f"internal error: {leak} at {writers[-1] if writers else 'an unknown place'}",
            code="internal",
            hint="please report it; what was done is in the ledger",
        )
    )
    return 1


def _lacking(error: Exception) -> ReconcileError | None:
    """What the machine wouldn't give: no bug of ours, whatever Python calls it."""
    hint = "make room, or raise the limit; what was done is in the ledger"
    if isinstance(error, MemoryError):
        return ReconcileError("there isn't enough memory", code="resources", hint=hint)
    if isinstance(error, OSError) and error.errno in _LACKING:
        return ReconcileError(f"the machine refused: {error.strerror}", code="resources", hint=hint)
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    starts = any(code is threading.Thread.start.__code__ for code in frames)
    if isinstance(error, RuntimeError) and starts:
        words = "no further thread may be started"
        return ReconcileError(words, code="resources", hint=f"{hint}; --parallelism takes fewer")
    return None


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


def _log(args: argparse.Namespace) -> logging.Handler:
    level = logging.DEBUG if getattr(args, "verbose", False) else logging.WARNING
    handler = _ToStderr()
    is_json = getattr(args, "log_format", "text") == "json"
    handler.setFormatter(_JsonLines() if is_json else logging.Formatter("%(levelname)s %(name)s %(message)s"))
    handler.addFilter(_veiled)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if getattr(args, "quiet", False) and level == logging.WARNING:
        level = logging.ERROR
    logging.getLogger("reconciler").setLevel(level)
    return handler


def _veiled(record: logging.LogRecord) -> bool:
    """Passes every line, without what variables and files gave."""
    record.msg, record.args = veiled(record.getMessage()), None
    return True


class _ToStderr(logging.StreamHandler[TextIO]):
    """Lines to what is stderr at that moment: Python flushes handlers once more when it ends."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _JsonLines(logging.Formatter):
    """One JSON object per line, whatever stands in the message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        return json.dumps(line)
