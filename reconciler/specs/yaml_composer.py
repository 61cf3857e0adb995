"""YAML events to nodes, step by step and without recursion, so that no text can exhaust stack or memory.

Plain words mean what YAML 1.2 says: `no`, `010` and `2024-01-01` are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, Final, Union

import yaml

from reconciler.errors import Location
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml: slower, the same events
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

MAX_DEPTH: Final = 100
MAX_EXPANDED: Final = 100_000

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
_MERGE = "<<"
# JSON writes what lies beyond U+FFFF as two escapes, which libyaml doesn't read: they pass it as private
# characters of the same width, so that no place shifts
_PAIRED = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})")
_DISGUISED = re.compile(r"\\u[eE]([89abAB][0-9a-fA-F]{2})\\u[eE]([c-fC-F][0-9a-fA-F]{2})")
_PRIVATE = re.compile("([\ue800-\uebff])([\uec00-\uefff])")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ODD_INDENT = re.compile("^ *[\t\u00a0\u2000-\u200b\u202f\u3000]")


class Refusal(Exception):  # noqa: N818 - it says no; the error that people see is SpecError
    """A file that isn't read any further."""

    def __init__(self, code: str, message: str, at: Location, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.hint = hint


class Loader(_SafeLoader):
    """Where the events come from; it constructs nothing."""


@dataclass
class _Open:
    """A mapping or list that isn't closed yet."""

    at: Location
    anchor: str | None
    is_mapping: bool
    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Location] = field(default_factory=dict)
    merged: list[Block] = field(default_factory=list)
    entries: list[Node] = field(default_factory=list)
    key: str | None = None
    merging: bool = False
    size: int = 1

    @property
    def wants_key(self) -> bool:
        """Whether a key comes next."""
        return self.is_mapping and self.key is None and not self.merging


def compose(text: str, file: str) -> Node:
    """The one document of a text.

    Raises:
        Refusal: broken YAML, no or several documents, duplicate keys, tags, nesting or aliases without bound.
    """
    # a file that holds such private characters itself keeps them, and gets no pairs read
    paired = bool(_PAIRED.search(text)) and not (_PRIVATE.search(text) or _DISGUISED.search(text))
    loader = Loader(_PAIRED.sub(r"\1\\ue\2\\ue\3", text) if paired else text)
    try:
        return _Composer(loader, file, paired=paired).run()
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, file) from None
    finally:
        loader.dispose()


def _broken(error: yaml.MarkedYAMLError, text: str, file: str) -> Refusal:
    mark = error.problem_mark or error.context_mark
    at = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
    at, hint = _advice(text.split("\n"), at)
    return Refusal("yaml", f"this isn't YAML: {error.problem or 'it makes no sense'}", at, hint)


def _advice(lines: list[str], at: Location) -> tuple[Location, str]:
    """Where the mistake is, and what to do about it: where libyaml gives up may be a line below."""
    near = range(at.line, max(at.line - 2, 0), -1)
    blamed = {number: lines[number - 1] for number in near if number <= len(lines)}
    for number, line in blamed.items():
        if odd := _ODD_INDENT.match(line):
            return replace(at, line=number, column=odd.end()), "indent with blanks only, not with tabs"
    line = blamed.get(at.line, "")
    if "\t" in line[max(at.column - 2, 0) : at.column]:
        return at, "put a blank there, not a tab"
    if _HALF.search(line):
        return at, "half a character is escaped there: write the character itself, or both halves"
    if any("${" in line and re.search(r"[\[{][^\"']*\$\{", line) for line in blamed.values()):
        return at, 'inside [ ] and { } a reference needs quotes: "${…}"'
    return at, "indent with blanks, not tabs, and quote text that holds special characters"


