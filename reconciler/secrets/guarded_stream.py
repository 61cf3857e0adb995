"""A text stream behind the tripwire: nothing passes that has a secret in it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, TextIO

from reconciler.secrets.leak_register import LeakError, reach, tripwire

# Not `buffer`, nor `detach`: bytes would pass unseen.
_PASSED_ON = frozenset(
    {"closed", "encoding", "errors", "fileno", "isatty", "line_buffering", "mode", "name", "newlines"}
)


class Guarded:
    """A stream that holds text back until its line is complete, or flushed, and checks it first.

    What went before is looked at too, so that a secret in several writes is met when its last piece comes.
    After a hit the stream is shut: that text and all that follows is dropped, whichever thread writes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held: list[str] = []
        self._passed = ""
        self._leak: LeakError | None = None
        # re-entrant, since a signal handler interrupts a thread that may hold it
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Takes text; passes on all complete lines.

        Raises:
            LeakError: a secret is in it, or was in an earlier text.
        """
        with self._lock:
            self._refuse_after_leak()
            lines, end, rest = text.rpartition("\n")
            if end:
                self._pass(lines + end)
            if rest:
                self._held.append(rest)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Takes texts, one after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Passes on what is held back.

        Raises:
            LeakError: a secret is in it, or was in an earlier text.
        """
        with self._lock:
            self._refuse_after_leak()
            if self._held:
                self._pass("")
            self._stream.flush()

    def writable(self) -> bool:
        """True."""
        return True

    def readable(self) -> bool:
        """False."""
        return False

    def __getattr__(self, name: str) -> Any:
        if name in _PASSED_ON:
            return getattr(self._stream, name)
        raise AttributeError(f"a guarded stream has no {name}")

    def _refuse_after_leak(self) -> None:
        if self._leak is not None:
            raise self._leak

    def _pass(self, text: str) -> None:
        text = "".join([*self._held, text])
        self._held.clear()
        context = self._passed + text
        try:
            tripwire(context)
        except LeakError as leak:
            self._leak = leak
            self._passed = ""
            raise
        self._stream.write(text)
        self._passed = context[-reach() :] if reach() else ""
