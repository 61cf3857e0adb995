"""What users, groups and service principals have in common as SCIM objects: ids, look-up, PATCH, removal."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from reconciler.sandbox.databricks.scim import Operation, apply, operations
from reconciler.sandbox.messages import Refusal
from reconciler.sandbox.tables import Row, Table
from reconciler.sandbox.world import World

_FIRST_ID = 5_821_740_139_562_341


class Numbers:
    """SCIM ids: 16 digits, ascending with gaps, never given twice."""

    def __init__(self) -> None:
        self.last = _FIRST_ID

    def next(self) -> str:
        """A new id."""
        self.last += random.randint(1, 997)  # noqa: S311 - an id, not a secret
        return str(self.last)


class ScimObjects(ABC):
    """All objects of one sort.

    Attributes:
        noun: what refusals call one.
        settable: what a request may set.
        goes_by: the attribute by which rule sets and assignments name one.
        grantees: what rule sets put before that name.
        name_in_assignments: the key under which an assignment shows it.
    """

    noun: ClassVar[str]
    settable: ClassVar[tuple[str, ...]]
    goes_by: ClassVar[str]
    grantees: ClassVar[str]
    name_in_assignments: ClassVar[str]

    def __init__(self, world: World, numbers: Numbers) -> None:
        self._world = world
        self._numbers = numbers
        self.table = Table(world)

    def get(self, key: str) -> Row:
        """One of them.

        Raises:
            Refusal: 404, there is none with this id.
        """
        return self.table.need(key, Refusal(404, "", f"{self.noun} with id {key} not found."))

    @abstractmethod
    def create(self, body: Mapping[str, Any]) -> Row:
        """A new one.

        Raises:
            Refusal: 400 for a bad body; 409, it is there already.
        """

    @abstractmethod
    def replace(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out a PUT: what isn't sent again is gone.

        Raises:
            Refusal: 404; 400, 403, 409: it can't be carried out.
        """

    def grantee(self, row: Row) -> str:
        """How the rules of a rule set name one."""
        return f"{self.grantees}/{row[self.goes_by]}"

    def patch(self, key: str, body: Mapping[str, Any]) -> Row:
        """Carry out the operations of a PATCH, all or none.

        Raises:
            Refusal: 404; 400, an operation can't be carried out, and whatever `_apply` and `_check` refuse.
        """
        row = self.get(key)
        changed = dict(row)
        for operation in operations(body):
            self._apply(changed, operation)
        self._check(changed)
        return became(row, changed)

    def _apply(self, row: Row, operation: Operation) -> None:
        apply(row, operation, self.settable)

    def _check(self, row: Row) -> None:  # noqa: B027 - most sorts have no such rule
        """What all operations together came to."""

    def delete(self, key: str) -> None:
        """Remove one.

        Raises:
            Refusal: 404, there is none with this id.
        """
        self.get(key)
        self.table.remove(key)


def became(row: Row, changed: Row) -> Row:
    """The same row with another content."""
    row.clear()
    row.update(changed)
    return row
