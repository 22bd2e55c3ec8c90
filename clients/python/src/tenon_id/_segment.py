"""What a server hands out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Segment:
    """The ids from `start` to `end`, both included."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a segment ends at or after its start, not {self.start} to {self.end}")

    def __len__(self) -> int:
        return self.end - self.start + 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.end + 1))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.start <= value <= self.end

    def overlaps(self, other: Segment) -> bool:
        """Whether some id is in both."""
        return self.start <= other.end and other.start <= self.end


@dataclass(frozen=True)
class NextIds:
    """Ids of any kind, as text: some kinds are no numbers. Iterates over them, also where the server left the list out.

    `kind` is counter, snowflake, snowflake53, uuid7, ulid or number. `segment` is there for counters.
    """

    key: str
    kind: str
    ids: tuple[str, ...]
    segment: Optional[Segment] = None

    def __len__(self) -> int:
        return len(self.ids) or (len(self.segment) if self.segment else 0)

    def __iter__(self) -> Iterator[str]:
        if self.segment and not self.ids:
            return map(str, self.segment)
        return iter(self.ids)

    def numbers(self) -> Iterator[int]:
        """The ids as integers. ValueError for kinds that are no integers."""
        if self.segment:
            return iter(self.segment)
        return map(int, self.ids)
