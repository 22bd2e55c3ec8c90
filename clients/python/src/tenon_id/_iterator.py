"""Single ids from segments, for threads."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Callable, Optional

from ._buffer import Buffer
from ._errors import TenonIdError
from ._segment import Segment

# After a fetch ahead has failed, when the server names no time.
PAUSE = 1.0


class _Fetch:
    done = False
    error: Optional[BaseException] = None


class IdIterator(Iterator[int]):
    """Hands out ids one by one; any number of threads may share it. Made by `SegmentClient.ids`.

    The next segment is fetched in the background when the share `prefetch` of the current one is left. An error
    is raised only when nothing is left, and by each call that waited for that fetch; a later call tries anew.
    A child process after a fork begins with a segment of its own.
    """

    def __init__(self, allocate: Callable[[], Segment], segment_count: int, prefetch: float) -> None:
        self._allocate = allocate
        self._shape = (segment_count, prefetch)
        self._reset()
        _iterators.add(self)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._buffer = Buffer(*self._shape)
        self._fetch: Optional[_Fetch] = None
        self._not_before = 0.0

    def __iter__(self) -> IdIterator:
        return self

    def __next__(self) -> int:
        return self.next()

    def next(self) -> int:
        """An id that nobody else has."""
        with self._changed:
            while True:
                taken = self._buffer.take()
                if taken is not None:
                    if self._buffer.low and self._fetch is None and time.monotonic() >= self._not_before:
                        # Without a thread to spare the ids are fetched when they are needed.
                        with suppress(RuntimeError):
                            self._start()
                    return taken
                fetch = self._fetch or self._start()
                while not fetch.done:
                    self._changed.wait()
                if fetch.error is not None:
                    raise fetch.error

    def _start(self) -> _Fetch:
        fetch = _Fetch()
        # A daemon: a program that ends does not wait for ids that it will not use.
        threading.Thread(target=self._run, args=(fetch,), name="tenon-id-fetch", daemon=True).start()
        self._fetch = fetch
        return fetch

    def _run(self, fetch: _Fetch) -> None:
        segment, error = None, None
        try:
            segment = self._allocate()
        except BaseException as caught:
            error = caught
        with self._changed:
            if segment is not None:
                try:
                    self._buffer.put(segment)
                except TenonIdError as caught:
                    error = caught
            if error is not None:
                after = error.retry_after if isinstance(error, TenonIdError) else None
                self._not_before = time.monotonic() + (PAUSE if after is None else after)
            fetch.error, fetch.done = error, True
            self._fetch = None
            self._changed.notify_all()


_iterators: weakref.WeakSet[IdIterator] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: the ids at hand are the parent's, and another thread may have held the lock."""
    for iterator in list(_iterators):
        iterator._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
