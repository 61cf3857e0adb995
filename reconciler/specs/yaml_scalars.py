"""What a plain word, a tag or an escape of YAML 1.2 means: `no`, `010` and `2024-01-01` are text."""

from __future__ import annotations

import re
from typing import Any, Final, Union

from reconciler.errors import Location
from reconciler.specs.problems import Refusal, short

_TAG = "tag:yaml.org,2002:"
_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    form: word == "true" for word in ("true", "false") for form in (word, word.title(), word.upper())
}
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    _TAG + "int": (int,),
    _TAG + "float": (int, float),
    _TAG + "bool": (bool,),
    _TAG + "null": (type(None),),
}
# longer numbers lose digits elsewhere: they stay text
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
# ids such as 12e5 aren't numbers: those have a dot
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# JSON writes what lies beyond U+FFFF as two escapes, which libyaml doesn't read: they pass it as private
# characters of the same width, so that no place shifts
_PAIRED = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})")
_DISGUISED = re.compile(r"\\u[eE]([89abAB][0-9a-fA-F]{2})\\u[eE]([c-fC-F][0-9a-fA-F]{2})")
_PRIVATE = re.compile("([\ue800-\uebff])([\uec00-\uefff])")


def hide_pairs(text: str) -> str:
    """The text in a form whose pairs of escapes libyaml reads; `pairs_together` undoes it in a scalar."""
    if "\\u" not in text:
        return text  # nearly always, and quickly told
    # a file that holds such private characters itself keeps them, and gets no pairs read
    if not _PAIRED.search(text) or _PRIVATE.search(text) or _DISGUISED.search(text):
        return text
    return _PAIRED.sub(r"\1\\ue\2\\ue\3", text)


def pairs_together(event: Any) -> str:
    """A scalar's text with both halves of a character put together, or as it was written."""
    text: str = event.value
    if event.style != '"':
        return _DISGUISED.sub(r"\\ud\1\\ud\2", text)
    return _PRIVATE.sub(
        lambda pair: chr(0x10000 + ((ord(pair[1]) - 0xE800) << 10) + ord(pair[2]) - 0xEC00), text
    )


def scalar_value(event: Any, at: Location) -> Union[str, int, float, bool, None]:
    """What a scalar means, by its tag, its quotes, or its words.

    Raises:
        Refusal: control characters, or a tag that doesn't fit or isn't allowed.
    """
    text: str = event.value
    if event.style == '"' and (odd := _UNPRINTABLE.search(text)):
        message = f"the control character U+{ord(odd.group()):04X} doesn't belong in a spec"
        raise Refusal("control-character", message, at, "remove it")
    tag = event.tag
    if tag in ("!", _TAG + "str"):
        return text
    if tag is None:
        return understood(text) if event.implicit[0] else text
    return _tagged_value(text, tag, at)


def _tagged_value(text: str, tag: str, at: Location) -> Union[int, float, bool, None]:
    wanted = _TYPES.get(tag)
    if wanted is None:
        raise _tag_refused(tag, at)
    value = understood(text)
    if isinstance(value, str) or type(value) not in wanted:
        raise Refusal(
            "tag", f"the value doesn't fit its tag !!{tag.removeprefix(_TAG)}", at, "remove the tag"
        )
    return value


def check_tag(tag: str | None, expected: str, at: Location) -> None:
    """Refuses what a mapping or list is said to be, unless it is just that."""
    if tag not in (None, "!", _TAG + expected):
        raise _tag_refused(tag, at)


def understood(text: str) -> Union[str, int, float, bool, None]:
    """What a plain word of YAML 1.2 means: nothing, true, false, a number, or itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _tag_refused(tag: str, at: Location) -> Refusal:
    shown = tag.replace(_TAG, "!!")
    return Refusal(
        "tag", f"the tag {short(shown)} isn't allowed", at, "a spec holds plain text, numbers and lists"
    )
