"""The plot: seconds by number of objects, both logarithmic, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#bab0ac")


def drawn(title: str, lines: Mapping[str, Mapping[int, float]]) -> str:
    """The SVG of several lines, each from number of objects to seconds."""
    counts = sorted({count for line in lines.values() for count in line})
    times = [seconds for line in lines.values() for seconds in line.values()]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    first, last = math.log10(counts[0]), math.log10(counts[-1])

    def x(count: int) -> float:
        share = (math.log10(count) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        share = (math.log10(seconds) - low) / max(1, high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#333"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    for count in counts:
        at = x(count)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{count}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 10}">objects</text>')
    parts += _curves(lines, x, y)
    return "".join(parts) + "</svg>\n"


def _curves(
    lines: Mapping[str, Mapping[int, float]], x: Callable[[int], float], y: Callable[[float], float]
) -> list[str]:
    """The lines with their names, which make room for each other."""
    parts: list[str] = []
    taken: list[float] = []
    ends = sorted(lines, key=lambda name: y(lines[name][max(lines[name])]))
    for name in ends:
        line = sorted(lines[name].items())
        colour = COLOURS[list(lines).index(name) % len(COLOURS)]
        path = "L".join(f"{x(count):.1f} {y(seconds):.1f}" for count, seconds in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(c):.1f}" cy="{y(s):.1f}" r="3" fill="{colour}"/>' for c, s in line]
        at = max([y(line[-1][1]) + 4, *(other + 15 for other in taken)])
        taken.append(at)
        place = f'x="{x(line[-1][0]) + 10:.1f}" y="{at:.1f}"'
        parts.append(f'<text {place} fill="{colour}">{escape(name)}</text>')
    return parts
