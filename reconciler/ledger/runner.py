"""Who runs: this process by user, host, boot, pid and start time; and whether another one is proven dead."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import subprocess
import sys
from enum import Enum
from functools import lru_cache
from pathlib import Path

from reconciler.model import Runner

_PROC = Path("/proc")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # the kernel's fixed number for the one outside of any container
_WHOLE_MACHINE = "machine "  # how a mark begins whose pids are those of the whole machine
_ENDED = frozenset("ZXx")  # states of a process that nobody has waited for yet


class Life(str, Enum):
    """What is known of a process by its pid."""

    GONE = "gone"
    THERE = "there"
    UNKNOWN = "unknown"


def current_runner() -> Runner:
    """This process. What can't be found out is "", and proves nothing later."""
    pid = os.getpid()
    return Runner(
        owner=_owner(),
        host=socket.gethostname(),
        boot=_boot(),
        pid=pid,
        start=look_up(pid)[1],
        machine=_machine(),
    )


def is_proven_dead(runner: Runner, *, here: Runner | None = None) -> bool:
    """Whether a runner certainly does nothing any more; False also means "who knows".

    Proof takes the same host and boot, and that the pid is gone or was started at another time. Another boot
    of what is certainly the same machine is proof as well: nothing survives one.

    Args:
        here: the process that asks; this one unless given.
    """
    here = here or current_runner()
    if not _shares_pids(runner, here):
        return False
    if runner.boot != here.boot:
        is_whole_machine = runner.machine == here.machine and runner.machine.startswith(_WHOLE_MACHINE)
        return is_whole_machine and bool(runner.boot and here.boot)
    if not runner.boot:
        return False
    life, start = look_up(runner.pid)
    return life is Life.GONE or bool(life is Life.THERE and start and runner.start and start != runner.start)


def is_alive_here(runner: Runner, *, here: Runner | None = None) -> bool:
    """Whether it is certainly a process of this very host that still runs."""
    here = here or current_runner()
    is_ours = _shares_pids(runner, here) and bool(runner.boot) and runner.boot == here.boot
    return is_ours and look_up(runner.pid) == (Life.THERE, runner.start) and bool(runner.start)


def look_up(pid: int) -> tuple[Life, str]:
    """Whether a pid of this host is in use, and when its process started; "" where that can't be told."""
    if sys.platform == "win32" or pid <= 0:
        # there is no harmless signal to try on Windows, and pid 0 or less means a group
        return Life.UNKNOWN, ""
    start = _start_by_proc(pid)
    if start is not None:
        return start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Life.GONE, ""
    except (OSError, OverflowError):
        return Life.UNKNOWN, ""
    return Life.THERE, _start_by_ps(pid)


def _start_by_proc(pid: int) -> tuple[Life, str] | None:
    """From /proc; None where that doesn't show the process (it may be hidden from us)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # the second field is the program's name in brackets, and may hold anything, brackets included
    rest = text.rpartition(")")[2].split()
    if len(rest) < 20:
        return None
    return (Life.GONE, "") if rest[0] in _ENDED else (Life.THERE, rest[19])


def _start_by_ps(pid: int) -> str:
    """From `ps`, where there is no /proc (macOS)."""
    return _answer_of("ps", "-o", "lstart=", "-p", str(pid)) if sys.platform == "darwin" else ""


def _answer_of(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and a number
            command,
            capture_output=True,
            check=False,
            timeout=5,
            env={"PATH": "/bin:/usr/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(done.stdout.decode("ascii", "replace").split())


def _shares_pids(runner: Runner, here: Runner) -> bool:
    """Whether its pids are counted where ours are; a mark that is missing doesn't contradict."""
    marks = {runner.machine, here.machine} - {""}
    return runner.host == here.host and len(marks) < 2


def _owner() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # a container's user often has a number only
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


@lru_cache(maxsize=1)
def _boot() -> str:
    text = _first_line(_PROC / "sys/kernel/random/boot_id")
    return text or (_answer_of("sysctl", "-n", "kern.bootsessionuuid") if sys.platform == "darwin" else "")


@lru_cache(maxsize=1)
def _machine() -> str:
    """Host names are given twice and boot ids are shared by containers: this tells them apart."""
    try:
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""
    if namespace != _FIRST_PID_NAMESPACE:
        return f"container {namespace}"
    name = _first_line(Path("/etc/machine-id"))
    # the id itself is nobody's business
    return _WHOLE_MACHINE + hashlib.sha256(name.encode()).hexdigest()[:16] if name else ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
