"""A file lock for the moment of a compare-and-swap: between processes and threads, gone with its holder."""

from __future__ import annotations

import errno
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import LedgerError

PATIENCE = 10.0  # seconds; a swap takes milliseconds, so whoever holds longer is paused or stuck
_BUSY = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})


@contextmanager
def exclusive(path: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Holds the lock of this (empty, lasting) file.

    Args:
        patience: seconds to wait for whoever holds it.

    Raises:
        LedgerError: it is held for longer than that.
        OSError: the file can't be opened, or the file system has no locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        _wait_for(handle, path, patience)
        try:
            yield
        finally:
            _unlock(handle)
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _locked(handle):
        if time.monotonic() > deadline:
            raise LedgerError(
                f"another process has been writing the ledger for {patience:.0f} s (it holds {path})",
                hint="it is paused or stuck: end it, then try again",
                code="ledger-busy",
            )
        # uneven naps, so that several who wait don't march in step
        time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - no secret hangs on it


if sys.platform == "win32":
    import msvcrt

    def _locked(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _locked(handle: int) -> bool:
        try:
            # flock, not lockf: it belongs to the open file, so it also keeps threads of one process apart
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
