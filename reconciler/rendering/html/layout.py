"""Where the boxes of a picture go: layered from left to right, packed into a calm rectangle, always the same.

Boxes that depend on each other stay together in a band; a column too high for its band is cut into lanes.
Bands are stacked until a stack is as high as the picture wants to be, then the next one begins beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.rendering.html.alike import connected

WIDTH = 232.0
ROW_GAP = 12.0
BAND_GAP = 26.0
LANE_GAP = 30.0  # between the lanes of one column
COLUMN_GAP = 76.0
STACK_GAP = 96.0
_MAX_COLUMN = 8
_SWEEPS = 4
_LOWEST, _HIGHER = 420.0, 1.25  # heights to try: from here on, each so much more than the one before
_SHAPE = 2.1  # no wider than so many times its height
Edges = Sequence[tuple[int, int]]
Band = dict[int, list[int]]  # boxes by column


@dataclass(frozen=True)
class Box:
    """A box to be placed.

    Attributes:
        column: the leftmost column that it may stand in; what it depends on pushes it further right.
        is_urgent: its band comes before those where nothing happens.
    """

    column: int
    height: float
    is_urgent: bool = True


@dataclass(frozen=True)
class BoxStack:
    """One stack of bands, from height 0 down: its boxes, and the room that they take."""

    members: tuple[int, ...]
    left: float
    right: float
    bottom: float


@dataclass
class Arrangement:
    """Where everything stands.

    Attributes:
        spots: the upper left corner of each box, by its number.
        spans: where the lanes that it stands among begin and end.
    """

    spots: dict[int, tuple[float, float]] = field(default_factory=dict)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    stacks: list[BoxStack] = field(default_factory=list)

    @property
    def shape(self) -> float:
        """Its width by its height."""
        width = self.stacks[-1].right - self.stacks[0].left
        return width / max(stack.bottom for stack in self.stacks)


def in_one_stack(boxes: Sequence[Box], edges: Edges) -> Arrangement:
    """All bands below each other, as narrow as their columns: for a page of a hand's width."""
    columns = _columns(boxes, edges)
    bands = [_untangled(band, edges, columns) for band in _bands(boxes, edges, columns)]
    return _stacked(bands, boxes, float("inf"), 0.0)


def arranged(boxes: Sequence[Box], edges: Edges, *, margin: float = 0.0) -> Arrangement:
    """Places boxes along their edges; there must be one at least.

    Args:
        edges: pairs of numbers of boxes, from what is depended on to what depends.
        margin: room to keep free at either side of a stack.
    """
    columns = _columns(boxes, edges)
    bands = [_untangled(band, edges, columns) for band in _bands(boxes, edges, columns)]
    limit = _LOWEST
    made = _stacked(bands, boxes, limit, margin)
    while made.shape > _SHAPE and len(made.spans) > 1 and limit < 1e6:
        limit *= _HIGHER
        higher = _stacked(bands, boxes, limit, margin)
        made = higher if higher.shape < made.shape else made
    return made


def _stacked(bands: Sequence[Band], boxes: Sequence[Box], limit: float, margin: float) -> Arrangement:
    """All bands, in stacks that are as high as the limit or as one band."""
    made = Arrangement()
    x, height = margin, 0.0
    stack: list[_Laned] = []
    for band in bands:
        laned = _Laned(band, boxes, limit)
        if stack and height + laned.height > limit:
            x = _place(stack, boxes, x, made) + 2 * margin + STACK_GAP
            stack, height = [], 0.0
        stack.append(laned)
        height += laned.height + BAND_GAP
    _place(stack, boxes, x, made)
    return made


def _columns(boxes: Sequence[Box], edges: Edges) -> list[int]:
    """The column of each box: right of all that it depends on. A ring ends at the last column."""
    columns = [box.column for box in boxes]
    for _ in range(_MAX_COLUMN):
        is_settled = True
        for source, target in edges:
            wanted = min(columns[source] + 1, _MAX_COLUMN)
            if columns[target] < wanted:
                columns[target], is_settled = wanted, False
        if is_settled:
            break
    used = {column: rank for rank, column in enumerate(sorted(set(columns)))}
    return [used[column] for column in columns]


