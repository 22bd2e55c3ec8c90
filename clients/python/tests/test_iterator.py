"""Single ids from segments, blocking."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest
from fake import Fake, delay, fail
from tenon_id import Exhausted, IdIterator, Segment, SegmentClient, TenonIdError, Unavailable

NAMES = ("shop", "shop_a", "t_bigint", "id")


@pytest.fixture
def client(fake: Fake) -> Iterator[SegmentClient]:
    with SegmentClient(fake.url, retries=0) as one:
        yield one


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < limit, "it did not come to that"
        time.sleep(0.005)


def test_ids_come_one_by_one_over_segments(client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=10)
    assert [next(ids) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [ids.next() for _ in range(30)] == list(range(6, 36))
    assert next(iter(ids)) == 36


def test_the_next_segment_is_fetched_when_a_share_is_left(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=10, prefetch=0.3)
    for _ in range(6):
        ids.next()
    time.sleep(0.05)
    assert len(fake.seen) == 1
    ids.next()
    until(lambda: len(fake.seen) == 2)


def test_nobody_waits_while_the_rest_lasts(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=10, prefetch=0.5)
    for _ in range(4):
        ids.next()
    fake.plan.append(delay(0.5))
    begin = time.monotonic()
    for _ in range(6):
        ids.next()
    assert time.monotonic() - begin < 0.3
    assert ids.next() == 11 and time.monotonic() - begin >= 0.4


def test_without_prefetch_nothing_is_fetched_ahead(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=5, prefetch=0)
    for _ in range(5):
        ids.next()
    time.sleep(0.05)
    assert len(fake.seen) == 1 and ids.next() == 6


def test_segments_of_one_id_work(client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=1)
    assert [ids.next() for _ in range(20)] == list(range(1, 21))


def test_an_error_surfaces_only_when_nothing_is_left(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=10, prefetch=0.9)
    assert ids.next() == 1
    until(lambda: ids._fetch is None)
    fake.plan.extend([fail(503, "busy"), fail(409, "the key is exhausted")])
    # The second segment is here; the third cannot be fetched.
    assert [ids.next() for _ in range(19)] == list(range(2, 21))
    until(lambda: len(fake.seen) == 3 and ids._fetch is None)
    with pytest.raises(Exhausted):
        ids.next()
    assert len(fake.seen) == 4
    # A later call tries anew.
    assert ids.next() == 21


def test_a_fetch_ahead_that_fails_is_not_repeated_at_once(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=100, prefetch=0.5)
    fake.plan.extend([lambda _: False, fail(503, "busy")])
    for _ in range(60):
        ids.next()
    until(lambda: len(fake.seen) == 2 and ids._fetch is None)
    begin = time.monotonic()
    for _ in range(40):
        ids.next()
    assert len(fake.seen) == 2 or time.monotonic() - begin > 0.5


def test_many_threads_share_an_iterator(fake: Fake, client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=100)

    def work(_: int) -> list[int]:
        return [ids.next() for _ in range(2_000)]

    with ThreadPoolExecutor(8) as pool:
        taken = [one for part in pool.map(work, range(8)) for one in part]
    assert len(set(taken)) == 16_000 and set(taken) == set(range(1, 16_001))
    assert fake.counter <= 16_200


def test_all_who_wait_for_a_failed_fetch_are_told() -> None:
    calls = []
    gate = threading.Event()

    def allocate() -> Segment:
        calls.append(1)
        gate.wait(5)
        raise Unavailable("down")

    ids = IdIterator(allocate, 10, 0.2)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ids.next) for _ in range(4)]
        time.sleep(0.1)
        gate.set()
        assert all(isinstance(one.exception(5), Unavailable) for one in waiting)
    assert len(calls) == 1


def test_a_range_that_comes_twice_is_not_handed_out_twice() -> None:
    ids = IdIterator(lambda: Segment(1, 10), 10, 0)
    assert [ids.next() for _ in range(10)] == list(range(1, 11))
    with pytest.raises(TenonIdError, match="twice"):
        ids.next()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_has_ids_of_its_own(client: SegmentClient) -> None:
    ids = client.ids(*NAMES, segment_count=10, prefetch=0)
    mine = [ids.next() for _ in range(3)]
    reader, writer = os.pipe()
    # As if another thread were taking an id at the moment of the fork.
    with ids._changed:
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, " ".join(str(ids.next()) for _ in range(3)).encode())
            finally:
                os._exit(0)
    os.waitpid(child, 0)
    theirs = [int(one) for one in os.read(reader, 100).split()]
    os.close(reader)
    os.close(writer)
    mine += [ids.next() for _ in range(3)]
    assert mine == [1, 2, 3, 4, 5, 6] and theirs == [11, 12, 13]
