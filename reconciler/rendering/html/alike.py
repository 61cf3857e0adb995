"""What changes alike in a large picture is drawn once, with a count: forty pairs are no forty rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

FEW = 24  # boxes that a picture shows each for itself
ALIKE = 4  # groups of one shape, from which on one stands for all


def folded(shapes: Sequence[Hashable], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The boxes to be drawn, each with how many it stands for; all of them where there are few.

    Args:
        shapes: of each box, what makes it look as it does.
        edges: pairs of boxes that belong together.
    """
    if len(shapes) <= FEW:
        return dict.fromkeys(range(len(shapes)), 1)
    groups = connected(len(shapes), edges)
    inner: dict[int, list[tuple[int, int]]] = defaultdict(list)
    leaders = {number: group[0] for group in groups for number in group}
    for source, target in edges:
        inner[leaders[source]].append((source, target))
    alike: dict[Hashable, list[list[int]]] = defaultdict(list)
    for group in groups:
        alike[_shape(group, shapes, inner[group[0]])].append(group)
    found: dict[int, int] = {}
    for same in alike.values():
        shown = same[:1] if len(same) >= ALIKE else same
        times = len(same) if len(same) >= ALIKE else 1
        found.update(dict.fromkeys((number for group in shown for number in group), times))
    return dict(sorted(found.items()))


def connected(count: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Boxes that are connected, each group in the order of its boxes."""
    leader = list(range(count))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for source, target in edges:
        first, second = sorted((find(source), find(target)))
        leader[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for number in range(count):
        groups[find(number)].append(number)
    return list(groups.values())


def _shape(group: Sequence[int], shapes: Sequence[Hashable], edges: Sequence[tuple[int, int]]) -> Hashable:
    """Equal for groups that look alike: their boxes in a fixed order, and what leads where."""
    order = sorted(group, key=lambda number: (repr(shapes[number]), number))
    ranks = {number: rank for rank, number in enumerate(order)}
    inside = sorted((ranks[source], ranks[target]) for source, target in edges)
    return tuple(shapes[number] for number in order), tuple(inside)
