"""Time: when it is, and how long something lasts."""

from __future__ import annotations

import sys
import time
from typing import Callable, Optional

if sys.platform == "linux":

    def _steady() -> float:
        # Goes on while the machine sleeps, and nobody sets it.
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    _steady = time.monotonic


class Clock:
    """`now` in seconds since 1970, for timestamps of others; `steady` for ages, which no change of the date touches."""

    def __init__(self, clock: Optional[Callable[[], float]] = None) -> None:
        self.now: Callable[[], float] = clock or time.time
        self.steady: Callable[[], float] = clock or _steady
