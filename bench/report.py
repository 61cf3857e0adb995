"""What a run of the benchmark found: tables, promises and the plot, from what was measured alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import picture
import stack
from processes import Measured

LATENCY, PAGE, PARALLELISM, RATE = 50, 100, 8, 15
SMALL = 100  # below this, start-up is most of what is measured
STACKS = 300  # of one app, one principal and two integrations each, at most
# seconds of CPU that the bare floor takes, by size, on the machine that limits in seconds mean
FLOOR_CPU = {300: 0.07, 2000: 0.10}
FLOOR, FLOOR_FULL, PER_OBJECT = "floor", "floor with secrets", "one GET per object"
PLAN, PLAN_FULL = "plan", "plan --refresh full"
APPLY, APPLY_SOME = "apply, all new", "apply, 1 % changed"
MANY, MANY_APPLY = "plan, as many stacks as apps", "apply of nothing, as many stacks"
NOTHING, VERSION, LIBRARIES = "python -c pass", "version", "requests and PyYAML, imported"
ROWS = (FLOOR, PLAN, FLOOR_FULL, PLAN_FULL, PER_OBJECT, APPLY_SOME, APPLY, MANY, MANY_APPLY)

Results = Mapping[str, Sequence[Measured]]


class Claim(NamedTuple):
    """What is promised: in words, what was measured, its limit, and why it can't hold.

    Attributes:
        slowness: of a limit in seconds: how much longer this machine takes than the one that it means.
    """

    words: str
    found: float
    limit: float
    why: str = ""
    slowness: float = 1.0

    @property
    def row(self) -> str:
        """A row of a table, in Markdown."""
        holds = self.found <= self.limit * self.slowness
        verdict = "yes" if holds else "**no**" + (f": {self.why}" if self.why else "")
        limit = _figure(self.limit)
        if self.slowness != 1:
            limit += f" × {self.slowness:.1f} = {_figure(self.limit * self.slowness)}"
        return f"| {self.words} | {_figure(self.found)} | {limit} | {verdict} |"


def median(found: Results, name: str, figure: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(one, figure) for one in found[name]))


def round_trips(size: int) -> int:
    """One after the other, the least that a plan waits for: a token, then the longest list.

    Each page of apps names the next; of principals the first tells how many there are.
    """
    return 1 + max(-(-size // PAGE), 2 if size > PAGE else 1)


def slowness(size: int, found: Results) -> float:
    """How much longer this machine takes than the one that limits in seconds mean; 1 if that isn't known.

    By the CPU of the bare floor, which has none of the tool in it and is measured in turns with it.
    """
    return median(found, FLOOR, "cpu") / FLOOR_CPU[size] if size in FLOOR_CPU else 1.0


def document(
    machine: Mapping[str, Any], everything: Mapping[int, Results], starts: Mapping[str, float]
) -> str:
    """All that was found, in Markdown."""
    lines = [
        "# What a run found\n",
        "Written by `make bench`; what the rows are is told in [README.md](README.md).\n",
    ]
    lines.append(", ".join(f"{name}: {value}" for name, value in machine.items()) + ".\n")
    lines += ["![Seconds by number of objects](results.svg)\n", *summary(everything)]
    for size, found in everything.items():
        if size >= SMALL:
            lines += _promises(f"{stack.objects(size):,} objects", claims(size, found))
    lines += _promises("growth and start-up", [*growth(everything), *start_up(everything, starts)])
    for size, found in everything.items():
        lines += table(size, found)
    return "\n".join(lines) + "\n"


def summary(everything: Mapping[int, Results]) -> Iterable[str]:
    """What the large sizes say, in sentences."""
    for size, found in everything.items():
        if size < SMALL:
            continue
        wall = {name: median(found, name, "wall") for name in found}
        held = median(found, PER_OBJECT, "calls") / RATE
        calls = f"{median(found, PLAN, 'calls'):.0f} calls and {_seconds(wall[PLAN])}"
        yield (
            f"- {stack.objects(size):,} objects: a plan that finds nothing to do takes {calls}, "
            f"{_seconds(wall[PLAN] - wall[FLOOR])} of them more than bare reads; "
            f"one GET per object {_seconds(wall[PER_OBJECT])}, at {RATE} a second {_seconds(held)}."
        )
        yield (
            f"  An apply that makes everything takes {_seconds(wall[APPLY])} for "
            f"{median(found, APPLY, 'writes'):,.0f} writes, which take {_seconds(ideal(found))} at least."
        )
        if MANY in found:
            yield (
                f"  The same objects in {size} stacks: {median(found, MANY, 'calls'):.0f} calls and "
                f"{_seconds(wall[MANY])}."
            )


def table(size: int, found: Results) -> Iterable[str]:
    """The rows of one size."""
    yield f"\n## {size:,} apps, {size:,} service principals, {2 * size:,} integrations\n"
    yield "| | calls | writes | round trips | wall, s | CPU, s | peak, MB | wall / floor |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    floor = median(found, FLOOR, "wall")
    for name in (name for name in ROWS if name in found):
        calls, writes, trips, wall, cpu, peak = (
            median(found, name, figure) for figure in ("calls", "writes", "trips", "wall", "cpu", "megabytes")
        )
        yield (
            f"| {name} | {calls:.0f} | {writes:.0f} | {trips:.0f} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | "
            f"{wall / floor:.1f} |"
        )


def ideal(found: Results) -> float:
    """Seconds that the writes of an apply take at least, so many side by side."""
    return median(found, APPLY, "writes") * LATENCY / 1000 / PARALLELISM


def claims(size: int, found: Results) -> Iterable[Claim]:
    """What is promised of one size."""
    wall = {name: median(found, name, "wall") for name in found}
    calls = {name: median(found, name, "calls") for name in found}
    pages, second, slow = 2 * -(-size // PAGE), max(1.0, size / 300), slowness(size, found)
    yield Claim("calls of a plan: pages and a few", calls[PLAN], 10 if size <= STACKS else pages + 9)
    yield Claim(
        "calls of plan --refresh full: as many, and one per secret", calls[PLAN_FULL], pages + size + 5
    )
    yield Claim("reads of the first apply", calls[APPLY] - median(found, APPLY, "writes"), 10)
    trips = median(found, PLAN, "trips") - round_trips(size)
    yield Claim(f"plan, round trips above the floor of {round_trips(size)}", trips, 2)
    if MANY in found:
        yield Claim(f"calls of a plan of {size} stacks, above one's", calls[MANY] - calls[PLAN], 10)
        yield Claim(f"calls of an apply of nothing in {size} stacks", calls[MANY_APPLY] - calls[PLAN], 10)
        yield Claim(f"plan of {size} stacks / of one with the same objects", wall[MANY] / wall[PLAN], 2.5)
        yield Claim(f"peak memory of a plan of {size} stacks, MB", median(found, MANY, "megabytes"), 130)
    above = wall[PLAN] - wall[FLOOR]
    yield Claim("plan, seconds above the floor", above, 0.6 if size <= STACKS else second, slowness=slow)
    over = wall[PLAN_FULL] - 1.3 * wall[FLOOR_FULL]
    yield Claim("plan --refresh full, seconds above 1.3 × its floor", over, second, slowness=slow)
    yield Claim("plan / one GET per object", wall[PLAN] / wall[PER_OBJECT], 1 / 5)
    held = calls[PER_OBJECT] / RATE
    yield Claim(f"plan / one GET per object, {RATE} a second", wall[PLAN] / held, 1 / 40)
    yield Claim("apply, all new / its writes by latency and parallelism", wall[APPLY] / ideal(found), 1.4)
    cpu = median(found, PLAN, "cpu") * 1000 / stack.objects(size)
    yield Claim("plan, CPU ms per object", cpu, 1.0 if size <= STACKS else 0.35, slowness=slow)
    yield Claim("peak memory of a plan, MB", median(found, PLAN, "megabytes"), 130)
    yield Claim("peak memory of an apply of 1 %, MB", median(found, APPLY_SOME, "megabytes"), 160)


def growth(everything: Mapping[int, Results]) -> Iterable[Claim]:
    """How CPU time grows from the second largest stack to the largest, by the number of objects."""
    large = sorted(everything)[-2:]
    if len(large) == 2 and large[0] >= SMALL:
        for name in (PLAN, APPLY):
            few, many = (median(everything[size], name, "cpu") / size for size in large)
            words = f"{name}, CPU per object: {4 * large[1]:,} objects / {4 * large[0]:,}"
            yield Claim(words, many / few, 1.2)


def start_up(everything: Mapping[int, Results], starts: Mapping[str, float]) -> Iterable[Claim]:
    """What is promised of a process that has little to do, in times of an empty one's CPU."""
    yield Claim(f"version, CPU / `{NOTHING}`", starts[VERSION], 2.5)
    for size, found in everything.items():
        if size < SMALL:
            words = f"plan of {stack.objects(size)} objects"
            why = f"to import requests and PyYAML takes {_figure(starts[LIBRARIES])}"
            times = median(found, PLAN, "cpu") / median(found, NOTHING, "cpu")
            yield Claim(f"{words}, CPU / `{NOTHING}`", times, 6, why)
            trips = median(found, PLAN, "trips") - round_trips(size)
            yield Claim(f"{words}, round trips above the floor of {round_trips(size)}", trips, 2)


