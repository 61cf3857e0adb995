"""The picture of a plan: accounts, apps and service principals with their secrets, integrations, servers.

Credentials flow from left to right. Every box is a link to its change; colours and signs are the actions'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model import FILES, Action, Address, Change, Plan
from reconciler.rendering.html.alike import folded
from reconciler.rendering.html.layout import (
    COLUMN_GAP,
    ROW_GAP,
    WIDTH,
    Arrangement,
    Box,
    BoxStack,
    arranged,
    in_one_stack,
)
from reconciler.rendering.html.page import esc
from reconciler.rendering.terminal import clean, columns
from reconciler.rendering.words import action_words, counted_words, kind_words, sign

_HEIGHT = 46.0
_PART_HEIGHT = 26.0
_COUNTS_HEIGHT = 16.0
_COUNTED = {"groups": "group", "content": "content item"}  # what has no box of its own
_EDGE = 16.0  # around the whole drawing
_PROVIDER_GAP = 14.0
_PROVIDER_ROOM = WIDTH + COLUMN_GAP
_TITLE_COLUMNS = 21
_TALL = 900.0  # beside a higher stack the middle would be out of sight
_TOOLS = (("in", "+", "Zoom in (+)"), ("out", "−", "Zoom out (-)"), ("fit", "0", "Show all (0)"))
_HELP = (
    "Credentials flow from left to right. Drag or use the arrow keys to move, <kbd>+</kbd> and <kbd>−</kbd> "
    "to zoom, <kbd>0</kbd> to show all; the wheel zooms once the picture is selected, or with "
    "<kbd>Ctrl</kbd>. A box leads to its change; a dot marks what needs approval."
)
_FOLDED = "What changes alike is drawn once, with its number."
Point = tuple[float, float]
_Ends = tuple[str, Point, Point, str]  # a path's head, where its middle begins and ends, its tail


@dataclass
class _Object:
    """One box: a change with the parts that live inside it (a service principal's secret)."""

    change: Change
    is_receiver: bool
    parts: list[Change] = field(default_factory=list)
    times: int = 1  # how many that look alike it stands for
    counts: str = ""  # how many groups it is in, how many content items it is for

    @property
    def shape(self) -> tuple[object, ...]:
        """What makes it look as it does, but for its name."""
        looks = [(c.address.kind_name, c.action, c.needs_approval) for c in (self.change, *self.parts)]
        return (self.is_receiver, self.change.provider, self.counts, *looks)

    @property
    def head(self) -> float:
        return _HEIGHT + (_COUNTS_HEIGHT if self.counts else 0)

    @property
    def height(self) -> float:
        return self.head + _PART_HEIGHT * len(self.parts)

    @property
    def is_urgent(self) -> bool:
        return any(change.action is not Action.NO_OP for change in (self.change, *self.parts))


@dataclass(frozen=True)
class _Provider:
    """An account or server beside one stack, and its lines to the objects in it."""

    y: float
    box: str
    lines: list[str]


def picture(plan: Plan, anchors: Mapping[Address, str]) -> str:
    """The plan's objects as an inline SVG with its tools; nothing for a plan without any.

    Args:
        anchors: the id of each address's place on the page.
    """
    objects = _objects(plan)
    if not objects:
        return ""
    tools = "".join(
        f'<button type="button" class="tool" data-zoom="{name}" aria-label="{label}" title="{label}">'
        f"{face}</button>"
        for name, face, label in _TOOLS
    )
    skip = f"Skip the picture of {counted_words(len(objects), 'object')}"
    objects, edges = _folded(objects)
    drawings = _Drawing(plan, objects, edges, anchors).svg() + _Narrow(plan, objects, edges, anchors).svg()
    told = f"{_HELP} {_FOLDED}" if any(each.times > 1 for each in objects) else _HELP
    return (
        f'<a class="skip here" href="#changes">{skip}</a>\n'
        '<figure><div id="picture" class="picture" tabindex="0" role="group" aria-describedby="picture-help" '
        f'aria-label="Picture of the plan">\n'
        f'<div class="tools" role="group" aria-label="Zoom">{tools}</div>\n'
        f"{drawings}</div>\n"
        f'<figcaption id="picture-help">{told}</figcaption></figure>'
    )


def _objects(plan: Plan) -> list[_Object]:
    """A box for each address, parts inside their parents' where those are in the plan."""
    known = {change.address for change in plan.changes if not change.address.parent}
    objects: dict[Address, _Object] = {}
    for change in plan.changes:
        if change.address.parent not in known:
            provider = plan.stack.providers.get(change.provider)
            # credentials end on a Connect server or in a handoff, so that these stand to the right
            is_receiver = provider is not None and provider.type in ("connect", FILES)
            objects[change.address] = _Object(change, is_receiver, counts=_counts(plan, change))
    for change in plan.changes:
        if change.address.parent and change.address.parent in known:
            objects[change.address.parent].parts.append(change)
    return list(objects.values())


def _counts(plan: Plan, change: Change) -> str:
    resource = plan.stack.resources.get(change.address)
    named = [(resource.attributes.get(name), noun) for name, noun in _COUNTED.items()] if resource else []
    return " · ".join(
        counted_words(len(some), noun) for some, noun in named if isinstance(some, Mapping) and some
    )


Edges = list[tuple[int, int]]


def _folded(objects: Sequence[_Object]) -> tuple[list[_Object], Edges]:
    """The objects to be drawn, and what leads to what among them."""
    edges = _found_edges(objects)
    times = folded([each.shape for each in objects], edges)
    ranks = {number: rank for rank, number in enumerate(times)}
    kept = [replace(objects[number], times=count) for number, count in times.items()]
    return kept, [(ranks[s], ranks[t]) for s, t in edges if s in ranks and t in ranks]


def _found_edges(objects: Sequence[_Object]) -> Edges:
    numbers = {change.address: n for n, o in enumerate(objects) for change in (o.change, *o.parts)}
    found = {
        (numbers[target], number)
        for number, each in enumerate(objects)
        for change in (each.change, *each.parts)
        for target in change.depends_on
        if numbers.get(target, number) != number
    }
    return sorted(found)


class _Drawing:
    """Boxes, lines and providers of one plan, placed."""

    css = "broad"

    def __init__(
        self, plan: Plan, objects: Sequence[_Object], edges: Edges, anchors: Mapping[Address, str]
    ) -> None:
        self._plan = plan
        self._objects = objects
        self._anchors = anchors
        self._edges = edges
        # what another object of the same account leads to needs no line from the account itself
        self._inner = {
            target
            for source, target in self._edges
            if objects[source].change.provider == objects[target].change.provider
        }
        boxes = [Box(2 if each.is_receiver else 1, each.height, each.is_urgent) for each in objects]
        self._made = self._arranged(boxes)

    def _arranged(self, boxes: Sequence[Box]) -> Arrangement:
        return arranged(boxes, self._edges, margin=_PROVIDER_ROOM)

    def svg(self) -> str:
        """The whole drawing."""
        stacks = self._made.stacks
        providers = [provider for stack in stacks for provider in self._providers(stack)]
        left, right = min(s.left for s in stacks), max(s.right for s in stacks)
        high = min([0.0, *(provider.y for provider in providers)])
        low = max([*(s.bottom for s in stacks), *(provider.y + _HEIGHT for provider in providers)])
        window = (
            left - _PROVIDER_ROOM - _EDGE,
            high - _EDGE,
            right - left + 2 * (_PROVIDER_ROOM + _EDGE),
            low - high + 2 * _EDGE,
        )
        return self._drawn(window, providers)

    def _drawn(self, window: tuple[float, float, float, float], providers: Sequence[_Provider]) -> str:
        lines = [*(line for provider in providers for line in provider.lines), *self._dependencies()]
        boxes = [*(provider.box for provider in providers), *map(self._node, range(len(self._objects)))]
        return (
            f'<svg class="{self.css}" viewBox="{" ".join(f"{number:g}" for number in window)}" '
            'preserveAspectRatio="xMidYMid meet">\n'
            f'<defs><marker id="tip-{self.css}" class="tip" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="6" markerHeight="6" '
            'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>\n'
            f'<g class="lines">{"".join(lines)}</g>\n' + "\n".join(boxes) + "\n</svg>"
        )

    def _middle(self, number: int) -> float:
        return self._made.spots[number][1] + self._objects[number].height / 2

    def _dependencies(self) -> Iterator[str]:
        for source, target in self._edges:
            line = _line(*self._leaving(source), *self._arriving(target))
            yield f'<path data-e="{source} {target}" d="{line}"/>'

    def _leaving(self, number: int) -> tuple[str, Point]:
        """The way from a box out of its column: straight away, or through the gap above it."""
        x, middle = self._made.spots[number][0] + WIDTH, self._middle(number)
        end = self._made.spans[number][1]
        if end <= x:
            return f"M{x:g} {middle:g}", (x, middle)
        gap = self._made.spots[number][1] - ROW_GAP / 2
        return f"M{x:g} {middle:g}q8 0 8 -8V{gap + 8:g}q0 -8 8 -8H{end + 6:g}", (end + 6, gap)

    def _arriving(self, number: int) -> tuple[Point, str]:
        """The way into a column and to a box: straight, or through the gap above what is in between."""
        x, middle = self._made.spots[number][0], self._middle(number)
        begin = self._made.spans[number][0]
        if begin >= x:
            return (x - 2, middle), ""
        gap = self._made.spots[number][1] - ROW_GAP / 2
        return (begin - 6, gap), f"H{x - 18:g}q8 0 8 8V{middle - 8:g}q0 8 8 8"

    def _node(self, number: int) -> str:
        """One box with its parts, each a link of its own."""
        each = self._objects[number]
        x, y = self._made.spots[number]
        title = _shortened(each.change.address.key, self._title_columns(each))
        count = f'<text class="times" x="{WIDTH - 12:g}" y="20">×{each.times:,}</text>'
        main = self._link(
            each.change,
            f'<rect width="{WIDTH:g}" height="{each.height:g}" rx="8"/>{_badge(each.change, 23)}'
            f'<text x="42" y="20">{esc(title)}</text>'
            f'<text class="q" x="42" y="36">{_facts(each.change)}</text>{count if each.times > 1 else ""}'
            + (f'<text class="q" x="42" y="51">{each.counts}</text>' if each.counts else ""),
            more=f", and {each.times - 1:,} alike" if each.times > 1 else "",
        )
        parts = [
            self._part(part, each.head + _PART_HEIGHT * rank - 2) for rank, part in enumerate(each.parts)
        ]
        return f'<g data-n="{number}" transform="translate({x:g} {y:g})">{main}{"".join(parts)}</g>'

    def _part(self, part: Change, top: float) -> str:
        middle = top + _PART_HEIGHT / 2
        return self._link(
            part,
            f'<path d="M1 {top:g}h{WIDTH - 2:g}"/>'
            f'<rect x="4" y="{top + 2:g}" width="{WIDTH - 8:g}" height="{_PART_HEIGHT - 4:g}" rx="6"/>'
            f"{_badge(part, middle, ' small')}"
            f'<text class="q" x="42" y="{middle + 4:g}">{_facts(part)}</text>',
            " part",
        )

    def _title_columns(self, each: _Object) -> int:
        return _TITLE_COLUMNS - (6 if each.times > 1 else 0)

    def _link(self, change: Change, content: str, css: str = "", *, more: str = "") -> str:
        heard = f"{action_words(change.action)} {change.address}{more}"
        heard += ", needs approval" if change.needs_approval else ""
        return (
            f'<a class="box{css} a-{change.action.value}" href="#{self._anchors[change.address]}" '
            f'aria-label="{esc(heard)}"><title>{esc(change.address)}{more}</title>{content}</a>'
        )

    def _providers(self, stack: BoxStack) -> Iterator[_Provider]:
        """The accounts and servers of one stack, at its sides."""
        for is_right in (False, True):
            found: dict[str, list[int]] = {}
            for number in stack.members:
                each = self._objects[number]
                if each.is_receiver is is_right and (is_right or number not in self._inner):
                    found.setdefault(each.change.provider, []).append(number)
            found.pop("", None)
            x = stack.right + COLUMN_GAP if is_right else stack.left - _PROVIDER_ROOM
            yield from self._beside(found, x, is_right)

    def _beside(self, found: Mapping[str, Sequence[int]], x: float, is_right: bool) -> Iterator[_Provider]:
        heights = {name: [self._middle(number) for number in numbers] for name, numbers in found.items()}
        tall = {name for name, middles in heights.items() if max(middles) - min(middles) > _TALL}
        wanted = {
            name: min(middles) if name in tall else sum(middles) / len(middles)
            for name, middles in heights.items()
        }
        free = float("-inf")
        for name in sorted(found, key=lambda name: (wanted[name], name)):
            y = max(wanted[name] - _HEIGHT / 2, free)
            free = y + _HEIGHT + _PROVIDER_GAP
            route = _bus if name in tall else _line
            lines = [
                f'<path class="of" data-e="{number}" d="{route(*self._ends(number, x, y, is_right))}"/>'
                for number in found[name]
            ]
            yield _Provider(y, self._provider_box(name, x, y), lines)

    def _ends(self, number: int, x: float, y: float, is_right: bool) -> _Ends:
        """How the line between a box and an account or server at (x, y) begins and ends."""
        middle = y + _HEIGHT / 2
        if is_right:
            return (*self._leaving(number), (x, middle), "")
        return (f"M{x + WIDTH:g} {middle:g}", (x + WIDTH, middle), *self._arriving(number))

    def _provider_box(self, name: str, x: float, y: float) -> str:
        provider = self._plan.stack.providers.get(name)
        address = provider.shown.rpartition("//")[2] if provider else ""
        whole = f"{name}: {provider.shown_identity}" if provider else name
        return (
            f'<g class="provider" transform="translate({x:g} {y:g})"><title>{esc(whole)}</title>'
            f'<rect width="{WIDTH:g}" height="{_HEIGHT:g}" rx="23"/>'
            f'<text x="{WIDTH / 2:g}" y="20">{esc(_shortened(name))}</text>'
            f'<text class="q" x="{WIDTH / 2:g}" y="36">{esc(_shortened(address, 32))}</text></g>'
        )


class _Narrow(_Drawing):
    """The same in one stack, for a page of a hand's width: accounts and servers stand above their columns."""

    css = "narrow"

    def _arranged(self, boxes: Sequence[Box]) -> Arrangement:
        return in_one_stack(boxes, self._edges)

    def svg(self) -> str:
        """The whole drawing."""
        stack = self._made.stacks[0]
        heads = list(self._heads(stack))
        high = min([0.0, *(head.y for head in heads)]) - _EDGE / 2
        width = max(stack.right, stack.left + WIDTH) - stack.left + _EDGE
        return self._drawn((stack.left - _EDGE / 2, high, width, stack.bottom - high + _EDGE / 2), heads)

    def _heads(self, stack: BoxStack) -> Iterator[_Provider]:
        for is_right in (False, True):
            sides = [o.change.provider for o in self._objects if o.is_receiver is is_right]
            names = sorted(set(sides) - {""}, reverse=True)
            x = stack.right - WIDTH if is_right else stack.left
            for rank, name in enumerate(names, 1):
                y = -rank * (_HEIGHT + _PROVIDER_GAP) - _PROVIDER_GAP / 2
                yield _Provider(y, self._provider_box(name, x, y), [])

    def _title_columns(self, each: _Object) -> int:
        return super()._title_columns(each) - 2


def _line(head: str, start: Point, end: Point, tail: str) -> str:
    """A path with a curve in its middle."""
    bend = max((end[0] - start[0]) / 2, 24)
    points = ((start[0] + bend, start[1]), (end[0] - bend, end[1]), end)
    return f"{head}C{' '.join(f'{x:g} {y:g}' for x, y in points)}{tail}"


def _bus(head: str, start: Point, end: Point, tail: str) -> str:
    """A path along a trunk that many share: so many curves would be a thicket."""
    trunk = (start[0] + end[0]) / 2
    drop = end[1] - start[1]
    turn = min(10.0, abs(drop) / 2) * (1 if drop > 0 else -1)
    side = abs(turn)
    return (
        f"{head}H{trunk - side:g}q{side:g} 0 {side:g} {turn:g}V{end[1] - turn:g}"
        f"q0 {turn:g} {side:g} {turn:g}H{end[0]:g}{tail}"
    )


def _badge(change: Change, middle: float, css: str = "") -> str:
    """The symbol in its colour, and a dot where a person has to say yes."""
    radius, drop = (8, 3.5) if css else (12, 4.5)
    dot = f'<circle class="ask" cx="{WIDTH - 16:g}" cy="{middle:g}" r="5"/>' if change.needs_approval else ""
    css = " small" if len(sign(change)) > 1 else css
    return (
        f'<circle class="b" cx="22" cy="{middle:g}" r="{radius}"/>'
        f'<text class="s{css}" x="22" y="{middle + drop:g}">{esc(sign(change))}</text>{dot}'
    )


def _facts(change: Change) -> str:
    return f"{esc(_shortened(kind_words(change.address)))} · {action_words(change.action)}"


def _shortened(text: str, limit: int = _TITLE_COLUMNS) -> str:
    """As much of a text as a box is wide; the whole of it is in the title and in its change."""
    text = clean(text)
    if columns(text) <= limit:
        return text
    text = text[:limit]
    while columns(text) >= limit:
        text = text[:-1]
    return text + "…"
