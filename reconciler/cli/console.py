"""Where words go: results to stdout, what is said to people to stderr; the only printer of the package."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import Problem, ReconcileError
from reconciler.rendering import FORMATS, Format, Look, Palette, error_text, problems_text


@dataclass(frozen=True)
class Console:
    """The two streams and how they are written.

    Attributes:
        format_name: `text` or `json`.
        quiet: only results and errors.
        look: of stdout; `notes` is that of stderr.
    """

    format_name: str
    quiet: bool
    look: Look
    notes: Look

    @classmethod
    def of(cls, args: argparse.Namespace) -> Console:
        """As the command line and the terminal have it."""
        plain = getattr(args, "no_color", False) or bool(os.environ.get("NO_COLOR"))
        verbose = getattr(args, "verbose", False)
        width = max(60, min(shutil.get_terminal_size((100, 24)).columns, 140))

        def look(stream: object) -> Look:
            is_terminal = bool(getattr(stream, "isatty", lambda: False)())
            palette = Palette.suited(getattr(stream, "encoding", None), enabled=is_terminal and not plain)
            return Look(palette=palette, verbose=verbose, width=width)

        return cls(
            getattr(args, "format", "text"), getattr(args, "quiet", False), look(sys.stdout), look(sys.stderr)
        )

    @property
    def form(self) -> Format:
        """The renderers of the chosen format."""
        return FORMATS[self.format_name]

    @property
    def is_text(self) -> bool:
        """Whether results are for people."""
        return self.format_name == "text"

    def result(self, text: str) -> None:
        """A result, to stdout."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Words for people, to stderr; silent under --quiet."""
        if not self.quiet:
            sys.stderr.write(self.notes.palette.clean(text) + "\n")
            sys.stderr.flush()

    def problems(self, problems: Sequence[Problem]) -> None:
        """Warnings for people, to stderr; silent under --quiet."""
        if problems and not self.quiet:
            sys.stderr.write(problems_text(problems, palette=self.notes.palette, width=self.notes.width))
            sys.stderr.flush()

    def complaints(self, problems: Sequence[Problem]) -> None:
        """What is wrong, to stderr, also under --quiet."""
        sys.stderr.write(problems_text(problems, palette=self.notes.palette, width=self.notes.width))
        sys.stderr.flush()

    def error(self, error: ReconcileError) -> None:
        """An error: words to stderr, and JSON to stdout where that was asked for."""
        if not self.is_text:
            self.result(self.form.errors([error], self.look))
        sys.stderr.write(error_text(error, palette=self.notes.palette))
        sys.stderr.flush()
