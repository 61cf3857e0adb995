"""Where words go: results to stdout, what is said to people to stderr; the only printer of the package."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reconciler.cli.redaction import redacted, redacted_format
from reconciler.errors import Problem, ReconcileError
from reconciler.rendering import FORMATS, Format, Look, Palette, errors_text, problems_text
from reconciler.secrets.given_values import veiled


@dataclass(frozen=True)
class Console:
    """The two streams and how they are written.

    Attributes:
        format_name: a key of `FORMATS`.
        quiet: only results and errors.
        look: of stdout; `notes` is that of stderr.
        held: pieces of text that wait for their turn, with whether each is a result; None to speak at once.
        results: results that are to become one document; None where each stands for itself.
    """

    format_name: str
    quiet: bool
    look: Look
    notes: Look
    held: list[tuple[bool, str]] | None = None
    results: list[str] | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Console:
        """As the command line and the terminal have it."""
        chosen = _colours(getattr(args, "no_color", False), os.environ)
        verbose = getattr(args, "verbose", False)
        width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 140))

        form = getattr(args, "format", "text")

        def look(stream: object, *, coloured: bool = True) -> Look:
            is_terminal = bool(getattr(stream, "isatty", lambda: False)())
            enabled = is_terminal if chosen is None else chosen
            palette = Palette.suited(getattr(stream, "encoding", None), enabled=enabled and coloured)
            return Look(palette=palette, verbose=verbose, width=width)

        results = look(sys.stdout, coloured=form == "text")
        gathered: list[str] | None = [] if form in FORMATS and FORMATS[form].join else None
        return cls(form, getattr(args, "quiet", False), results, look(sys.stderr), results=gathered)

    @property
    def form(self) -> Format:
        """The renderers of the chosen format."""
        return redacted_format(FORMATS.get(self.format_name, FORMATS["text"]))

    @property
    def is_text(self) -> bool:
        """Whether results are for people."""
        return self.format_name not in FORMATS or self.format_name == "text"

    def held_back(self) -> Console:
        """A console that keeps what is said until `speak`: for stacks that run side by side."""
        return replace(self, held=[])

    def speak(self, through: Console) -> None:
        """Says what was held back, in its order."""
        for is_result, text in self.held or ():
            through.emit(text, is_result=is_result)

    def emit(self, text: str, *, is_result: bool) -> None:
        """Text to stdout (a result) or stderr (words for people), now or in its turn."""
        if self.held is not None:
            self.held.append((is_result, text))
            return
        if is_result and self.results is not None:
            self.results.append(text)
            return
        self._write(text, is_result=is_result)

    def finish(self) -> None:
        """The one document that all results become, where the format knows no other."""
        join = self.form.join
        if self.results and join:
            self._write(join(self.results), is_result=True)
            self.results.clear()

    def _write(self, text: str, *, is_result: bool) -> None:
        stream = sys.stdout if is_result else sys.stderr
        stream.write(text)
        stream.flush()

    def result(self, text: str) -> None:
        """A result, to stdout."""
        self.emit(text, is_result=True)

    def say(self, text: str) -> None:
        """Words for people, to stderr; silent under --quiet."""
        if not self.quiet:
            self.emit(self.notes.palette.clean(veiled(text)) + "\n", is_result=False)

    @contextmanager
    def reading(self, names: Collection[str]) -> Iterator[None]:
        """Says on a terminal which systems are being read, and takes it back; reading can take a while."""
        with self.progress() as tell:
            if names:
                tell(f"reading {', '.join(sorted(names))}")
            yield

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Tells on a terminal, on one line that is taken back in the end, what is under way."""
        is_shown = self.held is None and self.is_text and not self.quiet and not self.notes.verbose
        if not (is_shown and sys.stderr.isatty()):
            yield lambda words: None
            return

        def tell(words: str) -> None:
            line = self.notes.palette.clean(f"{words} ...")[: self.notes.width - 1]
            self.emit(f"\r\x1b[K{line}", is_result=False)

        try:
            yield tell
        finally:
            self.emit("\r\x1b[K", is_result=False)

    def next_step(self, words: Sequence[str]) -> None:
        """A command to go on with, on a line of its own that works when pasted; for people only."""
        if self.is_text:
            self.say("next:")
            self.say("  " + shlex.join(words))

    def problems(self, problems: Sequence[Problem]) -> None:
        """Warnings for people, to stderr; silent under --quiet."""
        if problems and not self.quiet:
            self.complaints(problems)

    def complaints(self, problems: Sequence[Problem]) -> None:
        """What is wrong, to stderr, also under --quiet."""
        text = problems_text(redacted(problems), self.notes)
        self.emit(text, is_result=False)

    def error(self, error: ReconcileError) -> None:
        """An error: words to stderr, and JSON to stdout where that was asked for."""
        if not self.is_text:
            self.result(self.form.errors([error], self.look))
        self.emit(errors_text(redacted([error]), self.notes), is_result=False)


def _colours(no_color: bool, environment: Mapping[str, str]) -> bool | None:
    """Whether colours are forced or forbidden; None to ask the terminal. A no beats a yes."""
    if no_color or environment.get("NO_COLOR"):
        return False
    forced = (environment.get(name, "") for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))
    return True if any(value not in ("", "0", "false") for value in forced) else None
