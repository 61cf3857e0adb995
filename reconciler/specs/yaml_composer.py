"""YAML events to nodes, step by step and without recursion, so that no text can exhaust stack or memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from sys import intern
from typing import Any, ClassVar, Final

import yaml

from reconciler.errors import Location
from reconciler.specs.problems import Refusal, short
from reconciler.specs.yaml_nodes import Block, Node, Scalar, Series, location
from reconciler.specs.yaml_scalars import check_tag, hide_pairs, pairs_together, scalar_value

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml: slower, the same events
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

MAX_DEPTH: Final = 100
MAX_EXPANDED: Final = 100_000

_MERGE = "<<"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ODD_INDENT = re.compile("^ *[\t\u00a0\u2000-\u200b\u202f\u3000]")


class Loader(_SafeLoader):
    """Where the events come from; it constructs nothing."""


class _Named(BytesIO):
    """A text with the name of its file: every mark has it from there."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text.encode())
        self.name = name


def compose(text: str, file: str) -> Node:
    """The one document of a text.

    Raises:
        Refusal: broken YAML, no or several documents, duplicate keys, tags, nesting or aliases without bound.
    """
    readable = hide_pairs(text)
    loader = Loader(_Named(readable, file))
    try:
        return _Composer(loader, file, paired=readable != text).run()
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


@dataclass(slots=True)
class _OpenSeries:
    """A list that isn't closed yet."""

    mark: yaml.Mark
    anchor: str | None
    entries: list[Node] = field(default_factory=list)
    size: int = 1
    refers: bool = False
    wants_key: ClassVar[bool] = False

    def take(self, node: Node) -> None:
        """The next item."""
        self.entries.append(node)

    def closed(self, _: _Anchors) -> Node:
        """All items."""
        return Series(self.entries, self.mark, self.refers)


@dataclass(slots=True)
class _OpenMapping:
    """A mapping that isn't closed yet.

    Attributes:
        wants_key: whether a key comes next.
    """

    mark: yaml.Mark
    anchor: str | None
    items: dict[str, Node] = field(default_factory=dict)
    marks: dict[str, yaml.Mark] = field(default_factory=dict)
    merged: tuple[Block, ...] = ()
    key: str = ""
    wants_key: bool = True
    merging: bool = False
    size: int = 1
    refers: bool = False

    def expect(self, key: str, mark: yaml.Mark, *, is_merge: bool) -> None:
        """The key of the next value."""
        if not key:
            raise Refusal("key", "a key is empty", location(mark), "give it a name")
        if key in self.marks or (is_merge and self.merged):
            first = self.marks[key] if key in self.marks else self.merged[0].mark
            message = f"the key {short(key)} is given twice: first at {first.line + 1}:{first.column + 1}"
            raise Refusal("duplicate-key", message, location(mark), "keep one of them")
        self.wants_key = False
        if is_merge:
            self.merging = True
            return
        self.key = key
        self.marks[key] = mark
        if "${" in key:
            self.refers = True

    def take(self, node: Node) -> None:
        """The value of the key, or what is merged."""
        self.wants_key = True
        if self.merging:
            self.merged = (*self.merged, *_mergeable(node))
            self.merging = False
        else:
            self.items[self.key] = node

    def closed(self, anchors: _Anchors) -> Node:
        """All keys and values; what it has itself wins over what it merges."""
        for source in self.merged:
            anchors.expand(len(source.items), self.mark)
            self.refers = self.refers or source.refers
            for key, item in source.items.items():
                if key not in self.items:
                    self.items[key] = item
                    self.marks[key] = source.marks[key]
        return Block(self.items, self.marks, self.mark, self.refers)


class _Anchors:
    """What aliases may name, and how much they may come to."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Node, int]] = {}
        self._expanded = 0

    def clear(self) -> None:
        """Forgets the names: another document starts."""
        self._named.clear()

    def forget(self, name: str) -> None:
        """Takes a name back: what has it now isn't closed yet."""
        self._named.pop(name, None)

    def define(self, name: str, node: Node, size: int) -> None:
        """Gives a node a name."""
        self._named[name] = (node, size)

    def find(self, name: str, mark: yaml.Mark) -> tuple[Node, int]:
        """What a name stands for, and its size."""
        if name not in self._named:
            message = f"*{name} has no anchor before it"
            raise Refusal("unknown-alias", message, location(mark), "define it with &")
        return self._named[name]

    def expand(self, size: int, mark: yaml.Mark) -> None:
        """Counts what stands once more by its name."""
        self._expanded += size
        if self._expanded > MAX_EXPANDED:
            message = f"anchors expand to more than {MAX_EXPANDED} values"
            raise Refusal("alias-bomb", message, location(mark), "write the values out, or use vars")


