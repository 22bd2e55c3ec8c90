"""The client for blocking code."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Callable, Optional, Union

import httpx

from . import _webhook, _wire
from ._base import Base, Settings, log
from ._cache import Cache, Join, Lead, Standing
from ._errors import CursorExpired, TenonMembersError
from ._snapshot import Change, Snapshot


class _Flight:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.standing: Optional[Standing] = None


class Members(Base[_Flight]):
    """What members may do; any number of threads may share it.

    A snapshot is used until it expires, then asked for again; while Tenon cannot be asked it serves for as long as
    Tenon allowed (`stale_if_error`), and afterwards the answer is no. At most `max_subs` members are remembered.

    A thread asks the change feed every `pull_every` seconds, or without pause where `long_poll` says for how many
    seconds (up to 25) the server may hold an answer back; and compares all that is remembered every
    `reconcile_every` seconds. It begins with the first use and ends with `close`. `on_change` is called in it with
    each change, `on_cursor` with where the feed stands after that; whoever keeps the cursor and hands it in as
    `cursor` at the next start hears of all changes between, some perhaps twice.

    `timeout` is for one answer, in seconds. `clock` gives seconds since 1970, for tests.
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
        transport: Optional[httpx.BaseTransport] = None,
        clock: Optional[Callable[[], float]] = None,
    ) -> None:
        settings = Settings(max_subs, timeout, pull_every, long_poll, reconcile_every, background)
        super().__init__(settings, webhook_secrets, cursor, clock)
        self._on_cursor, self._on_change = on_cursor, on_change
        headers = _wire.credentials(internal_secret, client_key, api_key)
        self._options = (_wire.base(base_url), headers, transport)
        self._closed = threading.Event()
        self._connect()
        _clients.add(self)

    def _new_cache(self) -> Cache[_Flight]:
        return Cache(self._settings.max_subs, self._clock, _Flight)

    def _connect(self) -> None:
        base_url, headers, transport = self._options
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=self._settings.timeout, transport=transport
        )
        self._starting = threading.Lock()
        self._pulling = threading.Lock()
        self._thread: Optional[threading.Thread] = None

    def _after_fork(self) -> None:
        # The connections are the parent's, as is the thread, and another thread may have held a lock.
        self._cache = self._new_cache()
        self._connect()

    def snapshot(self, sub: str) -> Snapshot:
        """What a member may do.

        Raises `UnknownMember`, and `Unavailable` where Tenon cannot be asked and nothing at hand may still be used.
        """
        return self._show(self._look(sub))

    def allowed(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> bool:
        """Whether a member may do something. What cannot be known is no; raises only `ValueError` and `TypeError`,
        for names that nothing can have."""
        key = _wire.key(scope_type, scope_id, module, action)
        standing = self._look(sub)
        return key is not None and self._may(standing, key)

    def require(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> None:
        """As `allowed`; raises `Denied`, which says why."""
        key = _wire.key(scope_type, scope_id, module, action)
        self._demand(self._look(sub), key)

    def check(self, sub: str, scope_type: str, scope_id: str, module: str, action: str) -> bool:
        """Asks Tenon itself, past what is remembered, for what must be exact. Raises where Tenon cannot be asked."""
        key = _wire.key(scope_type, scope_id, module, action)
        if not _wire.can_be_sub(sub) or key is None:
            return False
        return _wire.read_check(self._send(_wire.check(sub, key)))

    def pull(self) -> int:
        """Asks the change feed now, as the timer does. How many changes there were."""
        return self._pull(0)

    def reconcile(self) -> None:
        """Compares all that is remembered now, as the timer does."""
        for tickets in self._batches():
            subs = [ticket.sub for ticket in tickets]
            call = _wire.snapshots({ticket.sub: ticket.version for ticket in tickets})
            self._taken(tickets, _wire.read_snapshots(subs, self._send(call)))

    def start(self) -> None:
        """Begins to follow the change feed, without waiting for the first use."""
        if self._closed.is_set():
            raise RuntimeError("the client was closed")
        with self._starting:
            if self._thread is None and self._settings.background:
                # A daemon: a program that ends does not wait for it.
                thread = threading.Thread(target=self._follow, name="tenon-members-feed", daemon=True)
                thread.start()
                self._thread = thread

    def close(self) -> None:
        """Ends the thread and the connections. A long poll that is under way is not waited for longer than a second."""
        self._closed.set()
        with self._starting:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
        self._http.close()

    def __enter__(self) -> Members:
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _look(self, sub: str) -> Standing:
        if self._closed.is_set():
            raise RuntimeError("the client was closed")
        if not _wire.can_be_sub(sub):
            return Standing(is_absent=True)
        if self._thread is None:
            # Without a thread to spare snapshots still expire.
            with suppress(RuntimeError):
                self.start()
        led = joined = 0
        while led < 2 and joined < 2:
            step = self._cache.step(sub)
            if isinstance(step, Standing):
                return step
            if isinstance(step, Join):
                step.flight.done.wait()
                joined += 1
                if joined == 2 and step.flight.standing is not None:
                    # The first may have been sent before this was called, the second was not.
                    return step.flight.standing
                continue
            led += 1
            standing = self._fetch(step)
            if standing is not None:
                return standing
        return self._cache.standing(sub)

    def _fetch(self, lead: Lead[_Flight]) -> Optional[Standing]:
        ticket, flight = lead.ticket, lead.flight
        try:
            answer = _wire.read_snapshot(ticket.sub, self._send(_wire.snapshot(ticket.sub, ticket.etag)))
            flight.standing = self._cache.store(ticket, answer)
        except Exception as error:
            self._failed(ticket, error)
        finally:
            self._cache.land(ticket.sub)
            flight.done.set()
        return flight.standing

    def _send(self, call: _wire.Call) -> httpx.Response:
        timeout = httpx.Timeout(self._settings.timeout, read=self._settings.timeout + call.extra_wait)
        for is_last in (False, True):
            try:
                return self._http.request(
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

    def _pull(self, wait: int) -> int:
        with self._pulling:
            if self._cursor is None:
                page = self._page(None, 0)
                # What was read before the feed began may have changed in between.
                self._cache.mark_all()
                self._advance(page)
                return 0
            count = 0
            while True:
                since = self._cursor
                try:
                    page = self._page(since, wait)
                except CursorExpired as error:
                    log.warning("the change feed begins anew: %s", error)
                    self._resync()
                    return count
                if self._closed.is_set():
                    return count
                self._cache.hear_all(page.items)
                for change in page.items:
                    self._tell(change)
                self._advance(page)
                count, wait = count + len(page.items), 0
                if not page.has_more or page.next_cursor == since:
                    return count

    def _page(self, since: Optional[str], wait: int) -> _wire.Page:
        page = _wire.read_changes(since, self._send(_wire.changes(since, wait)))
        self._cache.alive()
        return page

    def _resync(self) -> None:
        page = self._page(None, 0)
        self._cache.restart()
        self._tell(Change("resync"))
        self._advance(page)
        try:
            self.reconcile()
        except TenonMembersError as error:
            # Each is asked for again before its next use.
            log.warning("not all could be compared: %s", error)

    def _advance(self, page: _wire.Page) -> None:
        if page.next_cursor != self._cursor:
            self._cursor = page.next_cursor
            if self._on_cursor is not None:
                try:
                    self._on_cursor(page.next_cursor)
                except Exception:
                    log.exception("on_cursor failed")

    def _tell(self, change: Change) -> None:
        if self._on_change is not None:
            try:
                self._on_change(change)
            except Exception:
                log.exception("on_change failed")

    def _follow(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            begun = time.monotonic()
            try:
                self._pull(self._settings.long_poll)
                pause = self._pause(time.monotonic() - begun)
                if self._is_reconciliation_due() and not self._closed.is_set():
                    self.reconcile()
                    self._reconciled()
            except Exception as error:
                if self._closed.is_set():
                    return
                pause = self._pause_after(error)


_clients: weakref.WeakSet[Members] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
