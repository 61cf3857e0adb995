"""What a terminal may be shown: cleaned text, its width in columns, colours and symbols.

Names come from remote systems and from strangers' specs. Whatever could move a cursor, hide text or turn its
direction is shown as an escape (`\\x1b`, `\\u202e`), so that what a person approves is what they read.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from reconciler.model import Action, Change, ReplaceOrder

# letters by category, yet blank on the screen
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_IDEOGRAPHIC_SPACE = "\u3000"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# The symbol carries the meaning and is ASCII everywhere; colour only repeats it.
SYMBOLS = {
    Action.CREATE: "+",
    Action.ADOPT: "=",
    Action.UPDATE: "~",
    Action.REPLACE: "+/-",
    Action.ROTATE: "*",
    Action.DELETE: "-",
    Action.FORGET: ".",
    Action.BLOCKED: "!",
    Action.NO_OP: " ",
}

_COLOURS = {
    Action.CREATE: "32",
    Action.ADOPT: "36",
    Action.UPDATE: "33",
    Action.REPLACE: "35",
    Action.ROTATE: "34",
    Action.DELETE: "31",
    Action.FORGET: "2",
    Action.BLOCKED: "1;31",
    Action.NO_OP: "2",
}


def clean(text: object, *, ascii_only: bool = False) -> str:
    """The text on one line, with visible escapes for all that isn't plainly visible.

    Escaped are control characters (C0, C1, DEL), newlines, bidirectional and other format characters,
    surrogates, unassigned and private characters, and blanks other than the space (and CJK's wide one).

    Args:
        ascii_only: escape everything beyond ASCII too, for an output that can't encode it.
    """
    text = str(text)
    if text.isprintable() and (text.isascii() or not (ascii_only or _BLANK_LETTERS.intersection(text))):
        return text
    return "".join(_visible(character, ascii_only) for character in text)


def _visible(character: str, ascii_only: bool) -> str:
    code = ord(character)
    if code < 0x7F and character.isprintable():
        return character
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    is_plain = character.isprintable() or character == _IDEOGRAPHIC_SPACE
    if is_plain and character not in _BLANK_LETTERS and not ascii_only:
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """How many columns a cleaned text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """The text followed by as many blanks as fill the width."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int) -> list[str]:
    """The text cut into lines of at most `width` columns, at a blank or behind a slash where one is near."""
    width = max(width, 8)
    lines = []
    while columns(text) > width:
        cut = _fitting(text, width)
        nearest = max(text.rfind(" ", 0, cut + 1), max(text.rfind(mark, 0, cut) + 1 for mark in "/,&?"))
        if nearest > cut // 2:
            cut = nearest
        lines.append(text[:cut].rstrip(" "))
        text = text[cut:].lstrip(" ")
    return [*lines, text] if text or not lines else lines


def _fitting(text: str, width: int) -> int:
    used = 0
    for index, character in enumerate(text):
        used += _columns_of(character)
        if used > width:
            return max(index, 1)
    return len(text)


@dataclass(frozen=True)
class Palette:
    """Colours (off unless asked for) and the characters that the output can encode."""

    enabled: bool = False
    unicode: bool = True

    @classmethod
    def suited(cls, encoding: str | None, *, enabled: bool) -> Palette:
        """The palette for an output of that encoding."""
        return cls(enabled, unicode=(encoding or "").lower().replace("-", "").replace("_", "") == "utf8")

    @property
    def arrow(self) -> str:
        """Between before and after."""
        return "→" if self.unicode else "->"

    @property
    def dot(self) -> str:
        """Between the parts of a heading."""
        return "·" if self.unicode else "-"

    def clean(self, text: object) -> str:
        """The text as this output can show it, on one line."""
        return clean(text, ascii_only=not self.unicode)

    def of(self, action: Action, text: str) -> str:
        """The text in the colour of an action."""
        return self._painted(_COLOURS[action], text)

    def strong(self, text: str) -> str:
        """Headings."""
        return self._painted("1", text)

    def quiet(self, text: str) -> str:
        """What may be skipped when reading."""
        return self._painted("2", text)

    def good(self, text: str) -> str:
        """Done, added."""
        return self._painted("32", text)

    def bad(self, text: str) -> str:
        """Failed, removed."""
        return self._painted("31", text)

    def careful(self, text: str) -> str:
        """Warnings, drift, approvals."""
        return self._painted("33", text)

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text


def symbol(change: Change) -> str:
    """The symbol of a change: a replace shows what comes first."""
    if change.action is Action.REPLACE and change.lifecycle.replace is ReplaceOrder.DELETE_FIRST:
        return "-/+"
    return SYMBOLS[change.action]


@dataclass(frozen=True)
class Look:
    """How much is shown, how wide, in which colours."""

    palette: Palette = field(default_factory=Palette)
    width: int = 100
    verbose: bool = False


PLAIN: Final = Look()
