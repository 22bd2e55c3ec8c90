"""The client and the iterator under asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Callable

import pytest
from fake import Fake, answer, cut_off, delay, envelope, fail, hang_up
from tenon_id import (
    AsyncIdIterator,
    AsyncSegmentClient,
    Exhausted,
    RateLimited,
    Segment,
    TenonIdError,
    Unavailable,
)

NAMES = ("shop", "shop_a", "t_bigint", "id")


def run(fake: Fake, work: Callable[[AsyncSegmentClient], Awaitable[None]], retries: int = 4) -> None:
    async def main() -> None:
        async with AsyncSegmentClient(fake.url, api_key="tnk_x", timeout=0.5, retries=retries) as client:
            await work(client)

    asyncio.run(main())


def test_segments_and_ids_are_allocated(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        assert await client.allocate_segment(*NAMES, segment_count=10) == Segment(1, 10)
        assert list(await client.next_ids("invoices", 2)) == ["11", "12"]

    run(fake, work)
    assert fake.seen[0]["headers"]["X-API-Key"] == "tnk_x"


def test_a_call_is_sent_again_with_its_key_and_gets_its_range(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        fake.plan.extend([hang_up, cut_off, delay(1.0), answer(429, envelope(429, "slow down"), Retry_After="1")])
        assert await client.allocate_segment(*NAMES, segment_count=10) == Segment(1, 10)

    run(fake, work)
    assert len({one["headers"]["Idempotency-Key"] for one in fake.seen}) == 1 and len(fake.seen) == 5
    assert fake.counter == 10 and fake.times[4] - fake.times[3] >= 1.0


def test_errors_are_told_apart(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        fake.plan.append(fail(409, "the key is exhausted"))
        with pytest.raises(Exhausted):
            await client.allocate_segment(*NAMES)
        fake.plan.append(answer(429, envelope(429, "slow down"), Retry_After="60"))
        with pytest.raises(RateLimited) as caught:
            await client.allocate_segment(*NAMES)
        assert caught.value.retry_after == 60

    run(fake, work)


def test_ids_come_one_by_one_over_segments(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        ids = client.ids(*NAMES, segment_count=10)
        taken = [await ids.next() for _ in range(25)]
        async for one in ids:
            taken.append(one)
            if len(taken) == 35:
                break
        assert taken == list(range(1, 36))

    run(fake, work)


def test_many_tasks_share_an_iterator(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        ids = client.ids(*NAMES, segment_count=100)

        async def take() -> list[int]:
            return [await ids.next() for _ in range(500)]

        parts = await asyncio.gather(*(take() for _ in range(8)))
        assert {one for part in parts for one in part} == set(range(1, 4_001))

    run(fake, work)


def test_nobody_waits_while_the_rest_lasts(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        ids = client.ids(*NAMES, segment_count=10, prefetch=0.5)
        for _ in range(4):
            await ids.next()
        fake.plan.append(delay(0.3))
        begin = time.monotonic()
        for _ in range(6):
            await ids.next()
        assert time.monotonic() - begin < 0.2
        assert await ids.next() == 11

    run(fake, work)


def test_an_error_surfaces_only_when_nothing_is_left(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        ids = client.ids(*NAMES, segment_count=10, prefetch=0.5)
        fake.plan.extend([lambda _: False, fail(503, "busy"), fail(409, "the key is exhausted")])
        taken = [await ids.next() for _ in range(6)]
        while ids._fetch is not None:
            await asyncio.sleep(0.005)
        taken += [await ids.next() for _ in range(4)]
        assert taken == list(range(1, 11)) and len(fake.seen) == 2
        with pytest.raises(Exhausted):
            await ids.next()
        assert await ids.next() == 11

    run(fake, work, retries=0)


def test_a_task_that_is_cancelled_leaves_the_segment_to_the_others(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        fake.plan.append(delay(0.2))
        ids = client.ids(*NAMES, segment_count=10)
        first, second = (asyncio.ensure_future(ids.next()) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        assert await second == 1 and first.cancelled()
        assert [await ids.next() for _ in range(9)] == list(range(2, 11))

    run(fake, work)
    assert fake.seen[0]["body"]["segment_count"] == 10


def test_closing_ends_what_is_being_fetched(fake: Fake) -> None:
    async def work(client: AsyncSegmentClient) -> None:
        fake.plan.append(delay(0.4))
        waiting = asyncio.ensure_future(client.ids(*NAMES).next())
        await asyncio.sleep(0.1)
        begin = time.monotonic()
        await client.aclose()
        with pytest.raises(TenonIdError, match="closed"):
            await waiting
        assert time.monotonic() - begin < 0.2

    run(fake, work)


def test_all_who_wait_for_a_failed_fetch_are_told() -> None:
    async def main() -> None:
        calls = []

        async def allocate() -> Segment:
            calls.append(1)
            await asyncio.sleep(0.05)
            raise Unavailable("down")

        ids = AsyncIdIterator(allocate, 10, 0.2)
        outcomes = await asyncio.gather(*(ids.next() for _ in range(4)), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in outcomes) and len(calls) == 1

    asyncio.run(main())


def test_a_range_that_comes_twice_is_not_handed_out_twice() -> None:
    async def main() -> None:
        async def allocate() -> Segment:
            return Segment(1, 2)

        ids = AsyncIdIterator(allocate, 2, 0)
        assert [await ids.next(), await ids.next()] == [1, 2]
        with pytest.raises(TenonIdError, match="twice"):
            await ids.next()

    asyncio.run(main())
