"""The plot: panels of lines, seconds by number of objects, both logarithmic, and one of bars; as an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 500, 300  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 60, 180, 48, 36
COLUMNS, HEAD = 2, 44
STYLE = """\
svg { --ink: #1f2328; --soft: #59636e; --grid: #d8dee4; --paper: #ffffff;
  --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; font: 12px sans-serif }
@media (prefers-color-scheme: dark) { svg {
  --ink: #e6edf3; --soft: #9198a1; --grid: #30363d; --paper: #0d1117;
  --c0: #58a6ff; --c1: #f0883e; --c2: #56d364; --c3: #bc8cff } }
.paper { fill: var(--paper) } text { fill: var(--ink) } text.soft { fill: var(--soft) }
.head { font-weight: bold }
.grid { stroke: var(--grid); fill: none }
.line { fill: none; stroke-width: 2.5 }
""" + "".join(f".s{n} {{ stroke: var(--c{n}) }} .f{n}, text.f{n} {{ fill: var(--c{n}) }}\n" for n in range(4))


@dataclass(frozen=True)
class Lines:
    """A panel: the name of each line, and its seconds by number of objects."""

    title: str
    lines: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Bars:
    """A panel: bars with their seconds, and what else is to be said of each."""

    title: str
    bars: Mapping[str, tuple[float, str]]


def drawn(title: str, panels: Sequence[Lines | Bars]) -> str:
    """The SVG of all panels; those of lines have one scale."""
    lined = [panel for panel in panels if isinstance(panel, Lines)]
    seconds = [value for panel in lined for line in panel.lines.values() for value in line.values()]
    scale = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    width, height = COLUMNS * WIDTH, HEAD + -(-len(panels) // COLUMNS) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{escape(title)}</title><style>{STYLE}</style>',
        '<rect class="paper" width="100%" height="100%"/>',
        f'<text class="head" x="16" y="28" font-size="16">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        parts.append(f'<g transform="translate({column * WIDTH} {HEAD + row * HEIGHT})">')
        parts.append(f'<text class="head" x="16" y="20">{escape(panel.title)}</text>')
        parts += _lines(panel, scale) if isinstance(panel, Lines) else _bars(panel)
        parts.append("</g>")
    return "\n".join(parts) + "</svg>\n"


def shown(seconds: float) -> str:
    """Seconds for people."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _lines(panel: Lines, scale: tuple[int, int]) -> Iterable[str]:
    counts = sorted({count for line in panel.lines.values() for count in line})
    first, last = math.log10(counts[0]), math.log10(counts[-1])

    def x(count: int) -> float:
        share = (math.log10(count) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        share = (math.log10(seconds) - scale[0]) / max(1, scale[1] - scale[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    for power in range(scale[0], scale[1] + 1):
        at = y(10.0**power)
        yield f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="soft" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>'
    for count in counts:
        at, words = x(count), f"{count:,}" + (" objects" if count == counts[-1] else "")
        yield f'<path class="grid" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        foot = HEIGHT - BOTTOM + 18
        yield f'<text class="soft" x="{at:.1f}" y="{foot}" text-anchor="middle">{words}</text>'
    ends = sorted(panel.lines, key=lambda name: y(panel.lines[name][max(panel.lines[name])]))
    below = -math.inf
    for name in ends:
        line, colour = sorted(panel.lines[name].items()), list(panel.lines).index(name) % 4
        path = "L".join(f"{x(count):.1f} {y(seconds):.1f}" for count, seconds in line)
        yield f'<path class="line s{colour}" d="M{path}"/>'
        yield from (f'<circle class="f{colour}" cx="{x(c):.1f}" cy="{y(s):.1f}" r="3.5"/>' for c, s in line)
        # names make room for each other
        below = max(y(line[-1][1]) - 2, below + 32)
        place = f'class="f{colour}" x="{x(line[-1][0]) + 10:.1f}"'
        yield f'<text {place} y="{below:.1f}">{escape(name)}</text>'
        yield f'<text {place} y="{below + 14:.1f}">{shown(line[-1][1])}</text>'


def _bars(panel: Bars) -> Iterable[str]:
    longest = max(seconds for seconds, _ in panel.bars.values())
    for number, (name, (seconds, more)) in enumerate(panel.bars.items()):
        top, length = TOP + 8 + number * 66, (WIDTH - 32) * seconds / longest
        yield f'<text x="16" y="{top}">{escape(name)}</text>'
        yield f'<rect class="f{number % 4}" x="16" y="{top + 8}" width="{length:.1f}" height="16" rx="2"/>'
        yield f'<text class="soft" x="16" y="{top + 40}">{shown(seconds)}, {escape(more)}</text>'
