"""The streams of the process: what can't be written is dropped and remembered, and interrupts nothing.

A full disk, or a reader that has gone, is no reason to leave a change half done or unrecorded.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Outlet:
    """A text stream that takes everything.

    Attributes:
        trouble: why text was lost; None as long as none was.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.trouble: OSError | None = None
        # Python has no stream at all where the process was started with a closed one
        self._is_closed = stream is None
        self._stream = open(os.devnull, "w", encoding="utf-8") if stream is None else stream  # noqa: SIM115, PTH123

    def write(self, text: str) -> int:
        """Takes text."""
        if self._is_closed:
            self._lost(OSError(errno.EBADF, os.strerror(errno.EBADF)))
        try:
            self._stream.write(text)
        except OSError as error:
            self._lost(error)
        return len(text)

    def flush(self) -> None:
        """Passes on what was taken."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        self.trouble = self.trouble or error
        # what is still in the buffer would else be tried again, and complained about, when Python ends
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def outlets() -> Iterator[tuple[Outlet, Outlet]]:
    """Puts outlets in the place of stdout and stderr while the block runs."""
    streams = sys.stdout, sys.stderr
    found = Outlet(sys.stdout), Outlet(sys.stderr)
    sys.stdout, sys.stderr = (cast(TextIO, outlet) for outlet in found)
    try:
        yield found
    finally:
        for outlet in found:
            outlet.flush()
        sys.stdout, sys.stderr = streams


def ended(code: int, out: Outlet, err: Outlet) -> int:
    """The exit code, once it is known what was lost; a reader that has gone (`| head`) is no trouble."""
    troubles = [
        outlet.trouble for outlet in (out, err) if outlet.trouble and outlet.trouble.errno != errno.EPIPE
    ]
    if not troubles:
        return code
    err.write(f"reconcile: the output can't be written: {troubles[0].strerror or 'it is closed'}\n")
    err.flush()
    return 1
