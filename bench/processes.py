"""Processes: the sandbox in the background, and commands whose use of time and memory the system tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

COMPILED = tempfile.TemporaryDirectory()
RECONCILE = (sys.executable, "-m", "reconciler")


@dataclass(frozen=True)
class Measured:
    """One run of one command, by itself.

    Attributes:
        trips: the most calls of it of which each began after the one before had been answered.
    """

    wall: float
    cpu: float
    megabytes: float
    calls: int = 0
    writes: int = 0
    trips: int = 0


@dataclass(frozen=True)
class Sandbox:
    """Both APIs on this machine, in a process of their own."""

    env: Mapping[str, str]

    def control(self, method: str, path: str) -> Any:
        """Asks the sandbox about itself."""
        url = f"{self.env['DATABRICKS_HOST']}/_sandbox/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return json.loads(answer.read() or b"null")

    def measure(self, *command: str, folder: Path) -> Measured:
        """Runs a command, and counts the calls that it makes."""
        self.control("DELETE", "stats")
        self.control("DELETE", "log")
        found = measure(command, folder, self.env)
        stats = self.control("GET", "stats")
        trips = one_after_the_other(self.control("GET", "log")["requests"])
        return replace(found, calls=stats["requests"], writes=stats["writes"], trips=trips)


def one_after_the_other(calls: Sequence[Mapping[str, Any]]) -> int:
    """How many calls were waited for, as far as each began after the end of the one before."""
    count, ended = 0, 0.0
    for call in sorted(calls, key=lambda call: call["finished"]):
        if call["started"] >= ended:
            count, ended = count + 1, call["finished"]
    return count


@contextmanager
def sandbox(latency: int, page: int) -> Iterator[Sandbox]:
    """A sandbox, as long as the block runs."""
    options = ("--port", "0", "--latency", str(latency), "--page-size", str(page))
    process = subprocess.Popen(
        (*RECONCILE, "sandbox", *options), stdout=subprocess.PIPE, text=True, env=_clean(), stderr=sys.stderr
    )
    try:
        env = {}
        while "CONNECT_API_KEY" not in env:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit("the sandbox didn't start")
            name, _, value = line.removeprefix("export ").strip().partition("=")
            env[name] = value
        yield Sandbox({**_clean(), **env})
    finally:
        process.terminate()
        process.wait()


def _clean() -> dict[str, str]:
    """The environment without anybody's real credentials."""
    foreign = ("DATABRICKS_", "CONNECT_", "RECONCILE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # as installed: modules are compiled once, wherever that may be kept
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONPYCACHEPREFIX"] = COMPILED.name
    root = str(Path(__file__).resolve().parent.parent)
    return {**kept, "DATABRICKS_CONFIG_FILE": os.devnull, "PYTHONPATH": root}


def measure(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Runs a command to its end; what it prints is read and dropped unless it fails."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=env or _clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        said = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{said.decode()}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)
