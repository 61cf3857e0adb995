"""Values as YAML that every reader understands alike: plain where that is safe, else in double quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.values import GUID
from reconciler.rendering import clean

# what some YAML takes for true, false, nothing or a number
_TRAPS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"})
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@+-]|:(?=[^\s])| (?=[A-Za-z0-9_(./@+-])|[()])*\Z")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_UNHOLDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}
_WIDTH = 100


class ReferenceText(str):
    """A `${…}` that is meant: written as it stands, where any other text keeps its `${`."""

    __slots__ = ()


def is_holdable(value: Any) -> bool:
    """Whether a spec can hold a value just as it is."""
    if isinstance(value, Mapping):
        return all(is_plain_key(key) and is_holdable(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_holdable, value))
    if isinstance(value, str):
        return not _UNHOLDABLE.search(value)
    if isinstance(value, int):
        return abs(value) < 10**18
    return isinstance(value, float) and bool(re.fullmatch(r"-?[0-9]{1,17}\.[0-9]{1,17}", repr(value)))


def is_plain_key(key: object) -> bool:
    """Whether a key of a mapping can be compared: paths have dots between keys."""
    return isinstance(key, str) and re.fullmatch("[A-Za-z0-9_-]+", key) is not None


def scalar(value: Any) -> str:
    """One value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    if isinstance(value, ReferenceText):
        return text if re.fullmatch(r"\$\{[A-Za-z0-9_.-]+\}", text) else quoted(text)
    text = text.replace("${", "$${")
    is_safe = bool(_PLAIN.match(text)) and text.lower() not in _TRAPS and len(text) <= _WIDTH * 3
    return text if is_safe or GUID.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """Text in double quotes; whatever isn't plainly visible is escaped."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if clean(character) == character:
        return character
    code = ord(character)
    return f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}"


def lines(key: str, value: Any, indent: int) -> Iterator[str]:
    """A key with its value, as a block at that depth."""
    head = " " * indent + (key if _WORD.match(key) and key.lower() not in _TRAPS else quoted(key)) + ":"
    if isinstance(value, Mapping):
        yield head if value else f"{head} {{}}"
        for name, item in value.items():
            yield from lines(name, item, indent + 2)
    elif isinstance(value, (list, tuple)):
        yield from _list(head, value, indent)
    else:
        yield f"{head} {scalar(value)}"


def _list(head: str, items: Sequence[Any], indent: int) -> Iterator[str]:
    texts = [scalar(item) for item in items if not isinstance(item, (Mapping, list, tuple))]
    flow = f"{head} [{', '.join(texts)}]"
    if len(texts) < len(items):
        yield f"{head} {_nested(items)}"
    elif all(map(_WORD.match, texts)) and len(flow) <= _WIDTH:
        yield flow
    else:
        yield head
        yield from (" " * (indent + 2) + f"- {text}" for text in texts)


def _nested(value: Any) -> str:
    """A list of lists or mappings in one line: no API is known to have any."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(key)}: {_nested(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return quoted(value.replace("${", "$${")) if isinstance(value, str) else scalar(value)


def comment(text: str, indent: int) -> Iterator[str]:
    """Words as comment lines, whatever is in them."""
    line = ""
    for word in clean(text).split(" "):
        if line and len(line) + len(word) + indent + 3 > _WIDTH:
            yield " " * indent + f"# {line}"
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield " " * indent + f"# {line}"