def _bands(boxes: Sequence[Box], edges: Edges, columns: Sequence[int]) -> list[list[int]]:
    """Connected boxes together, and those without any edge; bands in which something happens come first."""
    first = {number: group[0] for group in connected(len(boxes), edges) for number in group}
    linked = {number for edge in edges for number in edge}
    bands: dict[tuple[bool, int], list[int]] = {}
    for number, box in enumerate(boxes):
        key = (True, first[number]) if number in linked else (False, int(box.is_urgent))
        bands.setdefault(key, []).append(number)
    return sorted(bands.values(), key=lambda band: (not any(boxes[n].is_urgent for n in band), band[0]))


class _Laned:
    """A band with its columns cut into as many lanes as their heights need."""

    def __init__(self, band: Band, boxes: Sequence[Box], limit: float) -> None:
        self.columns = {column: _lanes(members, boxes, limit) for column, members in band.items()}
        self.heights = {
            column: max(_height(lane, boxes) for lane in lanes) for column, lanes in self.columns.items()
        }
        self.height = max(self.heights.values())


def _lanes(members: Sequence[int], boxes: Sequence[Box], limit: float) -> list[list[int]]:
    lanes: list[list[int]] = [[]]
    height = 0.0
    for number in members:
        needed = boxes[number].height + ROW_GAP
        if lanes[-1] and height + needed > limit:
            lanes.append([])
            height = 0.0
        lanes[-1].append(number)
        height += needed
    return lanes


def _height(lane: Sequence[int], boxes: Sequence[Box]) -> float:
    return sum(boxes[number].height + ROW_GAP for number in lane) - ROW_GAP


def _place(stack: Sequence[_Laned], boxes: Sequence[Box], x: float, made: Arrangement) -> float:
    """Places one stack at x and answers its right end."""
    lefts, right = _lefts(stack, x)
    y = 0.0
    for laned in stack:
        for column, lanes in laned.columns.items():
            # the lanes of a column begin at one height, so that their boxes stand in rows
            start = y + (laned.height - laned.heights[column]) / 2
            left = lefts[column]
            span = (left, left + len(lanes) * (WIDTH + LANE_GAP) - LANE_GAP)
            for rank, lane in enumerate(lanes):
                top = start
                for number in lane:
                    made.spots[number] = (left + rank * (WIDTH + LANE_GAP), top)
                    made.spans[number] = span
                    top += boxes[number].height + ROW_GAP
        y += laned.height + BAND_GAP
    members = tuple(
        number for laned in stack for lanes in laned.columns.values() for lane in lanes for number in lane
    )
    made.stacks.append(BoxStack(members, x, right, y - BAND_GAP))
    return right


def _lefts(stack: Sequence[_Laned], x: float) -> tuple[dict[int, float], float]:
    """Where each column begins, and where the last one ends."""
    most: dict[int, int] = {}
    for laned in stack:
        for column, lanes in laned.columns.items():
            most[column] = max(most.get(column, 0), len(lanes))
    lefts = {}
    for column in sorted(most):
        lefts[column] = x
        x += most[column] * (WIDTH + LANE_GAP) - LANE_GAP + COLUMN_GAP
    return lefts, x - COLUMN_GAP


def _untangled(band: Sequence[int], edges: Edges, columns: Sequence[int]) -> Band:
    """The band with few crossings: each box moves to the middle of its neighbours, a few times."""
    inside = set(band)
    neighbours: dict[int, list[int]] = {number: [] for number in band}
    for source, target in edges:
        if source in inside:
            neighbours[source].append(target)
            neighbours[target].append(source)
    by_column: Band = {}
    for number in band:
        by_column.setdefault(columns[number], []).append(number)
    places = {number: rank / len(col) for col in by_column.values() for rank, number in enumerate(col)}
    for sweep in range(_SWEEPS):
        for column in sorted(by_column, reverse=bool(sweep % 2)):
            members = by_column[column]
            middles = {n: _middle([places[other] for other in neighbours[n]], places[n]) for n in members}
            members.sort(key=lambda number: (middles[number], number))
            places.update({number: rank / len(members) for rank, number in enumerate(members)})
    return by_column


def _middle(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
