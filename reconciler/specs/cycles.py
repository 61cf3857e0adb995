"""Resources that wait for each other in a ring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from reconciler.model import Address, Resource
from reconciler.specs.problems import Problems

_MAX_RINGS: Final = 20


def check_cycles(resources: Mapping[Address, Resource], problems: Problems) -> None:
    """Adds every ring to the problems, up to a number of them."""
    for ring in _rings(resources):
        message = f"these refer to each other: {' → '.join(map(str, ring))}"
        at = resources[ring[0]].at
        problems.error("cycle", message, at, address=str(ring[0]), hint="cut the ring")


def _rings(resources: Mapping[Address, Resource]) -> Iterator[tuple[Address, ...]]:
    """Rings of resources that wait for each other, first and last the same."""
    # whoever waits for nobody is in no ring
    waiters = {address for address, resource in resources.items() if resource.depends_on}
    waiting = {
        address: held
        for address, resource in resources.items()
        if (held := waiters.intersection(resource.depends_on))
    }
    for _ in range(_MAX_RINGS):
        ring = _ring(waiting)
        if not ring:
            return
        yield ring
        waiting.update((address, set()) for address in ring)


def _ring(waiting: Mapping[Address, set[Address]]) -> tuple[Address, ...]:
    try:
        TopologicalSorter(waiting).prepare()
    except CycleError as error:
        # graphlib tells of one ring at a time, each member needed by the next
        return tuple(reversed(error.args[1]))
    return ()
