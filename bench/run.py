"""Measures plan and apply against the least that the network asks for, and against one GET per object.

Usage: run.py [SIZE …]   (a size is a number of apps; default: 3 300 2000)
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import picture
import stack
from processes import RECONCILE, Measured, Sandbox, measure, sandbox

HERE = Path(__file__).resolve().parent
NOTHING = "python -c pass, s"
LATENCY, PAGE, PARALLELISM, RATE = 50, 100, 8, 15
WORKERS = 10  # what tools that read each object by itself commonly have
SMALL = 100  # below this, start-up is most of what is measured
STACKS = 300  # of one app, one principal and two integrations each, at most
FLOOR, FLOOR_FULL, PER_OBJECT = "floor", "floor with secrets", "one GET per object"
PLAN, PLAN_FULL = "plan", "plan --refresh full"
APPLY, APPLY_SOME = "apply, all new", "apply, 1 % changed"
MANY, MANY_APPLY = "plan, as many stacks as apps", "apply of nothing, as many stacks"
IDEAL, HELD = "apply, ideal", "one GET per object, 15/s"

Results = dict[str, list[Measured]]


def runs(size: int) -> int:
    """How often a thing is measured: large stacks take their time."""
    return 5 if size < 100 else 3 if size < 1000 else 2


class Bench:
    """One size, in a folder and a sandbox of its own."""

    def __init__(self, size: int, box: Sandbox, folder: Path) -> None:
        self.size, self.box, self.folder = size, box, folder
        self.found: Results = {}

    def spec(self, turn: int) -> None:
        """Writes the spec."""
        (self.folder / "spec.yaml").write_text(stack.text(self.size, turn))

    def take(self, name: str, *command: str) -> Measured:
        """Measures one run of a command."""
        one = self.box.measure(*command, folder=self.folder)
        self.found.setdefault(name, []).append(one)
        print(f"  {name:26} {one.calls:6} calls {one.wall:8.2f} s {one.cpu:7.2f} s CPU", flush=True)
        return one

    def plain(self, name: str, threads: int, *what: str) -> None:
        """Measures one run of the reads without a tool."""
        self.take(name, sys.executable, str(HERE / "plain.py"), str(threads), *what)

    def reconcile(self, name: str, *args: str) -> None:
        """Measures one run of the tool."""
        self.take(name, *RECONCILE, *args, "--quiet")

    def run(self) -> Results:
        """All measurements of this size."""
        times = runs(self.size)
        self.spec(0)
        for turn in range(min(times, 3 if self.size < 1000 else 1)):
            if turn:
                self.box.control("POST", "reset")
                shutil.rmtree(self.folder / ".reconcile")
            self.reconcile(APPLY, "apply", "spec.yaml", "--yes", "--parallelism", str(PARALLELISM))
        for _ in range(times):
            self.plain(FLOOR, PARALLELISM, "floor")
            self.reconcile(PLAN, "plan", "spec.yaml")
            self.plain(FLOOR_FULL, PARALLELISM, "floor-full")
            self.reconcile(PLAN_FULL, "plan", "spec.yaml", "--refresh", "full")
        for _ in range(1 if self.size > 1000 else times):
            self.plain(PER_OBJECT, WORKERS, "per-object", ".reconcile/bench.json")
        for turn in range(1, times + 1):
            self.spec(turn)
            self.reconcile(APPLY_SOME, "apply", "spec.yaml", "--yes")
        if self.size <= STACKS:
            self.several(times)
        return self.found

    def several(self, times: int) -> None:
        """The same objects in as many stacks as there are apps."""
        self.box.control("POST", "reset")
        (self.folder / "teams").mkdir()
        for number in range(self.size):
            (self.folder / "teams" / f"team-{number}.yaml").write_text(stack.team(number))
        self.reconcile("apply, all new, as many stacks", "apply", "teams", "--yes")
        for _ in range(times):
            self.reconcile(MANY, "plan", "teams")
        self.reconcile(MANY_APPLY, "apply", "teams", "--yes")


def median(found: Results, name: str, figure: str) -> float:
    """The median of one figure."""
    return float(statistics.median(getattr(one, figure) for one in found[name]))


def round_trips(size: int) -> int:
    """One after the other, the least that a plan waits for: a token, then the longest list.

    Each page of apps names the next; of principals the first tells how many there are.
    """
    return 1 + max(-(-size // PAGE), 2 if size > PAGE else 1)


def waited(found: Results) -> float:
    """Round trips that a plan spent waiting: the time in which it used no CPU."""
    return statistics.median(one.wall - one.cpu for one in found[PLAN]) * 1000 / LATENCY


def starting() -> dict[str, float]:
    """How many times as long as an empty Python process it takes to start: medians of ratios in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ten.yaml").write_text(stack.text(3))
        commands = {
            "version": (*RECONCILE, "version"),
            "validate of ten resources": (*RECONCILE, "validate", "ten.yaml"),
            "requests and PyYAML, imported": (sys.executable, "-c", "import requests, yaml"),
        }
        for args in commands.values():
            measure(args, folder)
        ratios: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(11):
            nothing = measure((sys.executable, "-c", "pass"), folder).cpu
            for name, args in commands.items():
                ratios[name].append(measure(args, folder).cpu / nothing)
            ratios.setdefault(NOTHING, []).append(nothing)
    return {name: statistics.median(found) for name, found in ratios.items()}


