"""How long to wait before a call is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Optional

from ._errors import TenonIdError

_FIRST = 0.1
_LONGEST = 5.0


@dataclass(frozen=True)
class Backoff:
    """Doubling pauses with jitter; never shorter than the server's Retry-After."""

    retries: int
    max_wait: float

    def __post_init__(self) -> None:
        if self.retries < 0 or self.max_wait < 0:
            raise ValueError("retries and max_wait are 0 or more")

    def wait(self, attempt: int, error: TenonIdError) -> Optional[float]:
        """Seconds before the next attempt, or None when there is none. Attempts count from 0."""
        if attempt >= self.retries or not error.temporary:
            return None
        pause = min(_FIRST * 2.0 ** min(attempt, 16), _LONGEST)
        if error.retry_after is None:
            return min(pause * random.uniform(0.5, 1.0), self.max_wait)
        if error.retry_after > self.max_wait:
            # Sooner would be wrong, and so long nobody waits inside a call: the caller decides.
            return None
        # Callers that were turned away together do not come back together.
        return error.retry_after + pause * random.uniform(0.0, 0.5)
