"""What variables and files gave to this process, and text without it: `(env NAME)` in its place.

The last door for words that nobody here wrote, such as a server's answer that repeats what it was sent. What
is known to hold such a value is shown by its origin long before.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_SHORTEST = 4  # shorter ones are hidden where they are all of a text: within it they would be met anywhere
_DISTINCT = 8  # from here on a value is hidden inside longer words, too
_WORD = re.compile(r"[^\W_]+")


class _Givens:
    """Values by what is shown instead; safe to use from any thread."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._spared: set[str] = set()
        self._open: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    @property
    def is_any(self) -> bool:
        """Whether any is known."""
        return bool(self._shown)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._shown.clear()
            self._spared.clear()
            self._pattern = None

    def add(self, value: str, shown: str) -> None:
        """Remembers a value."""
        if not value or self._shown.get(value) == shown:
            return
        with self._lock:
            for form in _forms(value):
                self._shown.setdefault(form, shown)
            self._pattern = None

    def spare(self, texts: Iterable[str]) -> None:
        """Remembers texts whose words are no news to anybody."""
        with self._lock:
            self._spared.update(texts)
            self._pattern = None

    def veiled(self, text: str) -> str:
        """The text without the values."""
        if not self._shown:
            return text
        with self._lock:
            pattern = self._pattern = self._pattern or self._compiled()
        if text in self._shown and text not in self._open:
            return self._shown[text]
        return pattern.sub(lambda met: self._shown.get(met.group(), met.group()), text)

    def _compiled(self) -> re.Pattern[str]:
        self._open = self._spared.union(*map(_WORD.findall, self._spared))
        # the longest first: one may contain another
        found = sorted(
            (value for value in self._shown if len(value) >= _SHORTEST and value not in self._open),
            key=lambda value: (-len(value), value),
        )
        return re.compile("|".join(map(_searched, found)) or r"(?!)")


def _searched(value: str) -> str:
    escaped = re.escape(value)
    return escaped if len(value) >= _DISTINCT else rf"(?<![^\W_]){escaped}(?![^\W_])"


def _forms(value: str) -> set[str]:
    """A value as it is, and as an address or a JSON document has it."""
    escaped = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    # with its blanks as one, since messages are put on one line
    return {value, " ".join(value.split()), quote(value, safe=""), quote(value), quote_plus(value), *escaped}


_GIVENS = _Givens()


def give(value: str, shown: str) -> None:
    """Remembers what a variable or file gave, and what stands for it: `(env NAME)` or `(file PATH)`."""
    _GIVENS.add(value, shown)


def spare(*texts: str) -> None:
    """Lets words be that are said openly anyway: a stack's name, its file, the command line."""
    _GIVENS.spare(texts)


def forget_given() -> None:
    """Begins anew: another command."""
    _GIVENS.clear()


def is_any_given() -> bool:
    """Whether there is anything to hide."""
    return _GIVENS.is_any


def veiled(text: str) -> str:
    """The text, with the origin in the place of whatever a variable or file gave."""
    return _GIVENS.veiled(text)