def table(size: int, found: Results) -> Iterable[str]:
    """The rows of one size, in Markdown."""
    yield f"\n### {size} apps, {size} service principals, {2 * size} integrations\n"
    yield "| | calls | writes | wall, s | CPU, s | peak, MB | wall / floor |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    floor = median(found, FLOOR, "wall")
    for name in (FLOOR, PLAN, FLOOR_FULL, PLAN_FULL, PER_OBJECT, APPLY_SOME, APPLY):
        calls, writes, wall, cpu, peak = (
            median(found, name, figure) for figure in ("calls", "writes", "wall", "cpu", "megabytes")
        )
        yield (
            f"| {name} | {calls:.0f} | {writes:.0f} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | "
            f"{wall / floor:.1f} |"
        )


def ideal(found: Results) -> float:
    """Seconds that the writes of an apply take at least, so many side by side."""
    return median(found, APPLY, "writes") * LATENCY / 1000 / PARALLELISM


def claims(size: int, found: Results) -> Iterable[tuple[str, float, float]]:
    """What is promised of one size: words, what was measured, and its limit."""
    wall: Callable[[str], float] = lambda name: median(found, name, "wall")  # noqa: E731
    pages, second = 2 * -(-size // PAGE), max(1.0, size / 300)
    held = median(found, PER_OBJECT, "calls") / RATE
    over = wall(PLAN_FULL) - 1.3 * wall(FLOOR_FULL)
    reads = median(found, APPLY, "calls") - median(found, APPLY, "writes")
    yield "calls of a plan: pages and a few", median(found, PLAN, "calls"), pages + 9
    yield (
        "calls of plan --refresh full: as many, and one per secret",
        median(found, PLAN_FULL, "calls"),
        (pages + size + 5),
    )
    yield "reads of the first apply", reads, 10
    if size <= STACKS:
        most = median(found, PLAN, "calls") + 10
        yield f"calls of a plan of {size} stacks", median(found, MANY, "calls"), most
        yield f"a plan of {size} stacks / of one with the same objects", wall(MANY) / wall(PLAN), 2.5
        more = median(found, MANY_APPLY, "calls") - median(found, PLAN, "calls")
        yield f"calls of an apply of nothing in {size} stacks, above a plan of one", more, 10
    yield "plan, seconds above the floor", wall(PLAN) - wall(FLOOR), 0.6 if size <= STACKS else second
    yield "plan --refresh full, seconds above 1.3 × its floor", over, second
    yield "plan / one GET per object", wall(PLAN) / wall(PER_OBJECT), 1 / 5
    yield f"plan / one GET per object, {RATE} a second", wall(PLAN) / held, 1 / 40
    yield "apply, all new / its writes by latency and parallelism", wall(APPLY) / ideal(found), 1.4
    cpu = median(found, PLAN, "cpu") * 1000 / stack.objects(size)
    yield "plan, CPU ms per object", cpu, 1.0 if size <= STACKS else 0.35
    yield "peak memory of a plan, MB", median(found, PLAN, "megabytes"), 130
    yield "peak memory of an apply of 1 %, MB", median(found, APPLY_SOME, "megabytes"), 160


def growth(everything: dict[int, Results]) -> Iterable[tuple[str, float, float]]:
    """How CPU time grows from the second largest stack to the largest, by the number of objects."""
    large = sorted(everything)[-2:]
    if len(large) == 2 and large[0] >= SMALL:
        for name in (PLAN, APPLY):
            few, many = (median(everything[size], name, "cpu") / size for size in large)
            yield f"{name}, CPU per object: {4 * large[1]} objects / {4 * large[0]}", many / few, 1.2


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def verdict(words: str, found: float, limit: float) -> str:
    """One row of what is promised."""
    return f"| {words} | {_figure(found)} | {_figure(limit)} | {'yes' if found <= limit else '**no**'} |"


def report(everything: dict[int, Results], starts: dict[str, float]) -> str:
    """All tables, in Markdown."""
    lines = [line for size, found in everything.items() for line in table(size, found)]
    for size, found in everything.items():
        if size < SMALL:
            continue
        lines += [f"\n### Promises, {stack.objects(size)} objects\n", "| | measured | at most | holds |"]
        lines += ["| --- | ---: | ---: | --- |", *(verdict(*claim) for claim in claims(size, found))]
    lines += ["\n### Promises, growth and start-up\n", "| | measured | at most | holds |"]
    lines += ["| --- | ---: | ---: | --- |", *(verdict(*claim) for claim in growth(everything))]
    lines.append(verdict("version, CPU / `python -c pass`", starts["version"], 2.5))
    for size, found in everything.items():
        if size < 10:
            words = f"plan of {stack.objects(size)} objects"
            cpu = median(found, PLAN, "cpu") / starts[NOTHING]
            lines.append(verdict(f"{words}, CPU / `python -c pass`", cpu, 6))
            more = waited(found) - round_trips(size)
            lines.append(verdict(f"{words}, round trips above the floor of {round_trips(size)}", more, 2))
    libraries = _figure(starts["requests and PyYAML, imported"])
    lines.append(f"\nTo import requests and PyYAML takes {libraries} × `python -c pass`.")
    return "\n".join(lines) + "\n"


def plot(everything: dict[int, Results]) -> str:
    """The picture of all sizes."""
    names = (FLOOR, PLAN, FLOOR_FULL, PLAN_FULL, PER_OBJECT, APPLY)
    lines: dict[str, dict[int, float]] = {
        name: {stack.objects(size): median(found, name, "wall") for size, found in everything.items()}
        for name in names
    }
    by_count = {stack.objects(size): found for size, found in everything.items()}
    lines[HELD] = {count: median(found, PER_OBJECT, "calls") / RATE for count, found in by_count.items()}
    lines[IDEAL] = {count: ideal(found) for count, found in by_count.items()}
    return picture.drawn(f"Seconds by number of objects, {LATENCY} ms a call", lines)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    load = os.getloadavg()[0]
    return {"python": platform.python_version(), "system": platform.system(), "load": round(load, 1)} | {
        "cores": os.cpu_count(),
        "latency_ms": LATENCY,
        "page": PAGE,
        "parallelism": PARALLELISM,
    }


def main(sizes: list[int]) -> None:
    """Measures, prints, and keeps what was found."""
    where = machine()
    print(", ".join(f"{name}: {value}" for name, value in where.items()), flush=True)
    everything = {}
    for size in sizes:
        print(f"\n{size} apps:", flush=True)
        with sandbox(LATENCY, PAGE) as box, tempfile.TemporaryDirectory() as folder:
            everything[size] = Bench(size, box, Path(folder)).run()
    starts = starting()
    where["load at the end"] = round(os.getloadavg()[0], 1)
    print(report(everything, starts))
    kept = {
        str(size): {name: [asdict(one) for one in several] for name, several in found.items()}
        for size, found in everything.items()
    }
    document = {"machine": where, "starting": starts, "sizes": kept}
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (HERE / "results.svg").write_text(plot(everything))
    print(f"kept in {HERE.name}/results.json and {HERE.name}/results.svg")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [3, 300, 2000])
