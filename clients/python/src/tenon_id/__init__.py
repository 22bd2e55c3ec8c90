"""Ids from Tenon. `SegmentClient` and `AsyncSegmentClient` are the way in."""

from ._aio import AsyncIdIterator, AsyncSegmentClient
from ._client import SegmentClient
from ._errors import (
    Conflict,
    Detail,
    Exhausted,
    Invalid,
    NotFound,
    Quarantined,
    RateLimited,
    TenonIdError,
    Unauthorized,
    Unavailable,
)
from ._iterator import IdIterator
from ._segment import NextIds, Segment

__all__ = [
    "AsyncIdIterator",
    "AsyncSegmentClient",
    "Conflict",
    "Detail",
    "Exhausted",
    "IdIterator",
    "Invalid",
    "NextIds",
    "NotFound",
    "Quarantined",
    "RateLimited",
    "Segment",
    "SegmentClient",
    "TenonIdError",
    "Unauthorized",
    "Unavailable",
]
__version__ = "0.1.0"
