"""Reads side by side on a bounded pool: the first error cancels what has not begun, and is raised."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Result]):
    """Calls under way; leaving the `with` block cancels those that have not begun."""

    def __init__(self, futures: list[Future[Result]]) -> None:
        self._futures = futures

    def results(self) -> list[Result]:
        """All results, in the order of the items.

        Raises:
            Exception: the first that failed in time; the rest is cancelled.
        """
        try:
            done, _ = wait(self._futures, return_when=FIRST_EXCEPTION)
            for future in self._futures:
                if future in done and (error := future.exception()):
                    raise error
            return [future.result() for future in self._futures]
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Drops what has not begun."""
        for future in self._futures:
            future.cancel()

    def __enter__(self) -> Batch[Result]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        if getattr(self._inside, "yes", False):
            return Batch([_done(func, item) for item in items])
        executor = self._started()
        return Batch([executor.submit(func, item) for item in items])

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


def _done(func: Callable[[Item], Result], item: Item) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(func(item))
    return future