class _Composer:
    """One pass over the events of one file."""

    def __init__(self, loader: Loader, file: str, *, paired: bool) -> None:
        self._loader = loader
        self._file = file
        self._paired = paired
        self._open: list[_OpenMapping | _OpenSeries] = []
        self._anchors = _Anchors()
        self._root: Node | None = None

    def run(self) -> Node:
        """The document of the file; one that holds nothing, as after a last `---`, is none."""
        # no attribute: a ring would keep all nodes until somebody looks for garbage
        takes: Mapping[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
        }
        root: Node | None = None
        start: Any = None
        get_event = self._loader.get_event
        while (sort := type(event := get_event())) is not yaml.StreamEndEvent:
            if take := takes.get(sort):
                if self._open or not _is_nothing(event):
                    take(event)
            elif sort is yaml.DocumentStartEvent:
                start, self._root = event, None
                self._anchors.clear()
            elif sort is yaml.DocumentEndEvent:
                if self._root is not None and root is not None:
                    message = "the file holds several documents"
                    raise Refusal("documents", message, location(start.start_mark), "keep one per file")
                root = root or self._root
        if root is None or (isinstance(root, Scalar) and root.value is None):
            raise Refusal(
                "empty", "the file is empty", Location(self._file), "a spec starts with `version: 1`"
            )
        return root

    def _scalar(self, event: Any) -> None:
        # the same words stand in a spec thousands of times
        text = event.value = intern(pairs_together(event) if self._paired else event.value)
        parent = self._open[-1] if self._open else None
        if isinstance(parent, _OpenMapping) and parent.wants_key:
            self._key(event, parent)
        else:
            self._place(Scalar(scalar_value(event), event.start_mark), event.anchor, 1, refers="${" in text)

    def _key(self, event: Any, parent: _OpenMapping) -> None:
        if event.tag is not None or event.style == '"':  # what nearly none has
            scalar_value(event)  # refuses what no scalar may hold, or say of itself
        is_merge = event.value == _MERGE and event.implicit[0]
        parent.expect(event.value, event.start_mark, is_merge=is_merge)
        if event.anchor and not is_merge:
            self._anchors.define(event.anchor, Scalar(event.value, event.start_mark), 1)

    def _start(self, event: Any) -> None:
        mark = event.start_mark
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        check_tag(event.tag, "map" if is_mapping else "seq", mark)
        if self._open and self._open[-1].wants_key:
            raise Refusal("key", "a key must be text", location(mark), "a mapping or list can't be one")
        if len(self._open) >= MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
            raise Refusal("too-deep", message, location(mark), "flatten it")
        if event.anchor:
            self._anchors.forget(event.anchor)
        self._open.append((_OpenMapping if is_mapping else _OpenSeries)(mark, event.anchor))

    def _close(self, _: Any) -> None:
        done = self._open.pop()
        self._place(done.closed(self._anchors), done.anchor, done.size, refers=done.refers)

    def _alias(self, event: Any) -> None:
        mark = event.start_mark
        if any(waiting.anchor == event.anchor for waiting in self._open):
            message = f"*{event.anchor} stands inside itself"
            raise Refusal("recursive-alias", message, location(mark), "write it out")
        node, size = self._anchors.find(event.anchor, mark)
        if self._open and self._open[-1].wants_key:
            raise Refusal("key", "a key can't be an alias", location(mark), "write it out")
        self._anchors.expand(size, mark)
        self._place(node, None, size, refers=node.refers)

    def _place(self, node: Node, anchor: str | None, size: int, *, refers: bool) -> None:
        if anchor:
            self._anchors.define(anchor, node, size)
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.size += size
        if refers:
            parent.refers = True
        parent.take(node)


def _is_nothing(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not (event.value or event.anchor)


def _mergeable(node: Node) -> list[Block]:
    blocks = node.items if isinstance(node, Series) else [node]
    found = [block for block in blocks if isinstance(block, Block)]
    if len(found) != len(blocks) or not found:
        raise Refusal(
            "merge", "<< takes a mapping or a list of mappings", node.at, "give it an alias: <<: *name"
        )
    return found
