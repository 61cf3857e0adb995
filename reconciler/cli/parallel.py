"""Several stacks side by side: each speaks in its turn, one that fails doesn't stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reconciler.cli.console import Console
from reconciler.cli.exit_codes import worst
from reconciler.errors import ReconcileError, StoppedError
from reconciler.model import Stack

AT_ONCE = 4  # stacks; each has its own bounded pool of calls

WORDS = {
    0: "done",
    1: "failed",
    2: "with changes pending",
    3: "refused: needs a yes or an approval",
    4: "refused: stale or locked",
    130: "stopped",
}


@dataclass(frozen=True)
class Job:
    """What is to be done with one stack; answers its exit code."""

    stack: Stack
    work: Callable[[Console], int]


def each(jobs: Sequence[Job], console: Console, *, side_by_side: bool = True) -> int:
    """Does every job and answers the first of 1, 4, 3, 2, 0 that any of them has.

    A single job speaks directly and raises its errors. Of several, each speaks when its turn comes, in the
    order of the jobs, and a summary closes.

    Raises:
        ReconcileError: the only job's.
    """
    if len(jobs) == 1:
        try:
            return jobs[0].work(console)
        except ReconcileError as error:
            error.stack = error.stack or jobs[0].stack.name
            raise
    codes = (
        _side_by_side(jobs, console)
        if side_by_side
        else [guarded(job.stack, job.work, console) for job in jobs]
    )
    if console.is_text:
        console.result(_summary(jobs, codes))
    return worst(codes)


def _side_by_side(jobs: Sequence[Job], console: Console) -> list[int]:
    consoles = [console.held_back() for _ in jobs]
    codes = []
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="stack") as pool:
        futures = [
            pool.submit(guarded, job.stack, job.work, own) for job, own in zip(jobs, consoles, strict=True)
        ]
        for future, own in zip(futures, consoles, strict=True):
            codes.append(future.result())
            own.speak(console)
            if console.is_text:
                console.result("\n")
    return codes


def guarded(stack: Stack, work: Callable[[Console], int], console: Console) -> int:
    """The exit code of one stack's work; its errors are said, so that others can go on."""
    try:
        return work(console)
    except StoppedError as error:
        console.say(f"{stack.name}: stopped")
        return error.exit_code
    except ReconcileError as error:
        error.stack = error.stack or stack.name
        console.error(error)
        return error.exit_code


def _summary(jobs: Sequence[Job], codes: Sequence[int]) -> str:
    by_code: dict[int, list[str]] = {}
    for job, code in zip(jobs, codes, strict=True):
        by_code.setdefault(code, []).append(job.stack.name)
    parts = [
        f"{len(names)} {WORDS.get(code, 'ended')} ({', '.join(names)})"
        for code, names in sorted(by_code.items())
    ]
    return f"{len(jobs)} stacks: {'; '.join(parts)}.\n"
