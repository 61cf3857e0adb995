"""Waiting for what another thread or process brings about; the patience is for the slowest machine."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60  # seconds


def wait_until(is_so: Callable[[], object], *, every: float = 0.01) -> None:
    """Asks again and again until it is so.

    Args:
        every: seconds between two questions.

    Raises:
        AssertionError: it didn't come about in PATIENCE.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it didn't come about"
        time.sleep(every)