class _Composer:
    """One pass over the events of one file."""

    def __init__(self, loader: Loader, file: str, *, paired: bool = False) -> None:
        self._loader = loader
        self._file = file
        self._paired = paired
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._expanded = 0
        self._root: Node | None = None

    def run(self) -> Node:
        """The document of the file; one that holds nothing, as after a last `---`, is none."""
        root: Node | None = None
        start: Any = None
        while not isinstance(event := self._loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                start, self._root = event, None
                self._anchors.clear()
            elif isinstance(event, yaml.DocumentEndEvent):
                if self._root is not None and root is not None:
                    message = "the file holds several documents"
                    raise Refusal("documents", message, self._at(start), "keep one per file")
                root = root or self._root
            elif not (_is_nothing(event) and not self._open):
                self._take(event)
        if root is None or (isinstance(root, Scalar) and root.value is None):
            raise Refusal(
                "empty", "the file is empty", Location(self._file), "a spec starts with `version: 1`"
            )
        return root

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _at(self, event: Any) -> Location:
        mark = event.start_mark
        return Location(self._file, mark.line + 1, mark.column + 1)

    def _scalar(self, event: Any) -> None:
        # the same words stand in a spec thousands of times
        event.value = intern(_together(event) if self._paired else event.value)
        at, parent = self._at(event), self._open[-1] if self._open else None
        if parent and parent.wants_key:
            self._key(parent, event, at)
            return
        node = Scalar(_value(event, at), at)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1)
        self._place(node, 1)

    def _key(self, parent: _Open, event: Any, at: Location) -> None:
        _value(event, at)  # refuses tags and control characters in keys, too
        key = event.value
        if not key:
            raise Refusal("key", "a key is empty", at, "give it a name")
        is_merge = key == _MERGE and event.implicit[0]
        first = parent.keys.get(key) or (parent.merged[0].at if is_merge and parent.merged else None)
        if first:
            message = f"the key {_short(key)} is given twice: first at {first.line}:{first.column}"
            raise Refusal("duplicate-key", message, at, "keep one of them")
        if is_merge:
            parent.merging = True
            return
        parent.key = key
        parent.keys[key] = at
        if event.anchor:
            self._anchors[event.anchor] = (Scalar(key, at), 1)

    def _start(self, event: Any) -> None:
        at = self._at(event)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if is_mapping else "seq")):
            raise _tagged(event.tag, at)
        if self._open and self._open[-1].wants_key:
            raise Refusal("key", "a key must be text", at, "a mapping or list can't be one")
        if len(self._open) >= MAX_DEPTH:
            raise Refusal("too-deep", f"nested more than {MAX_DEPTH} levels deep", at, "flatten it")
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open(at, event.anchor, is_mapping))

    def _close(self) -> None:
        done = self._open.pop()
        node: Node = self._mapping(done) if done.is_mapping else Series(done.entries, done.at)
        if done.anchor:
            self._anchors[done.anchor] = (node, done.size)
        self._place(node, done.size)

    def _mapping(self, done: _Open) -> Block:
        """A closed mapping; what it has itself wins over what it merges."""
        for source in done.merged:
            self._expand(len(source.items), done.at)
            for key, item in source.items.items():
                if key not in done.items:
                    done.items[key] = item
                    done.keys[key] = source.keys[key]
        return Block(done.items, done.keys, done.at)

    def _alias(self, event: Any) -> None:
        at = self._at(event)
        if any(waiting.anchor == event.anchor for waiting in self._open):
            raise Refusal("recursive-alias", f"*{event.anchor} stands inside itself", at, "write it out")
        if event.anchor not in self._anchors:
            raise Refusal("unknown-alias", f"*{event.anchor} has no anchor before it", at, "define it with &")
        node, size = self._anchors[event.anchor]
        parent = self._open[-1] if self._open else None
        if parent and parent.wants_key:
            raise Refusal("key", "a key can't be an alias", at, "write it out")
        self._expand(size, at)
        self._place(node, size)

    def _expand(self, size: int, at: Location) -> None:
        self._expanded += size
        if self._expanded > MAX_EXPANDED:
            message = f"anchors expand to more than {MAX_EXPANDED} values"
            raise Refusal("alias-bomb", message, at, "write the values out, or use vars")

    def _place(self, node: Node, size: int) -> None:
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.size += size
        if not parent.is_mapping:
            parent.entries.append(node)
        elif parent.merging:
            parent.merged.extend(_mergeable(node))
            parent.merging = False
        elif parent.key is not None:
            parent.items[parent.key] = node
            parent.key = None


def _is_nothing(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not (event.value or event.anchor)


def _together(event: Any) -> str:
    """A scalar's text with both halves of a character put together, or as it was written."""
    text: str = event.value
    if event.style != '"':
        return _DISGUISED.sub(r"\\ud\1\\ud\2", text)
    return _PRIVATE.sub(
        lambda pair: chr(0x10000 + ((ord(pair[1]) - 0xE800) << 10) + ord(pair[2]) - 0xEC00), text
    )


def _mergeable(node: Node) -> list[Block]:
    blocks = node.items if isinstance(node, Series) else [node]
    found = [block for block in blocks if isinstance(block, Block)]
    if len(found) != len(blocks) or not found:
        raise Refusal(
            "merge", "<< takes a mapping or a list of mappings", node.at, "give it an alias: <<: *name"
        )
    return found


def _value(event: Any, at: Location) -> Union[str, int, float, bool, None]:
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
        raise _tagged(tag, at)
    value = understood(text)
    if isinstance(value, str) or type(value) not in wanted:
        raise Refusal(
            "tag", f"the value doesn't fit its tag !!{tag.removeprefix(_TAG)}", at, "remove the tag"
        )
    return value


def understood(text: str) -> Union[str, int, float, bool, None]:
    """What a plain word of YAML 1.2 means: nothing, true, false, a number, or itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _tagged(tag: str, at: Location) -> Refusal:
    shown = tag.replace(_TAG, "!!")
    return Refusal(
        "tag", f"the tag {_short(shown)} isn't allowed", at, "a spec holds plain text, numbers and lists"
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
