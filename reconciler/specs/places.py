"""Places of values on their way from the file to the resource, and walks through resolved values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Union

from yaml import Mark

from reconciler.errors import Location
from reconciler.model import Lifecycle, Sourced, Value
from reconciler.model.values import is_unknown, leaves
from reconciler.specs.schema import Schemas
from reconciler.specs.yaml_nodes import location

__all__ = ["Place", "Steps", "depths", "is_unknown", "leaves", "unknown"]

Steps = tuple[Union[str, int], ...]
_UNADDRESSED: Final = frozenset({"stack", "ledger", "guard", "vars", "inputs", "secrets"})


class Place(NamedTuple):
    """Where a value stands.

    Attributes:
        section: `stack`, `ledger`, `guard`, `vars`, `inputs`, `providers` or a kind.
        name: its key in the section.
        mark: what to blame.
        path: the way from the key to the value.
        provider_type: of a provider.
        ignored: dotted paths that the resource's `lifecycle.ignore` names.
        schemas: of a provider or a resource: they say which fields are secret.
    """

    section: str
    name: str
    mark: Mark
    path: Steps = ()
    provider_type: str = ""
    schemas: Schemas | None = None
    ignored: frozenset[str] = frozenset()

    @property
    def at(self) -> Location:
        """What to blame, as people read it."""
        return location(self.mark)

    @property
    def is_ignored(self) -> bool:
        """Whether the live value is left as it is, so that this one needn't be known."""
        return Lifecycle(ignore=self.ignored).ignores(".".join(map(str, self.path)))

    @property
    def may_wait(self) -> bool:
        """Whether only an apply that needs it asks for the value: the secret of what is adopted."""
        return self.path == ("lifecycle", "adopt", "client_secret")

    @property
    def address(self) -> str:
        """What a problem here is said to belong to."""
        return "" if self.section in _UNADDRESSED else f"{self.section}.{self.name}"

    @property
    def label(self) -> str:
        """The place in words."""
        return ".".join(str(step) for step in (self.section, self.name, *self.path) if step != "")

    @property
    def is_secret(self) -> bool:
        """Whether the schema marks the field as secret."""
        return self.schemas is not None and self.schemas.is_secret(self.section, self.path)

    @property
    def names_things(self) -> bool:
        """Whether the keys of a mapping here name remote things, as workspaces do."""
        return self.schemas is not None and self.schemas.names_things(self.section, self.path)

    @property
    def takes_secrets(self) -> bool:
        """Whether a secret may stand here as well as anything else: it is sealed here."""
        return self.schemas is not None and self.schemas.takes_secrets(self.section, self.path)

    def below(self, step: Union[str, int], mark: Mark) -> Place:
        """The place one step further down."""
        path = (*self.path, step)
        return Place(self.section, self.name, mark, path, self.provider_type, self.schemas, self.ignored)


def unknown(text: str) -> Sourced:
    """What stands for a value that isn't known: checks leave it alone."""
    return Sourced("unknown", "", text)


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
