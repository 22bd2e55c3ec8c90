"""The client under asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, Callable, Optional

import httpx
import pytest
from fake import HOOK, READ, SECRET, WRITE, Server, Tenon, Time, answer, cut, message, problem, signed
from tenon_members import (
    AsyncMembers,
    BadWebhook,
    Change,
    Denied,
    TenonMembersError,
    Unauthorized,
    Unavailable,
    UnknownMember,
)

Work = Callable[[AsyncMembers], Awaitable[None]]


class Slow(httpx.AsyncBaseTransport):
    """Answers after a while; what it says is as of when it was asked."""

    def __init__(self, tenon: Tenon) -> None:
        self.tenon = tenon
        self.gate: Optional[asyncio.Event] = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        answered = self.tenon.handle(request)
        gate = self.gate if request.url.path.endswith("/snapshot") else None
        if gate is not None:
            await gate.wait()
        return answered


def run(tenon: Tenon, work: Work, transport: Optional[httpx.AsyncBaseTransport] = None, **options: Any) -> None:
    settings: dict[str, Any] = {"background": False, "clock": tenon.clock, "webhook_secrets": HOOK, **options}

    async def main() -> None:
        used = transport or httpx.MockTransport(tenon.handle)
        async with AsyncMembers("http://tenon.test", SECRET, transport=used, **settings) as members:
            await work(members)

    asyncio.run(main())


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 5.0) -> None:
    async def wait() -> None:
        while not await condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), seconds)


def test_snapshots_are_used_kept_and_replaced(tenon: Tenon, clock: Time) -> None:
    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", READ)
        assert await members.allowed("ann", *READ) and not await members.allowed("ann", *WRITE)
        assert (await members.snapshot("ann")).version == 1 and len(tenon.seen) == 1
        clock.pass_by(301)
        await members.require("ann", *READ)
        assert "if-none-match" in tenon.requests[1].headers
        clock.pass_by(299)
        assert await members.allowed("ann", *READ) and len(tenon.seen) == 2
        tenon.revoke("ann", READ)
        members.invalidate("ann")
        assert not await members.allowed("ann", *READ) and not await members.check("ann", *READ)
        with pytest.raises(Denied) as caught:
            await members.require("ann", *READ)
        assert caught.value.reason == "not_granted"
        with pytest.raises(UnknownMember):
            await members.snapshot("nobody")
        with pytest.raises(ValueError):
            await members.allowed("", *READ)
        assert not await members.allowed("ann\n", *READ) and not await members.check("ann\n", *READ)

    run(tenon, work)


def test_an_outage_serves_then_denies_then_ends(tenon: Tenon, clock: Time) -> None:
    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", READ)
        assert await members.allowed("ann", *READ)
        tenon.is_down = True
        clock.pass_by(301)
        assert await members.allowed("ann", *READ) and (await members.snapshot("ann")).is_stale
        clock.pass_by(3600)
        assert not await members.allowed("ann", *READ)
        with pytest.raises(Unavailable):
            await members.snapshot("ann")
        with pytest.raises(Denied) as caught:
            await members.require("ann", *READ)
        assert caught.value.reason == "unavailable"
        tenon.is_down = False
        clock.pass_by(10)
        tenon.plan.append(cut)
        assert await members.allowed("ann", *READ)

    run(tenon, work)


def test_the_feed_is_followed_and_begins_anew(tenon: Tenon) -> None:
    heard: list[str] = []

    async def on_change(change: Change) -> None:
        await asyncio.sleep(0)
        heard.append(change.op)

    async def work(members: AsyncMembers) -> None:
        assert await members.pull() == 0 and members.cursor == "1.0"
        for sub in ("ann", "ben"):
            tenon.grant(sub, READ)
            assert await members.allowed(sub, *READ)
        tenon.revoke("ann", READ)
        tenon.page = 1
        tenon.plan.append(answer(503, "database_unavailable"))
        with pytest.raises(Unavailable):
            await members.pull()
        assert await members.pull() == 3
        assert not await members.allowed("ann", *READ) and await members.allowed("ben", *READ)
        tenon.restore_backup()
        tenon.people["ben"].permissions.clear()
        await members.pull()
        assert not await members.allowed("ben", *READ) and (await members.snapshot("ben")).version == 2
        tenon.plan.extend([lambda _: problem(410, "cursor_expired"), lambda _: None, answer(500, "internal")])
        await members.pull()
        tenon.grant("ben", READ)
        tenon.plan.append(answer(401, "internal_auth_required"))
        with pytest.raises(Unauthorized):
            await members.reconcile()
        await members.reconcile()
        assert await members.allowed("ben", *READ)

    stored: list[str] = []
    run(tenon, work, on_change=on_change, on_cursor=stored.append)
    assert heard == ["grant", "grant", "revoke", "resync", "resync"] and stored[:4] == ["1.0", "1.1", "1.2", "1.3"]


def test_hooks_that_fail_stop_nothing(tenon: Tenon, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: object) -> None:
        raise KeyError("a bug of somebody")

    async def work(members: AsyncMembers) -> None:
        await members.pull()
        tenon.grant("ann", READ)
        assert await members.pull() == 1

    run(tenon, work, on_change=fail, on_cursor=fail)
    assert "on_change failed" in caplog.text and "on_cursor failed" in caplog.text


def test_many_who_ask_at_once_ask_once(tenon: Tenon) -> None:
    transport = Slow(tenon)

    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", READ)
        transport.gate = asyncio.Event()
        tasks = [asyncio.ensure_future(members.allowed("ann", *READ)) for _ in range(50)]
        await asyncio.sleep(0.01)
        # Those who give up, the first among them, take nothing from the others.
        for task in tasks[:10]:
            task.cancel()
        await asyncio.sleep(0.01)
        transport.gate.set()
        assert all(await asyncio.gather(*tasks[10:])) and len(tenon.seen) == 1
        assert all(task.cancelled() for task in tasks[:10])

    run(tenon, work, transport)


def test_who_waits_for_an_answer_that_is_overtaken_gets_a_newer_one(tenon: Tenon) -> None:
    transport = Slow(tenon)

    async def work(members: AsyncMembers) -> None:
        await members.pull()
        tenon.grant("ann", READ)
        gate = transport.gate = asyncio.Event()
        first = asyncio.ensure_future(members.allowed("ann", *READ))
        await asyncio.sleep(0.01)
        tenon.revoke("ann", READ)
        await members.pull()
        later = [asyncio.ensure_future(members.allowed("ann", *READ)) for _ in range(5)]
        await asyncio.sleep(0.01)
        gate.set()
        assert not any(await asyncio.gather(first, *later)) and tenon.count("/snapshot") == 2

    run(tenon, work, transport)


def test_who_waits_for_an_answer_that_was_sent_before_a_role_changed_gets_a_newer_one(tenon: Tenon) -> None:
    transport = Slow(tenon)

    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", WRITE)
        gate = transport.gate = asyncio.Event()
        first = asyncio.ensure_future(members.allowed("ann", *WRITE))
        await asyncio.sleep(0.01)
        tenon.change_role(["ann"], WRITE, is_granted=False)
        # What was read before the feed began may have changed, too.
        await members.pull()
        later = [asyncio.ensure_future(members.allowed("ann", *WRITE)) for _ in range(5)]
        await asyncio.sleep(0.01)
        gate.set()
        assert await first and not any(await asyncio.gather(*later)) and tenon.count("/snapshot") == 2

    run(tenon, work, transport)


def test_closing_ends_what_is_under_way(tenon: Tenon) -> None:
    transport = Slow(tenon)

    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", READ)
        transport.gate = asyncio.Event()
        waiting = asyncio.ensure_future(members.allowed("ann", *READ))
        await asyncio.sleep(0.01)
        await members.aclose()
        assert await waiting is False
        with pytest.raises(RuntimeError, match="closed"):
            await members.allowed("ann", *READ)

    run(tenon, work, transport)


def test_messages_are_taken_note_of(tenon: Tenon, clock: Time) -> None:
    async def work(members: AsyncMembers) -> None:
        tenon.grant("ann", READ)
        assert await members.allowed("ann", *READ)
        tenon.revoke("ann", READ)
        body = message("permission.revoked", "ann", 2, READ)
        with pytest.raises(BadWebhook):
            members.apply_webhook(signed(body, clock()), body + b" ")
        assert await members.allowed("ann", *READ)
        members.apply_webhook(signed(body, clock()), body)
        assert not await members.allowed("ann", *READ)

    run(tenon, work)


def test_the_task_pulls_and_compares_by_itself(tenon: Tenon, server: Server, clock: Time) -> None:
    async def main() -> None:
        options: dict[str, Any] = {"pull_every": 0.01, "reconcile_every": 1000.0, "clock": clock}
        async with AsyncMembers(server.url, SECRET, **options) as members:
            tenon.grant("ann", READ)

            async def is_allowed() -> bool:
                return await members.allowed("ann", *READ)

            async def is_denied() -> bool:
                return not await members.allowed("ann", *READ)

            async def is_through() -> bool:
                return not tenon.plan

            async def is_compared() -> bool:
                return tenon.count("/snapshots") > 0

            await until(is_allowed)
            tenon.revoke("ann", READ)
            await until(is_denied)
            # Only the feed asks meanwhile.
            tenon.plan.extend([answer(500, "internal"), cut])
            await until(is_through)
            tenon.grant("ann", READ)
            await until(is_allowed)
            assert tenon.count("/snapshots") == 0
            clock.pass_by(1001)
            await until(is_compared)
        seen = len(tenon.seen)
        await asyncio.sleep(0.05)
        assert len(tenon.seen) == seen

    asyncio.run(main())


def test_a_long_poll_hears_at_once_and_ends_at_once(tenon: Tenon, server: Server) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with AsyncMembers(server.url, SECRET, long_poll=25, timeout=0.2) as members:
            tenon.grant("ann", READ)
            assert await members.allowed("ann", *READ)

            async def is_polling() -> bool:
                return tenon.count("/changes") == 2

            async def is_denied() -> bool:
                return not await members.allowed("ann", *READ)

            await until(is_polling)
            await asyncio.sleep(0.3)
            tenon.revoke("ann", READ)
            await until(is_denied, 1.0)
            begun = loop.time()
        assert loop.time() - begun < 0.5

    asyncio.run(main())


def test_whatever_else_goes_wrong_is_no(tenon: Tenon, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise KeyError("a bug of somebody")

    async def work(members: AsyncMembers) -> None:
        assert not await members.allowed("ann", *READ)
        with pytest.raises(TenonMembersError):
            await members.snapshot("ann")
        with contextlib.suppress(KeyError):
            await members.pull()

    run(tenon, work, Broken())
    assert "could not be read" in caplog.text
