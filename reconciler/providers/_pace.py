"""How fast a remote system may be asked, as whoever connects to it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PARALLEL = 8  # requests in flight, where nobody says how many


@dataclass(frozen=True)
class Pace:
    """The pace of all requests to one remote system, and time as they see it.

    Attributes:
        parallelism: requests in flight at most.
        rate: requests per second at most; None for as many as come.
        clock: monotonic seconds.
        sleep: waits that many seconds; raises StoppedError where the run is to end.
    """

    parallelism: int = PARALLEL
    rate: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


USUAL: Final = Pace()
