"""The client for asyncio code."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Awaitable
from itertools import count as count_up
from types import TracebackType
from typing import Callable, Optional, TypeVar

import httpx

from . import _wire
from ._backoff import Backoff
from ._buffer import Buffer
from ._client import log
from ._errors import TenonIdError
from ._iterator import PAUSE
from ._segment import NextIds, Segment

T = TypeVar("T")


class AsyncIdIterator(AsyncIterator[int]):
    """As `IdIterator`, for any number of tasks of one event loop. Made by `AsyncSegmentClient.ids`.

    A task that is cancelled while it waits loses nothing: the segment stays for the others.
    """

    def __init__(self, allocate: Callable[[], Awaitable[Segment]], segment_count: int, prefetch: float) -> None:
        self._allocate = allocate
        self._buffer = Buffer(segment_count, prefetch)
        self._fetch: Optional[asyncio.Task[Optional[Exception]]] = None
        self._not_before = 0.0

    def __aiter__(self) -> AsyncIdIterator:
        return self

    async def __anext__(self) -> int:
        return await self.next()

    async def next(self) -> int:
        """An id that nobody else has."""
        while True:
            taken = self._buffer.take()
            if taken is not None:
                if self._buffer.low and self._fetch is None and time.monotonic() >= self._not_before:
                    self._start()
                return taken
            fetch = self._fetch or self._start()
            try:
                error = await asyncio.shield(fetch)
            except asyncio.CancelledError:
                if fetch.cancelled():
                    raise TenonIdError("the client was closed") from None
                raise
            if error is not None:
                raise error

    def _start(self) -> asyncio.Task[Optional[Exception]]:
        fetch = asyncio.ensure_future(self._load())
        self._fetch = fetch
        fetch.add_done_callback(self._end)
        return fetch

    def _end(self, _: object) -> None:
        self._fetch = None

    async def _stop(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)

    async def _load(self) -> Optional[Exception]:
        # The error is the result: a fetch ahead that nobody waits for is nobody's unhandled exception.
        try:
            self._buffer.put(await self._allocate())
        except Exception as error:
            after = error.retry_after if isinstance(error, TenonIdError) else None
            self._not_before = time.monotonic() + (PAUSE if after is None else after)
            return error
        return None


class AsyncSegmentClient:
    """As `SegmentClient`, under asyncio."""

    def __init__(
        self,
        base_url: str,
        api_key: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 4,
        max_wait: float = 30.0,
    ) -> None:
        self._backoff = Backoff(retries, max_wait)
        self._iterators: weakref.WeakSet[AsyncIdIterator] = weakref.WeakSet()
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"), headers=_wire.headers(api_key), timeout=timeout
        )

    async def allocate_segment(
        self,
        system_code: str,
        db_name: str,
        table_name: str,
        field_name: str,
        segment_count: int = 10000,
        *,
        idempotency_key: Optional[str] = None,
    ) -> Segment:
        """As `SegmentClient.allocate_segment`."""
        call = _wire.allocate(system_code, db_name, table_name, field_name, segment_count, idempotency_key)
        return await self._run(call)

    async def next_ids(self, key: str, count: int = 1, *, idempotency_key: Optional[str] = None) -> NextIds:
        """As `SegmentClient.next_ids`."""
        return await self._run(_wire.next_ids(key, count, idempotency_key))

    def ids(
        self,
        system_code: str,
        db_name: str,
        table_name: str,
        field_name: str,
        segment_count: int = 1000,
        prefetch: float = 0.2,
    ) -> AsyncIdIterator:
        """As `SegmentClient.ids`: `async for`, or `await ids.next()`."""

        async def allocate() -> Segment:
            return await self.allocate_segment(system_code, db_name, table_name, field_name, segment_count)

        iterator = AsyncIdIterator(allocate, segment_count, prefetch)
        self._iterators.add(iterator)
        return iterator

    async def aclose(self) -> None:
        """Ends what is being fetched ahead, and closes the connections."""
        for iterator in list(self._iterators):
            await iterator._stop()
        await self._http.aclose()

    async def __aenter__(self) -> AsyncSegmentClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    async def _run(self, call: _wire.Call[T]) -> T:
        for attempt in count_up():
            try:
                return call.read(await self._send(call))
            except TenonIdError as error:
                wait = self._backoff.wait(attempt, error)
                if wait is None:
                    raise
                log.info("%s again in %.2f s: %s", call.path, wait, error)
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _send(self, call: _wire.Call[T]) -> httpx.Response:
        try:
            return await self._http.post(call.path, json=call.body, headers=call.headers)
        except httpx.RequestError as error:
            raise _wire.unsent(error) from error
