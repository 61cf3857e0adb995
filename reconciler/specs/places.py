"""Places of values on their way from the file to the resource, and walks through resolved values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Union

from reconciler.errors import Location
from reconciler.model import Lifecycle, Sourced, Value
from reconciler.specs import schema

Steps = tuple[Union[str, int], ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Attributes:
        section: `stack`, `ledger`, `guard`, `vars`, `inputs`, `providers` or a kind.
        name: its key in the section.
        at: what to blame.
        path: the way from the key to the value.
        provider_type: of a provider.
        ignored: dotted paths that the resource's `lifecycle.ignore` names.
    """

    section: str
    name: str
    at: Location
    path: Steps = ()
    provider_type: str = ""
    ignored: frozenset[str] = frozenset()

    @property
    def is_ignored(self) -> bool:
        """Whether the live value is left as it is, so that this one needn't be known."""
        return Lifecycle(ignore=self.ignored).ignores(".".join(map(str, self.path)))

    @property
    def address(self) -> str:
        """What a problem here is said to belong to."""
        return f"{self.section}.{self.name}" if self.section in (*schema.KINDS, "providers") else ""

    @property
    def label(self) -> str:
        """The place in words."""
        return ".".join(str(step) for step in (self.section, self.name, *self.path) if step != "")

    @property
    def is_secret(self) -> bool:
        """Whether the schema marks the field as secret."""
        return self.section in (*schema.KINDS, "providers") and schema.is_secret(self.section, self.path)

    @property
    def names_things(self) -> bool:
        """Whether the keys of a mapping here name remote things, as workspaces do."""
        return self.section in schema.KINDS and schema.names_things(self.section, self.path)

    @property
    def takes_secrets(self) -> bool:
        """Whether a secret may stand here as well as anything else: in a handoff it is sealed."""
        return self.section == "handoffs" and len(self.path) == 2 and self.path[0] == "values"

    def below(self, step: Union[str, int], at: Location) -> Place:
        """The place one step further down."""
        return replace(self, at=at, path=(*self.path, step))


def unknown(text: str) -> Sourced:
    """What stands for a value that isn't known: checks leave it alone."""
    return Sourced("unknown", "", text)


def is_unknown(value: Value) -> bool:
    """Whether a value couldn't be worked out, or its variable is unset."""
    return isinstance(value, Sourced) and not value.value


def depths(value: Value) -> Iterator[int]:
    """How deep each mapping, list and leaf of a value lies; without recursion."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        yield depth
        if isinstance(item, Mapping):
            waiting.extend((below, depth + 1) for below in item.values())
        elif isinstance(item, list):
            waiting.extend((below, depth + 1) for below in item)


def leaves(value: Value, path: Steps) -> Iterator[tuple[Steps, Value]]:
    """Every value that is no mapping or list, with the way to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value