def _promises(of: str, made: Iterable[Claim]) -> list[str]:
    head = [f"\n## Promises, {of}\n", "| | measured | at most | holds |", "| --- | ---: | ---: | --- |"]
    return [*head, *(claim.row for claim in made)]


def _figure(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def plot(everything: Mapping[int, Results]) -> str:
    """The picture of all sizes."""

    def line(name: str) -> dict[int, float]:
        return {stack.objects(size): median(found, name, "wall") for size, found in everything.items()}

    by_count = {stack.objects(size): found for size, found in everything.items()}
    held = {count: median(found, PER_OBJECT, "calls") / RATE for count, found in by_count.items()}
    panels: list[picture.Lines | picture.Bars] = [
        picture.Lines(
            "A plan that finds nothing to do",
            {
                "reconcile plan": line(PLAN),
                "the least: bare lists": line(FLOOR),
                "a GET per object, 10 at a time": line(PER_OBJECT),
                f"a GET per object, {RATE} a second": held,
            },
        ),
        picture.Lines(
            "A plan that looks at every secret",
            {"plan --refresh full": line(PLAN_FULL), "the least: bare reads": line(FLOOR_FULL)},
        ),
        picture.Lines(
            "An apply that makes everything",
            {
                "reconcile apply": line(APPLY),
                f"the least: writes, {PARALLELISM} at a time": {
                    count: ideal(found) for count, found in by_count.items()
                },
            },
        ),
    ]
    several = [size for size, found in everything.items() if MANY in found and size > 1]
    if several:
        size = max(several)
        names = {"one stack": PLAN, f"{size} stacks": MANY, f"{size} stacks, apply of nothing": MANY_APPLY}
        bars = {
            words: (
                median(everything[size], name, "wall"),
                f"{median(everything[size], name, 'calls'):.0f} calls",
            )
            for words, name in names.items()
        }
        panels.append(
            picture.Bars(f"A plan of {stack.objects(size):,} objects, in one stack and in many", bars)
        )
    return picture.drawn(f"How long it takes, with {LATENCY} ms a call", panels)
