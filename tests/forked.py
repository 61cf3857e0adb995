"""The command line in processes of its own that start fast: forked from an interpreter that is warm.

Nothing of pytest is imported here. What needs a terminal, or its own streams, starts an interpreter.
"""

import json
import multiprocessing
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.runs import Run

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.warming"])
ASKING = Path(__file__).with_name("asking.py")


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


def end(process: BaseProcess, streams: Path, limit: float = 60.0) -> Run:
    """Waits for a process, and takes what it said."""
    process.join(limit)
    assert process.exitcode is not None, "it hangs"
    said = [streams / f"{process.pid}.{name}" for name in ("out", "err")]
    ended = Run(process.exitcode, *(path.read_text() if path.exists() else "" for path in said))
    for path in said:
        path.unlink(missing_ok=True)
    return ended


@contextmanager
def answering() -> Iterator[str]:
    """While this lasts, what is yielded is the command line for any shell, and starts fast."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = f"{folder}/warm"  # a socket's path has to be short
        listener.bind(path)
        listener.listen()
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield f'"{sys.executable}" -IS "{ASKING}" "{path}"'
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket) -> None:
    try:
        while True:
            threading.Thread(target=_answer, args=(listener.accept()[0],), daemon=True).start()
    except OSError:  # it was closed
        return


def _answer(asked: socket.socket) -> None:
    with asked:
        process = CONTEXT.Process(target=_be, args=(asked,))
        process.start()
        process.join()
        code = process.exitcode
        asked.sendall(str(code if code is None or code >= 0 else 128 - code).encode())


def _be(asked: socket.socket) -> None:
    """Is what a shell called: with its words, folder, environment and streams."""
    _, streams, *_ = socket.recv_fds(asked, 1, 3)
    words, folder, env = json.loads(asked.makefile().readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    _command(words, folder, env)


def _run(argv, folder, env, streams, patches) -> None:
    out, err = (f"{streams}/{os.getpid()}.{name}" for name in ("out", "err"))
    sys.stdout, sys.stderr = open(out, "w", buffering=1), open(err, "w", buffering=1)  # noqa: SIM115, PTH123
    _command(argv, folder, env, patches)


def _command(argv, folder, env, patches=()) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    assert "tests.warming" in sys.modules, "the interpreter isn't warm: its import failed"
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
