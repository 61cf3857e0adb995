"""The tripwire: remembers every secret that this process has held, by marks, and stops the text that has one.

No value is kept. Of each *form* of a value (as it is, and inside base64 at each of its three alignments) the
register keeps a keyed digest, and four short windows from its middle as salted hashes. A text is read in
steps of four bytes: wherever a form begins, one of its four windows is met, and then the digest decides.
That takes the same time for one secret as for thousands, and a value is known after its Secret is gone.

Blanks don't count, so that a value is found in wrapped lines, too. Values under eight characters aren't
known: they occur in innocent words.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from itertools import compress, repeat
from urllib.parse import quote_plus, unquote_to_bytes

SHORTEST = 8
_WINDOW = 4
_PART = 16384 * _WINDOW  # bytes that are cut into chunks at a time
_SLICE = 1 << 18  # characters of a text that are looked at in one piece
# a form must hold a window at each of four successive offsets
_SHORTEST_FORM = 2 * _WINDOW - 1
# of a value of many lines (a private key), the lines that are secret by themselves
_SHORTEST_LINE = 16
_OPEN_LINES = ("-----", "#")

# base64 comes with two alphabets; to this register they are one
_FOLDED = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n"
# JSON's escapes, Python's, and those that the terminal is shown
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|([nrtbf\\\"'/]))")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class LeakError(BaseException):
    """A secret was about to be emitted. Not an Exception, so that no `except Exception` carries on."""

    def __init__(self) -> None:
        super().__init__("a secret was about to be printed; stopped")


class _Register:
    """The marks of all values, and the search for them; safe to use from any thread.

    Attributes:
        longest: the length of the longest form, in bytes.
    """

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._values: set[bytes] = set()
        self._marks: set[bytes] = set()
        # hash of a window → where in its form it stands, and how long that form is
        self._windows: dict[int, tuple[tuple[int, int], ...]] = {}
        self._places: dict[tuple[int, int], tuple[int, int]] = {}
        self._lock = threading.RLock()
        self.longest = 0

    def is_new(self, value: bytes) -> bool:
        """Whether the value is met for the first time: one form may be known from another value, not all."""
        mark = self._mark(value)
        if mark in self._values:
            return False
        self._values.add(mark)
        return True

    def add(self, form: bytes) -> None:
        """Remembers a form, unless it is too short to be found."""
        mark = self._mark(form)
        if len(form) < _SHORTEST_FORM or mark in self._marks:
            return
        # The middle: beginnings (`dose…`, `Bearer …`) are alike, and would be met everywhere.
        middle = (len(form) - _SHORTEST_FORM) // 2
        with self._lock:
            self._marks.add(mark)
            for offset in range(middle, middle + _WINDOW):
                place = self._places.setdefault((offset, len(form)), (offset, len(form)))
                # bytes hash by SipHash, keyed with what the interpreter drew at its start
                window = hash(form[offset : offset + _WINDOW])
                known = self._windows.get(window, ())
                if place not in known:
                    self._windows[window] = (*known, place)
            self.longest = max(self.longest, len(form))

    def occurs_in(self, reading: bytes) -> bool:
        """Whether any form occurs in these bytes."""
        # a part at a time: the chunks of a whole report would take more room than all that it tells of
        return any(self._begins_in(reading, begin) for begin in range(0, len(reading), _PART))

    def _begins_in(self, reading: bytes, begin: int) -> bool:
        end = min(len(reading), begin + _PART)
        chunks = memoryview(reading)[begin : end - (end - begin) % _WINDOW].cast("I")
        # all of it loops of the interpreter: a report has a quarter of a million chunks, few different ones
        different = [*map(int.to_bytes, set(chunks), repeat(_WINDOW), repeat(sys.byteorder))]
        # nearly none
        for met in compress(different, map(self._windows.__contains__, map(hash, different))):
            places, at = self._windows[hash(met)], reading.find(met, begin, end)
            while at >= 0:
                for offset, length in () if (at - begin) % _WINDOW else places:
                    start = at - offset
                    if start >= 0 and self._mark(reading[start : start + length]) in self._marks:
                        return True
                at = reading.find(met, at + 1, end)
        return False

    def _mark(self, form: bytes) -> bytes:
        return hashlib.blake2b(form, key=self._key, digest_size=16).digest()


_REGISTER = _Register()


def remember(value: str) -> None:
    """Lets the tripwire know a value; of one with several lines also each line that could stand alone."""
    if len("".join(value.split())) < SHORTEST or not _REGISTER.is_new(_bytes(value)):
        return
    for form in _forms(value):
        _REGISTER.add(form)
    lines = [line.strip() for line in value.splitlines()]
    for line in lines if len(lines) > 1 else ():
        if len(line) >= _SHORTEST_LINE and not line.startswith(_OPEN_LINES):
            remember(line)


def tripwire(text: str) -> None:
    """Returns if no secret occurs in the text: plain, wrapped, escaped, URL-encoded or in base64.

    Raises:
        LeakError: one does.
    """
    if not _REGISTER.longest:
        return
    for reading in _readings(text):
        if _REGISTER.occurs_in(reading):
            raise LeakError


def checked(text: str) -> str:
    """The text, for what is written to a file: `stream.write(checked(text))`.

    Raises:
        LeakError: a secret occurs in it.
    """
    tripwire(text)
    return text


def reach() -> int:
    """How many characters before a piece of text may belong to a secret that ends in it."""
    return min(4 * _REGISTER.longest, 2048)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _folded(content: bytes) -> bytes:
    return content.translate(_FOLDED, _BLANKS)


def _forms(value: str) -> Iterator[bytes]:
    yield _folded(_bytes(value))
    # as a form of a web page has it, with its blanks as `+`
    yield _folded(_bytes(value.replace(" ", "+")))
    # The terminal is shown escapes, but backslashes as they are: undoing that undoes them in the value, too.
    yield _folded(_bytes(_unescaped(value)))
    # Basic authentication of OAuth encodes for URLs first.
    for content in {_bytes(value), quote_plus(value, errors="surrogatepass").encode()}:
        for before in range(3):
            yield _folded(_inside_base64(content, before))


def _inside_base64(content: bytes, before: int) -> bytes:
    """What is certain to show in base64 of a longer text, with `before` bytes (modulo 3) ahead of it."""
    encoded = base64.b64encode(bytes(before) + content + bytes(2))
    # a character of base64 is 6 bits: leave out those that mix with a neighbour
    return encoded[-(-8 * before // 6) : 8 * (before + len(content)) // 6]


def _readings(text: str) -> Iterator[bytes]:
    """The text as it is, and without its escapes, and without its URL encoding (which needs no escapes)."""
    before = b""
    for start in range(0, len(text), _SLICE):  # the text of a plan needs no second and third copy
        piece = before + _folded(_bytes(text[start : start + _SLICE]))
        yield piece
        before = piece[-_REGISTER.longest :]
    if "\\" in text:
        yield _folded(_bytes(_unescaped(text)))
    if "%" in text:
        yield _folded(unquote_to_bytes(_bytes(text)))


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_character, text)
    # JSON in ASCII has a pair of surrogates where UTF-8 has one character
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(found: re.Match[str]) -> str:
    short, byte, long, letter = found.groups()
    if letter is not None:
        return _CONTROLS.get(letter, letter)
    code = int(short or byte or long, 16)
    return chr(code) if code <= 0x10FFFF else found.group()
