"""A YAML file to a tree of nodes; what would harm or puzzle the reader is refused with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reconciler.errors import Location
from reconciler.specs.problems import Refusal
from reconciler.specs.yaml_composer import compose
from reconciler.specs.yaml_nodes import Block

MAX_BYTES: Final = 10 * 1024 * 1024
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OTHER_UNICODE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def read(file: str) -> Block:
    """The tree of a YAML file.

    Args:
        file: its path, as it shall be shown.

    Raises:
        Refusal: it can't be read, isn't UTF-8 or YAML, or isn't a mapping.
    """
    return parse(_contents(file), file)


def parse(content: bytes, file: str) -> Block:
    """The tree of a YAML text.

    Raises:
        Refusal: it isn't UTF-8 or YAML, or isn't a mapping.
    """
    root = compose(_text(content, file), file)
    if not isinstance(root, Block):
        raise Refusal(
            "type", "the file isn't a mapping", root.at, "write `key: value` lines at the top level"
        )
    return root


def _contents(file: str) -> bytes:
    path, start = Path(file), Location(file)
    try:
        if not path.exists():
            raise Refusal("not-found", "there is no such file", start, "check the path")
        if not path.is_file():
            raise Refusal("not-found", "this isn't a file", start, "name a YAML file")
        if path.stat().st_size > MAX_BYTES:
            raise Refusal("too-large", "the file is larger than 10 MiB", start, "split it with imports:")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name isn't valid"
        raise Refusal("unreadable", f"the file can't be read: {reason}", start) from None


def _text(content: bytes, file: str) -> str:
    if content.startswith(_OTHER_UNICODE):
        raise Refusal(
            "encoding", "the file isn't UTF-8 but UTF-16 or UTF-32", Location(file), "save it as UTF-8"
        )
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise Refusal("encoding", "the file isn't UTF-8", _end(before, file), "save it as UTF-8") from None
    if odd := _UNPRINTABLE.search(text):
        name = f"U+{ord(odd.group()):04X}"
        at = _end(text[: odd.start()], file)
        raise Refusal(
            "control-character", f"the control character {name} doesn't belong in YAML", at, "remove it"
        )
    return text


def _end(before: str, file: str) -> Location:
    """The place right after a text."""
    line = before.count("\n") + 1
    return Location(file, line, len(before) - (before.rfind("\n") + 1) + 1)
