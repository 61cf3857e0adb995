"""What a duration in another form most likely means, in the form that a spec takes."""

from __future__ import annotations

import re
from typing import Any, Final

_DAY: Final = 86400
_UNITS: Final = {
    "y": 365 * _DAY, "mo": 30 * _DAY, "w": 7 * _DAY, "d": _DAY, "h": 3600, "m": 60, "s": 1,
}  # fmt: skip
_ISO_DATE: Final = {"Y": "y", "M": "mo", "W": "w", "D": "d"}
_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
_ISO = re.compile(rf"P((?:{_NUMBER}[YMWD])*)(?:T((?:{_NUMBER}[HMS])+))?\Z", re.IGNORECASE)
_PIECE = re.compile(rf"({_NUMBER})\s*([A-Za-z]+)[\s,]*")
_WORDS = re.compile(r"(y|mo|w|d|h|m|s)(?:ears?|nths?|eeks?|ays?|ours?|inutes?|econds?|rs?|ins?|ecs?|n)?\Z")


def advice(written: Any) -> str:
    """`write 90d`, for what somebody wrote instead; "" if nobody can tell what it means."""
    if isinstance(written, bool):
        return ""
    text = str(written).strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"write the unit: {int(text)}d for days, {int(text)}h for hours"
    pieces = _iso(text) if text[:1] in "Pp" else _plain(text)
    length = sum(float(number) * _UNITS[unit] for number, unit in pieces)
    if not pieces or length != int(length):
        return ""
    return f"write {spelt(int(length))}"


def spelt(length: int) -> str:
    """Seconds as a spec writes them, in the largest unit that fits."""
    unit = next(unit for unit in ("d", "h", "m", "s") if length % _UNITS[unit] == 0)
    return f"{length // _UNITS[unit]}{unit}"


def _iso(text: str) -> list[tuple[str, str]]:
    """The pieces of an ISO 8601 duration such as P1Y2M or PT12H."""
    match = _ISO.fullmatch(text)
    if not match:
        return []
    days = [(number, _ISO_DATE[unit.upper()]) for number, unit in _PIECE.findall(match[1])]
    return days + [(number, unit.lower()) for number, unit in _PIECE.findall(match[2] or "")]


def _plain(text: str) -> list[tuple[str, str]]:
    """The pieces of `1y`, `12 weeks` or `1d12h`; a unit that isn't known spoils them all."""
    if not re.fullmatch(rf"(?:{_PIECE.pattern})+", text):
        return []
    found = []
    for number, unit in _PIECE.findall(text):
        word = _WORDS.match(unit if unit == "M" else unit.lower())
        if not word:
            return []
        found.append((number, word[1]))
    return found
