"""Calls under way: sent by turns to a bounded pool, and taken back in as they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from queue import Empty, SimpleQueue
from typing import Any

from reconciler.applying.remote_call import RemoteCall
from reconciler.errors import ReconcileError
from reconciler.planning import Step

# the answer, or the error in its place, and the seconds that it took
Answer = tuple[Any, "Exception | None", float]


@dataclass
class Running:
    """One step under way."""

    step: Step
    calls: Iterator[RemoteCall]
    call: RemoteCall | None = None


class CallPool:
    """The calls under way; only the coordinating thread uses it.

    Args:
        parallelism: how many are made at one time; others wait for their turn.
    """

    def __init__(self, parallelism: int) -> None:
        self._parallelism = parallelism
        self._pool = ThreadPoolExecutor(max_workers=parallelism, thread_name_prefix="apply")
        self._flying: dict[Future[Answer], Running] = {}
        # to wait for the first of thousands of futures is to look at all of them, each time
        self._landed: SimpleQueue[Future[Answer]] = SimpleQueue()

    def __enter__(self) -> CallPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def __len__(self) -> int:
        return len(self._flying)

    @property
    def is_full(self) -> bool:
        """Whether whatever is sent now has to wait for its turn."""
        return len(self) >= self._parallelism

    def send(self, ready: Iterable[Running]) -> None:
        """Makes the next call of each step."""
        for running in _by_turns(ready):
            if running.call is not None and running.call.run is not None:
                future = self._pool.submit(_timed, running.call.run)
                self._flying[future] = running
                future.add_done_callback(self._landed.put)

    def land(self, timeout: float | None) -> list[tuple[Running, Answer | None]]:
        """All that have ended, with their answers; None for one that was taken back. Waits for the first.

        Args:
            timeout: seconds; None for as long as it takes.
        """
        ended = []
        with suppress(Empty):
            ended.append(self._landed.get(timeout=timeout))
            while True:
                ended.append(self._landed.get_nowait())
        return [
            (self._flying.pop(future), None if future.cancelled() else future.result()) for future in ended
        ]

    def recall(self) -> list[Running]:
        """Takes back what hasn't been sent yet: it is known to have had no effect."""
        return [running for future, running in self._flying.items() if future.cancel()]


def _by_turns(ready: Iterable[Running]) -> Iterator[Running]:
    """One of each kind after the other: a kind that its provider takes slowly doesn't hold up the rest."""
    kinds: dict[str, list[Running]] = {}
    for running in ready:
        kinds.setdefault(running.step.address.kind_name, []).append(running)
    return (running for running in chain.from_iterable(zip_longest(*kinds.values())) if running is not None)


def _timed(call: Callable[[], Any]) -> Answer:
    """The answer, or the error that a person can read; anything else is a bug and crashes."""
    began = time.monotonic()
    try:
        return call(), None, time.monotonic() - began
    except ReconcileError as error:
        return None, error, time.monotonic() - began
