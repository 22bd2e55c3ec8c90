"""The client for blocking code."""

from __future__ import annotations

import logging
import os
import time
from itertools import count as count_up
from types import TracebackType
from typing import Optional, TypeVar

import httpx

from . import _wire
from ._backoff import Backoff
from ._errors import TenonIdError
from ._iterator import IdIterator
from ._segment import NextIds, Segment

T = TypeVar("T")
log = logging.getLogger("tenon_id")


class SegmentClient:
    """Allocates ids; any number of threads may share it.

    `timeout` is for one attempt, in seconds. A call that gets no answer, 429 or 503 is sent again up to `retries`
    times with the same Idempotency-Key, so that it gets the range that it was given the first time. It waits
    longer each time, and never less than the server's Retry-After; where that exceeds `max_wait` seconds, the
    error is raised at once.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 4,
        max_wait: float = 30.0,
    ) -> None:
        self._backoff = Backoff(retries, max_wait)
        self._options = (base_url.rstrip("/"), api_key, timeout)
        self._connect()

    def _connect(self) -> None:
        base_url, api_key, timeout = self._options
        self._http = httpx.Client(base_url=base_url, headers=_wire.headers(api_key), timeout=timeout)
        self._process = os.getpid()

    def allocate_segment(
        self,
        system_code: str,
        db_name: str,
        table_name: str,
        field_name: str,
        segment_count: int = 10000,
        *,
        idempotency_key: Optional[str] = None,
    ) -> Segment:
        """So many ids side by side for a table's column.

        Whoever keeps an `idempotency_key` of his own can repeat the call after a crash and gets the same ids.
        """
        call = _wire.allocate(system_code, db_name, table_name, field_name, segment_count, idempotency_key)
        return self._run(call)

    def next_ids(self, key: str, count: int = 1, *, idempotency_key: Optional[str] = None) -> NextIds:
        """So many ids of a key of any kind, by its name. Needs an API key."""
        return self._run(_wire.next_ids(key, count, idempotency_key))

    def ids(
        self,
        system_code: str,
        db_name: str,
        table_name: str,
        field_name: str,
        segment_count: int = 1000,
        prefetch: float = 0.2,
    ) -> IdIterator:
        """Single ids without end, fetched a segment at a time. What is left when the program ends is lost."""

        def allocate() -> Segment:
            return self.allocate_segment(system_code, db_name, table_name, field_name, segment_count)

        return IdIterator(allocate, segment_count, prefetch)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> SegmentClient:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _run(self, call: _wire.Call[T]) -> T:
        for attempt in count_up():
            try:
                return call.read(self._send(call))
            except TenonIdError as error:
                wait = self._backoff.wait(attempt, error)
                if wait is None:
                    raise
                log.info("%s again in %.2f s: %s", call.path, wait, error)
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _send(self, call: _wire.Call[T]) -> httpx.Response:
        if self._process != os.getpid():
            # After a fork the connections are the parent's.
            self._connect()
        try:
            return self._http.post(call.path, json=call.body, headers=call.headers)
        except httpx.RequestError as error:
            raise _wire.unsent(error) from error
