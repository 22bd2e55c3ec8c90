"""The client for asyncio code."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Callable, Optional, Union

import httpx

from . import _webhook, _wire
from ._base import Base, Settings, log
from ._cache import Cache, Join, Standing, Ticket
from ._errors import CursorExpired, TenonMembersError
from ._snapshot import Change, Snapshot


class _Flight:
    task: asyncio.Task[Optional[Standing]]


class AsyncMembers(Base[_Flight]):
    """As `Members`, for any number of tasks of one event loop. `on_cursor` and `on_change` may be coroutines.

    A task that is cancelled while it waits takes nothing from the others.
    """

    def __init__(
        self,
        base_url: str,
        internal_secret: Optional[str] = None,
        *,
        client_key: Optional[str] = None,
        api_key: Optional[str] = None,
        webhook_secrets: Union[_webhook.Secret, Sequence[_webhook.Secret], None] = None,
        max_subs: int = 10_000,
        timeout: float = 5.0,
        pull_every: float = 60.0,
        long_poll: int = 0,
        reconcile_every: float = 86_400.0,
        background: bool = True,
        cursor: Optional[str] = None,
        on_cursor: Optional[Callable[[str], object]] = None,
        on_change: Optional[Callable[[Change], object]] = None,
        transport: Optional[httpx.AsyncBaseTransport] = None,
        clock: Optional[Callable[[], float]] = None,
    ) -> None:
        settings = Settings(max_subs, timeout, pull_every, long_poll, reconcile_every, background)
        super().__init__(settings, webhook_secrets, cursor, clock)
        self._on_cursor, self._on_change = on_cursor, on_change
        self._http = httpx.AsyncClient(
            base_url=_wire.base(base_url),
            headers=_wire.credentials(internal_secret, client_key, api_key),
            timeout=timeout,
            transport=transport,
        )
        self._closed = False
        self._fetches: set[asyncio.Task[Optional[Standing]]] = set()
        self._follower: Optional[asyncio.Task[None]] = None
        # Made within the loop: Python 3.9 binds it to the loop of whoever makes it.
        self._pulling: Optional[asyncio.Lock] = None

    def _new_cache(self) -> Cache[_Flight]:
        return Cache(self._settings.max_subs, self._clock, _Flight)

    async def snapshot(self, sub: str) -> Snapshot:
        """As `Members.snapshot`."""
        return self._show(await self._look(sub))

    async def allowed(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> bool:
        """As `Members.allowed`."""
        key = _wire.key(scope_type, scope_id, module, action)
        standing = await self._look(sub)
        return key is not None and self._may(standing, key)

    async def require(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> None:
        """As `Members.require`."""
        key = _wire.key(scope_type, scope_id, module, action)
        self._demand(await self._look(sub), key)

    async def check(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> bool:
        """As `Members.check`."""
        key = _wire.key(scope_type, scope_id, module, action)
        if not _wire.can_be_sub(sub) or key is None:
            return False
        return _wire.read_check(await self._send(_wire.check(sub, key)))

    async def pull(self) -> int:
        """As `Members.pull`."""
        return await self._pull(0)

    async def reconcile(self) -> None:
        """As `Members.reconcile`."""
        for tickets in self._batches():
            subs = [ticket.sub for ticket in tickets]
            call = _wire.snapshots({ticket.sub: ticket.version for ticket in tickets})
            self._taken(tickets, _wire.read_snapshots(subs, await self._send(call)))

    def start(self) -> None:
        """As `Members.start`, within the event loop."""
        if self._closed:
            raise RuntimeError("the client was closed")
        if self._follower is None and self._settings.background:
            self._follower = asyncio.get_running_loop().create_task(self._follow())

    async def aclose(self) -> None:
        """Ends what is under way, and closes the connections."""
        self._closed = True
        tasks: list[asyncio.Task[Any]] = [*self._fetches]
        if self._follower is not None and self._follower is not asyncio.current_task():
            tasks.append(self._follower)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()

    async def __aenter__(self) -> AsyncMembers:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    async def _look(self, sub: str) -> Standing:
        if self._closed:
            raise RuntimeError("the client was closed")
        if not _wire.can_be_sub(sub):
            return Standing(is_absent=True)
        self.start()
        led = joined = 0
        while led < 2 and joined < 2:
            step = self._cache.step(sub)
            if isinstance(step, Standing):
                return step
            if isinstance(step, Join):
                standing = await self._landed(step.flight)
                joined += 1
                if joined == 2 and standing is not None:
                    # The first may have been sent before this was called, the second was not.
                    return standing
                continue
            led += 1
            step.flight.task = asyncio.get_running_loop().create_task(self._fetch(step.ticket))
            self._fetches.add(step.flight.task)
            step.flight.task.add_done_callback(self._fetches.discard)
            standing = await self._landed(step.flight)
            if standing is not None:
                return standing
        return self._cache.standing(sub)

    async def _landed(self, flight: _Flight) -> Optional[Standing]:
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.task.cancelled():
                # The client was closed meanwhile.
                return None
            raise

    async def _fetch(self, ticket: Ticket) -> Optional[Standing]:
        try:
            response = await self._send(_wire.snapshot(ticket.sub, ticket.etag))
            return self._cache.store(ticket, _wire.read_snapshot(ticket.sub, response))
        except Exception as error:
            self._failed(ticket, error)
            return None
        finally:
            self._cache.land(ticket.sub)

    async def _send(self, call: _wire.Call) -> httpx.Response:
        timeout = httpx.Timeout(self._settings.timeout, read=self._settings.timeout + call.extra_wait)
        for is_last in (False, True):
            try:
                return await self._http.request(
                    call.method,
                    call.path,
                    params=call.params,
                    json=call.body,
                    headers=call.headers,
                    timeout=timeout,
                )
            except httpx.RequestError as error:
                if is_last or not _wire.was_cut(error):
                    raise _wire.unsent(error) from error
        raise AssertionError("unreachable")

    async def _pull(self, wait: int) -> int:
        if self._pulling is None:
            self._pulling = asyncio.Lock()
        async with self._pulling:
            if self._cursor is None:
                page = await self._page(None, 0)
                # What was read before the feed began may have changed in between.
                self._cache.mark_all()
                await self._advance(page)
                return 0
            count = 0
            while True:
                since = self._cursor
                try:
                    page = await self._page(since, wait)
                except CursorExpired as error:
                    log.warning("the change feed begins anew: %s", error)
                    await self._resync()
                    return count
                self._cache.hear_all(page.items)
                for change in page.items:
                    await self._tell(change)
                await self._advance(page)
                count, wait = count + len(page.items), 0
                if not page.has_more or page.next_cursor == since:
                    return count

    async def _page(self, since: Optional[str], wait: int) -> _wire.Page:
        page = _wire.read_changes(since, await self._send(_wire.changes(since, wait)))
        self._cache.alive()
        return page

    async def _resync(self) -> None:
        page = await self._page(None, 0)
        self._cache.restart()
        await self._tell(Change("resync"))
        await self._advance(page)
        try:
            await self.reconcile()
        except TenonMembersError as error:
            # Each is asked for again before its next use.
            log.warning("not all could be compared: %s", error)

    async def _advance(self, page: _wire.Page) -> None:
        if page.next_cursor != self._cursor:
            self._cursor = page.next_cursor
            if self._on_cursor is not None:
                try:
                    done = self._on_cursor(page.next_cursor)
                    if inspect.isawaitable(done):
                        await done
                except Exception:
                    log.exception("on_cursor failed")

    async def _tell(self, change: Change) -> None:
        if self._on_change is not None:
            try:
                done = self._on_change(change)
                if inspect.isawaitable(done):
                    await done
            except Exception:
                log.exception("on_change failed")

    async def _follow(self) -> None:
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            begun = time.monotonic()
            try:
                await self._pull(self._settings.long_poll)
                pause = self._pause(time.monotonic() - begun)
                if self._is_reconciliation_due():
                    await self.reconcile()
                    self._reconciled()
            except Exception as error:
                pause = self._pause_after(error)
