"""What a plain word, a tag or an escape of YAML 1.2 means: `no`, `010` and `2024-01-01` are text."""

from __future__ import annotations

import re
from typing import Any, Final, Union

from yaml import Mark

from reconciler.specs.problems import Refusal, short
from reconciler.specs.yaml_nodes import location

_TAG = "tag:yaml.org,2002:"
_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    form: word == "true" for word in ("true", "false") for form in (word, word.title(), word.upper())
}
# what a plain word begins with if it may be anything but text
_TELLING = frozenset(form[:1] for form in _CONSTANTS) | frozenset("+-0123456789")
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


def scalar_value(event: Any) -> Union[str, int, float, bool, None]:
    """What a scalar means, by its tag, its quotes, or its words.

    Raises:
        Refusal: control characters, or a tag that doesn't fit or isn't allowed.
    """
    if event.style == '"':
        _check_escapes(event)
    text, tag = event.value, event.tag
    if tag is None:
        return understood(text) if event.implicit[0] else text
    return text if tag in ("!", _TAG + "str") else _tagged_value(text, tag, event.start_mark)


def _check_escapes(event: Any) -> None:
    if odd := _UNPRINTABLE.search(event.value):
        message = f"the control character U+{ord(odd.group()):04X} doesn't belong in a spec"
        raise Refusal("control-character", message, location(event.start_mark), "remove it")


def _tagged_value(text: str, tag: str, mark: Mark) -> Union[int, float, bool, None]:
    wanted = _TYPES.get(tag)
    if wanted is None:
        raise _tag_refused(tag, mark)
    value = understood(text)
    if isinstance(value, str) or type(value) not in wanted:
        message = f"the value doesn't fit its tag !!{tag.removeprefix(_TAG)}"
        raise Refusal("tag", message, location(mark), "remove the tag")
    return value


def check_tag(tag: str | None, expected: str, mark: Mark) -> None:
    """Refuses what a mapping or list is said to be, unless it is just that."""
    if tag is not None and tag not in ("!", _TAG + expected):
        raise _tag_refused(tag, mark)


def understood(text: str) -> Union[str, int, float, bool, None]:
    """What a plain word of YAML 1.2 means: nothing, true, false, a number, or itself."""
    if text[:1] not in _TELLING:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _tag_refused(tag: str, mark: Mark) -> Refusal:
    message = f"the tag {short(tag.replace(_TAG, '!!'))} isn't allowed"
    return Refusal("tag", message, location(mark), "a spec holds plain text, numbers and lists")
