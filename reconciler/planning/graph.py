"""The order of the steps: what is referenced first, what is superseded last, deletes in reverse. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from reconciler.model import Action, Address, Change


class Phase(str, Enum):
    """What can happen to an address, in this order unless a replace deletes first."""

    CLEAR = "clear"
    MAKE = "make"
    REMOVE = "remove"


@dataclass(frozen=True, order=True, slots=True)
class Step:
    """One node of the graph: an address and what happens to it."""

    address: Address
    phase: Phase


def steps(
    changes: Iterable[Change], remembered: Mapping[Address, tuple[Address, ...]]
) -> dict[Step, tuple[Step, ...]]:
    """Every step with the steps that have to be done before it.

    Args:
        changes: all that is pending.
        remembered: address → what its live object depends on, as last applied; a delete waits for them.
    """
    by_address = {change.address: change for change in changes if change.is_pending}
    nodes = {step for change in by_address.values() for step in _steps_of(change)}
    waits: dict[Step, set[Step]] = {step: set() for step in nodes}

    def wait(step: Step, before: Step) -> None:
        if step in waits and before in waits and step != before:
            waits[step].add(before)

    for address, change in by_address.items():
        for needed in change.depends_on:
            wait(Step(address, Phase.MAKE), Step(needed, Phase.MAKE))
        for user_of in {*change.depends_on, *remembered.get(address, ())}:
            # what this one uses, or used, goes only after it was switched over, or is gone itself
            first = by_address.get(user_of)
            if first is not None and first.deletes_first:
                continue
            wait(Step(user_of, Phase.REMOVE), Step(address, Phase.MAKE))
            wait(Step(user_of, Phase.REMOVE), Step(address, Phase.CLEAR))
            wait(Step(user_of, Phase.REMOVE), Step(address, Phase.REMOVE))
        wait(Step(address, Phase.MAKE), Step(address, Phase.CLEAR))
        wait(Step(address, Phase.REMOVE), Step(address, Phase.CLEAR))
        if change.deletes_first:
            wait(Step(address, Phase.MAKE), Step(address, Phase.REMOVE))
        else:
            wait(Step(address, Phase.REMOVE), Step(address, Phase.MAKE))
    return {step: tuple(sorted(before)) for step, before in sorted(waits.items())}


def _steps_of(change: Change) -> list[Step]:
    found = []
    if change.clears:
        found.append(Step(change.address, Phase.CLEAR))
    if change.action is not Action.DELETE:
        found.append(Step(change.address, Phase.MAKE))
    if change.removes:
        found.append(Step(change.address, Phase.REMOVE))
    return found
