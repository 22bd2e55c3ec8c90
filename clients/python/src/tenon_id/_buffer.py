"""Ids that are at hand, and when more are wanted. Knows nothing of threads; its owner locks."""

from __future__ import annotations

from typing import Optional

from ._errors import TenonIdError
from ._segment import Segment


class Buffer:
    """The segment in use and the one after it."""

    def __init__(self, segment_count: int, prefetch: float) -> None:
        if segment_count < 1:
            raise ValueError("segment_count is 1 or more")
        if not 0 <= prefetch <= 1:
            raise ValueError("prefetch is a share: 0 to 1")
        self._prefetch = prefetch
        self._current: Optional[Segment] = None
        self._next = 0
        self._spare: Optional[Segment] = None

    def take(self) -> Optional[int]:
        """An id, never the same twice; None when nothing is left."""
        if self._current is None or self._next > self._current.end:
            if self._spare is None:
                return None
            self._current, self._spare = self._spare, None
            self._next = self._current.start
        taken = self._next
        self._next += 1
        return taken

    @property
    def low(self) -> bool:
        """Whether it is time to fetch the next segment."""
        if self._current is None or self._spare is not None or self._prefetch == 0:
            return False
        return self._current.end - self._next + 1 <= self._prefetch * len(self._current)

    def put(self, segment: Segment) -> None:
        """Takes in what was fetched. An error when some of it is here already."""
        if self._current is not None and segment.overlaps(self._current):
            raise TenonIdError(f"the server issued ids twice: {segment} after {self._current}")
        self._spare = segment
