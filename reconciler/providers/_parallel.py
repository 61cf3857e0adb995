"""Reads side by side on a bounded pool: the first error cancels what has not begun, and is raised."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Result]):
    """Calls under way; leaving the `with` block cancels those that have not begun.

    A few workers take one item after the other, so that nothing is made for an item before its turn.
    """

    def __init__(self, func: Callable[[Item], Result], items: Iterable[Item]) -> None:
        self._func: Callable[..., Result] = func
        self._items = enumerate(items)
        self._found: dict[int, Result] = {}
        self._workers: list[Future[None]] = []
        self._over = False
        self._lock = threading.Lock()

    def start(self, executor: ThreadPoolExecutor, workers: int) -> Batch[Result]:
        """Lets so many workers at it."""
        self._workers = [executor.submit(self.work) for _ in range(workers)]
        return self

    def work(self) -> None:
        """Takes items until there are none; an error ends it for all."""
        while not self._over:
            with self._lock:
                number, item = next(self._items, (-1, None))
            if number < 0:
                return
            try:
                self._found[number] = self._func(item)
            except BaseException:
                self.cancel()
                raise

    def results(self) -> list[Result]:
        """All results, in the order of the items.

        Raises:
            Exception: the first that failed; the rest is cancelled.
        """
        try:
            for worker in self._workers:
                worker.result()
        finally:
            self.cancel()
        return [self._found[number] for number in range(len(self._found))]

    def cancel(self) -> None:
        """Drops what has not begun."""
        self._over = True

    def __enter__(self) -> Batch[Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


class Pool:
    """A few threads that live as long as their client, so that connections are used again."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._inside = threading.local()

    def begin(self, func: Callable[[Item], Result], items: Iterable[Item]) -> Batch[Result]:
        """Starts a call per item.

        A call that itself runs on this pool does its items one after the other: waiting for free threads
        while holding one would be a deadlock.
        """
        batch = Batch(func, items)
        if getattr(self._inside, "yes", False):
            batch.work()
            return batch
        many = len(items) if isinstance(items, Sized) else self.size
        return batch.start(self._started(), min(many, self.size))

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(
                    self.size, thread_name_prefix="reads", initializer=self._mark
                )
            return self._executor

    def _mark(self) -> None:
        self._inside.yes = True

    def close(self) -> None:
        """Ends the threads once they are idle."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor:
            executor.shutdown(wait=True, cancel_futures=True)
