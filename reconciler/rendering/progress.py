"""Progress of a long apply: a few lines rewritten in place on a terminal, else a line per finished change.

Where nothing can be rewritten, an apply of a few seconds stays silent: its result says the same soon enough.
The only part of this room that writes: to the stream it is given, never to stdout by itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from reconciler.model import Action, Address, Outcome
from reconciler.rendering.terminal import SYMBOLS, Palette, wrapped
from reconciler.rendering.text import outcome_line

_MOST_RUNNING = 6
_INTERVAL = 0.5
_PATIENCE = 3.0
_ERASE_LINE = "\x1b[2K"
_UP = "\x1b[1A"


class Progress:
    """What is under way; safe to call from any thread, and as a context manager it always cleans up.

    Args:
        stream: for people, so usually stderr.
        enabled: False says nothing at all (`--quiet`).
        palette: its colours and characters.
        total: how many changes there are, if that is known.
        in_place: rewrite lines with cursor movements; by default if the stream is a terminal.
        width: columns at most; longer lines are cut, since a line that wraps can't be rewritten.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        enabled: bool = True,
        palette: Palette | None = None,
        total: int = 0,
        in_place: bool | None = None,
        width: int = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._palette = palette or Palette()
        self._total = total
        self._width = width
        self._clock = clock
        self._in_place = enabled and (stream.isatty() if in_place is None else in_place)
        self._plain = enabled and not self._in_place
        # re-entrant, since a signal handler interrupts a thread that may hold it
        self._lock = threading.RLock()
        self._is_busy = False
        self._said: list[str] = []
        self._held: list[str] = []
        self._running: dict[Address, tuple[Action, float]] = {}
        self._began = clock()
        self._done = 0
        self._drawn = 0
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def started(self, address: Address, action: Action) -> None:
        """A change is under way."""
        with self._turn():
            self._running[address] = (action, self._clock())
            if self._is_drawing:
                self._redraw()
                self._start_ticking()

    def finished(self, outcome: Outcome) -> None:
        """A change came to its end, good or bad."""
        with self._turn():
            self._running.pop(outcome.address, None)
            self._done += 1
            if self._plain:
                self._held.append(outcome_line(outcome, self._palette) + "\n")
                if self._clock() - self._began >= _PATIENCE:
                    self._write("".join(self._held))
                    self._held.clear()
            elif self._is_drawing:
                self._redraw()

    def say(self, line: str) -> None:
        """Prints a line without tearing the display apart; a signal handler may call it, too."""
        with self._lock:
            self._said.append(line)
            if not self._is_busy:
                with self._turn():
                    pass

    def close(self) -> None:
        """Erases the display; what happened is told elsewhere. Calling it again does nothing."""
        with self._turn():
            self._closed.set()
            self._erase()
        if self._ticker is not None and self._ticker is not threading.current_thread():
            self._ticker.join()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread's turn at the stream; what a signal handler said meanwhile is printed at its end."""
        with self._lock:
            self._is_busy = True
            try:
                yield
                while self._said:
                    self._erase()
                    self._write(self._said.pop(0) + "\n")
                    if self._is_drawing and self._running:
                        self._redraw()
            finally:
                self._is_busy = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_ticking(self) -> None:
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        while not self._closed.wait(_INTERVAL):
            with self._turn():
                if self._running and self._is_drawing:
                    self._redraw()

    @property
    def _is_drawing(self) -> bool:
        return self._in_place and not self._closed.is_set()

    def _redraw(self) -> None:
        lines = self._lines()
        self._write(self._erasure() + "".join(line + "\n" for line in lines))
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._write(self._erasure())
            self._drawn = 0

    def _lines(self) -> list[str]:
        now = self._clock()
        shown = list(self._running.items())[:_MOST_RUNNING]
        lines = [self._running_line(address, action, now - since) for address, (action, since) in shown]
        of_total = f" of {self._total}" if self._total else ""
        waiting = len(self._running) - len(shown)
        more = f", {waiting} more under way" if waiting else ""
        return [*lines, self._palette.quiet(f"  {self._done}{of_total} done{more}")]

    def _running_line(self, address: Address, action: Action, seconds: float) -> str:
        palette = self._palette
        label, *rest = wrapped(f"{SYMBOLS[action]:>3} {palette.clean(address)}", self._columns() - 14)
        return f"  {palette.of(action, label + '..' * bool(rest))} {palette.quiet(f'{seconds:.0f} s')}"

    def _columns(self) -> int:
        """The terminal's width now: it may be resized meanwhile."""
        try:
            return min(os.get_terminal_size(self._stream.fileno()).columns or self._width, self._width)
        except (OSError, ValueError, AttributeError):
            return self._width

    def _erasure(self) -> str:
        """Moves up over what was drawn and erases it, line by line."""
        return (_UP + _ERASE_LINE) * self._drawn + ("\r" if self._drawn else "")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
