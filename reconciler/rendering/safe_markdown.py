"""Markdown that hostile text can't break out of: code spans, prose, tables, and a limit on their size.

Every word that isn't ours stands in a code span (or, inside HTML, in `<code>`): neither Markdown nor what
GitHub and GitLab do afterwards (mentions, issue and commit references, bare URLs, emoji, mathematics) looks
into one. Only words of plain letters go bare.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from reconciler.rendering.terminal import clean

_BACKTICKS = re.compile("`+")
# only where it can run into nothing else
_QUOTED = re.compile(r"(?<![^ (])`([^`]+)`(?=[ ,;:.!?)]|\Z)")
# what may follow or precede a quotation without a blank
_EDGES = re.compile(r"([,;:.!?)]*)(.*?)(\(?)\Z", re.DOTALL)
_PLAIN_WORD = re.compile(r"\(?[A-Za-z]+(?:'[a-z]{1,2})?\)?[,;:.!?]?\Z")
# a word such as "defaced" could be the name of a commit
_COMMIT = re.compile(r"[A-Fa-f]{7,}")
_TAIL = re.compile(r"[,;:.]\Z")


def marker(what: str, name: str = "") -> str:
    """The hidden line by which a pipeline finds its own comment again."""
    return (
        f"<!-- reconcile:{what}:{quote(clean(name), safe='')} -->" if name else f"<!-- reconcile:{what} -->"
    )


def code(text: object) -> str:
    """The text in a code span, exactly as `clean` shows it, whatever backticks are in it."""
    shown = clean(text) or '""'
    longest = max(map(len, _BACKTICKS.findall(shown)), default=0)
    # Markdown takes one blank off each side where there are two, except from nothing but blanks
    needs_blanks = bool(shown.strip(" ")) and (shown[0] in "` " or shown[-1] in "` ")
    blank, fence = " " if needs_blanks else "", "`" * (longest + 1)
    return f"{fence}{blank}{shown}{blank}{fence}"


def html_code(text: object) -> str:
    """The text in a `<code>` element, for lines of HTML such as a `<summary>`."""
    return f"<code>{html.escape(clean(text)) or '&quot;&quot;'}</code>"


def prose(text: object, span: Callable[[object], str] = code) -> str:
    """A sentence: words of letters bare, everything else in spans; what it quotes in backticks is one span.

    Args:
        span: puts what isn't a plain word where nothing interprets it.
    """
    found = _QUOTED.split(clean(text))
    if len(found) == 1:
        return _words(found[0], span)
    parts = []
    for number, part in enumerate(found):
        if number % 2:
            parts.append(span(part))
            continue
        edges = _EDGES.match(part)
        before, words, after = edges.groups() if edges else ("", part, "")
        blanks = (" " if words[:1] == " " else "", " " if words[-1:] == " " and words.strip() else "")
        parts.append(f"{before}{blanks[0]}{_words(words, span)}{blanks[1]}{after}")
    return "".join(parts).strip(" ")


def _words(text: str, span: Callable[[object], str]) -> str:
    parts: list[str] = []
    held: list[str] = []

    def release(tail: str = "") -> None:
        if held:
            parts.append(span(" ".join(held)) + tail)
            held.clear()

    for word in filter(None, text.split(" ")):
        if _PLAIN_WORD.match(word) and not _COMMIT.search(word):
            release()
            parts.append(word)
            continue
        tail = _TAIL.search(word)
        held.append(word[:-1] if tail and len(word) > 1 else word)
        if tail and len(word) > 1:
            release(tail.group())
    release()
    return " ".join(parts)


def fenced(text: str, language: str = "") -> str:
    """Lines in a fenced code block; the caller has cleaned each of them."""
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def row(cells: Iterable[str]) -> str:
    """A line of a table; a pipe inside a cell, in a code span too, belongs to the cell."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], alignment: str = "") -> str:
    """A table.

    Args:
        alignment: a letter per column, `l` or `r`; all left unless given.
    """
    rules = ["--:" if letter == "r" else ":--" for letter in alignment] or ["---"] * len(heads)
    return "\n".join([row(heads), "| " + " | ".join(rules) + " |", *map(row, rows)])


def size(text: str) -> int:
    """How much of a limit a text takes: its bytes, which are never fewer than its characters."""
    return len(text.encode())


class SizeLimit:
    """What is left of a limit. A block goes in whole or not at all."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def holds(self, *blocks: str) -> None:
        """Makes room for blocks that can't be left out."""
        self.left -= sum(size(block) + 2 for block in blocks)

    def takes(self, block: str, most: int | None = None) -> bool:
        """Whether the block went in, with the two newlines around it.

        Args:
            most: fill no more than this much with it.
        """
        needed = size(block) + 2
        if needed > min(self.left, self.left if most is None else most):
            return False
        self.left -= needed
        return True


def fitting(blocks: Sequence[str], room: SizeLimit, share: float = 1.0) -> list[str]:
    """The first blocks, as many as go into a share of the room; the caller tells how many are left out."""
    within = SizeLimit(int(room.left * share))
    taken = []
    for block in blocks:
        if not within.takes(block):
            break
        room.takes(block)
        taken.append(block)
    return taken
