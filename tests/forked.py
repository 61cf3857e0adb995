"""The command line in processes of its own that start fast: forked from an interpreter that is warm.

Nothing of pytest is imported here. What needs a terminal, or its own streams, starts an interpreter.
"""

import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.warming"])


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def start(argv, folder: Path, env, *, streams: Path | None = None, patches=()) -> BaseProcess:
    """Starts the command line in a folder.

    Args:
        streams: the folder for what is said; the same one, if left out.
        patches: (function, arguments…), called in the process before the command.
    """
    arguments = ([str(word) for word in argv], str(folder), dict(env), str(streams or folder), tuple(patches))
    process = CONTEXT.Process(target=_run, args=arguments)
    process.start()
    return process


def end(process: BaseProcess, streams: Path, limit: float = 60.0) -> Ended:
    """Waits for a process, and takes what it said."""
    process.join(limit)
    assert process.exitcode is not None, "it hangs"
    said = [streams / f"{process.pid}.{name}" for name in ("out", "err")]
    ended = Ended(process.exitcode, *(path.read_text() if path.exists() else "" for path in said))
    for path in said:
        path.unlink(missing_ok=True)
    return ended


def _run(argv, folder, env, streams, patches) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    assert "tests.warming" in sys.modules, "the interpreter isn't warm: its import failed"
    out, err = (f"{streams}/{os.getpid()}.{name}" for name in ("out", "err"))
    sys.stdout, sys.stderr = open(out, "w", buffering=1), open(err, "w", buffering=1)  # noqa: SIM115, PTH123
    for function, *arguments in patches:
        function(*arguments)
    from reconciler.cli import main as cli

    try:
        code = cli.main(argv)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
