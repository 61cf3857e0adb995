"""`reconcile sandbox`: run the sandbox until somebody stops it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

from reconciler.sandbox.server import SandboxServer
from reconciler.sandbox.world import Knobs

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    state_file: str | Path | None = None,
    latency_ms: int = 0,
    page_size: int = 100,
    faults: Iterable[str] = (),
    announce: Callable[[str], object] | None = None,
    knobs: Iterable[str] = (),
) -> None:
    """Serve both APIs until SIGINT or SIGTERM.

    As soon as connections are accepted, `announce` gets one line for each environment variable to
    set, as `export NAME=value`; without `announce` they go to standard output. Either way standard
    output is then flushed, so that a parent process can read them.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        state_file: a file to keep the state in; None keeps it in memory only.
        latency_ms: how much longer each answer takes, in milliseconds.
        page_size: how many objects a page of a list holds at most.
        faults: lines in the language of `reconciler.sandbox.faults`.
        knobs: lines such as `replace_config=true`, for `reconciler.sandbox.world.Knobs`.
        announce: called with each line, without the line's end.

    Raises:
        OSError: the port can't be had, or the state file can't be read or written.
        ValueError: a fault, knob or number can't be understood, or the state file is damaged.
    """
    chosen = {"latency_ms": latency_ms, "page_size": page_size, **Knobs.parsed(knobs)}
    server = SandboxServer(host, port, knobs=Knobs().changed(chosen), faults=faults, state_file=state_file)
    stopped = threading.Event()
    restore = _on_signal(stopped)
    try:
        with server:
            for name, value in server.env.items():
                (announce or _write_line)(f"export {name}={value}")
            sys.stdout.flush()
            stopped.wait()
    finally:
        restore()


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _on_signal(stopped: threading.Event) -> Callable[[], None]:
    def stop(_: int, __: FrameType | None) -> None:
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # only the main thread may catch signals
    before = [(number, signal.signal(number, stop)) for number in _SIGNALS]

    def restore() -> None:
        for number, handler in before:
            signal.signal(number, handler)

    return restore
