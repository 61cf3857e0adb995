"""A YAML file as a tree in which every key and value knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple, Union

from yaml import Mark

from reconciler.errors import Location

Path = Sequence[Union[str, int]]

# Nodes keep the mark that came with the event. A place that people can read is made of it for who asks,
# and of nearly all nobody does.


class Scalar(NamedTuple):
    """Text, a number, true, false or nothing."""

    value: str | int | float | bool | None
    mark: Mark

    @property
    def at(self) -> Location:
        """Where it starts."""
        return location(self.mark)

    @property
    def refers(self) -> bool:
        """Whether it is text that may refer to something."""
        return isinstance(self.value, str) and "${" in self.value


class Block(NamedTuple):
    """A mapping.

    Attributes:
        marks: where each key stands.
        refers: whether anything inside may refer to something.
    """

    items: Mapping[str, Node]
    marks: Mapping[str, Mark]
    mark: Mark
    refers: bool

    @property
    def at(self) -> Location:
        """Where it starts."""
        return location(self.mark)

    def place(self, key: str) -> Location:
        """Where one of its keys stands."""
        return location(self.marks[key])


class Series(NamedTuple):
    """A list; `refers` says whether anything inside may refer to something."""

    items: Sequence[Node]
    mark: Mark
    refers: bool

    @property
    def at(self) -> Location:
        """Where it starts."""
        return location(self.mark)


Node = Union[Scalar, Block, Series]


def location(mark: Mark) -> Location:
    """A mark as a person counts, from 1."""
    return Location(mark.name, mark.line + 1, mark.column + 1)


def ignored_in(resource: Node | None) -> frozenset[str]:
    """What the `lifecycle.ignore` of a resource names, as written."""
    lifecycle = resource.items.get("lifecycle") if isinstance(resource, Block) else None
    named = lifecycle.items.get("ignore") if isinstance(lifecycle, Block) else None
    items = named.items if isinstance(named, Series) else ()
    return frozenset(item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str))


def plain(node: Node) -> Any:
    """The tree as JSON, without places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Series):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.items.items()}


def child(node: Node | None, step: str | int) -> Node | None:
    """What a key or an index leads to; None when nothing is there."""
    if isinstance(node, Block):
        return node.items.get(str(step))
    if isinstance(node, Series) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def locate(root: Node, path: Path, at: Location | None = None) -> Location:
    """Where the last step of a path stands: its key, or its item; the nearest place if it isn't there.

    Args:
        at: where the root itself is to be blamed; by default where it starts.
    """
    place, node = at or root.at, root
    for step in path:
        below = child(node, step)
        if below is None:
            break
        place = node.place(str(step)) if isinstance(node, Block) else below.at
        node = below
    return place


def places(node: Block, prefix: str = "") -> Iterator[tuple[str, Location]]:
    """Every dotted path below a mapping, with its place."""
    for key, item in node.items.items():
        yield intern(prefix + key), node.place(key)  # many resources have the same paths
        yield from _below(item, f"{prefix}{key}.")


def _below(node: Node, prefix: str) -> Iterator[tuple[str, Location]]:
    if isinstance(node, Block):
        yield from places(node, prefix)
    elif isinstance(node, Series):
        for index, item in enumerate(node.items):
            yield f"{prefix}{index}", item.at
            yield from _below(item, f"{prefix}{index}.")
