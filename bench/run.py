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
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import report
import stack
from processes import RECONCILE, Measured, Sandbox, measure, sandbox
from report import (
    APPLY,
    APPLY_SOME,
    FLOOR,
    FLOOR_FULL,
    LATENCY,
    LIBRARIES,
    MANY,
    MANY_APPLY,
    NOTHING,
    PAGE,
    PARALLELISM,
    PER_OBJECT,
    PLAN,
    PLAN_FULL,
    SMALL,
    STACKS,
    VERSION,
)

HERE = Path(__file__).resolve().parent
WORKERS = 10  # what tools that read each object by itself commonly have


def runs(size: int) -> int:
    """How often a thing is measured: large stacks take their time."""
    return 5 if size < 100 else 3 if size < 1000 else 2


class Bench:
    """One size, in a folder and a sandbox of its own."""

    def __init__(self, size: int, box: Sandbox, folder: Path) -> None:
        self.size, self.box, self.folder = size, box, folder
        self.found: dict[str, list[Measured]] = {}

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

    def run(self) -> dict[str, list[Measured]]:
        """All measurements of this size."""
        times = runs(self.size)
        self.spec(0)
        for turn in range(min(times, 3 if self.size < 1000 else 1)):
            if turn:
                self.box.control("POST", "reset")
                shutil.rmtree(self.folder / ".reconcile")
            self.reconcile(APPLY, "apply", "spec.yaml", "--yes", "--parallelism", str(PARALLELISM))
        for _ in range(times):
            if self.size < SMALL:
                self.take(NOTHING, sys.executable, "-c", "pass")
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


def starting() -> dict[str, float]:
    """How many times as long as an empty Python process it takes to start: medians of ratios in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ten.yaml").write_text(stack.text(3))
        commands = {
            VERSION: (*RECONCILE, "version"),
            "validate of ten resources": (*RECONCILE, "validate", "ten.yaml"),
            LIBRARIES: (sys.executable, "-c", "import requests, yaml"),
        }
        for args in commands.values():
            measure(args, folder)
        ratios: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(11):
            nothing = measure((sys.executable, "-c", "pass"), folder).cpu
            for name, args in commands.items():
                ratios[name].append(measure(args, folder).cpu / nothing)
    return {name: statistics.median(found) for name, found in ratios.items()}


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
    began = time.monotonic()
    everything = {}
    for size in sizes:
        print(f"\n{size} apps:", flush=True)
        with sandbox(LATENCY, PAGE) as box, tempfile.TemporaryDirectory() as folder:
            everything[size] = Bench(size, box, Path(folder)).run()
    starts = starting()
    where["load at the end"] = round(os.getloadavg()[0], 1)
    where["minutes"] = round((time.monotonic() - began) / 60, 1)
    found = report.document(where, everything, starts)
    print(found)
    kept = {
        str(size): {name: [asdict(one) for one in several] for name, several in found.items()}
        for size, found in everything.items()
    }
    document = {"machine": where, "starting": starts, "sizes": kept}
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (HERE / "results.svg").write_text(report.plot(everything))
    (HERE / "RESULTS.md").write_text(found)
    print(f"kept in {HERE.name}/: RESULTS.md, results.json and results.svg")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [3, 300, 2000])
