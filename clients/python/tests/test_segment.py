"""Segments, ids, buffers and pauses, without a server."""

from __future__ import annotations

import pickle

import pytest
from tenon_id import Exhausted, NextIds, RateLimited, Segment, TenonIdError, Unavailable
from tenon_id._backoff import Backoff
from tenon_id._buffer import Buffer


def test_a_segment_is_a_collection_of_its_ids() -> None:
    segment = Segment(1501, 1510)
    assert len(segment) == 10 and list(segment) == list(range(1501, 1511))
    assert 1501 in segment and 1510 in segment
    assert 1500 not in segment and 1511 not in segment and "1505" not in segment
    assert segment == Segment(1501, 1510) and len({segment, Segment(1501, 1510)}) == 1


def test_a_segment_reaches_to_the_end_of_64_bits() -> None:
    segment = Segment(1, 2**63 - 1)
    assert len(segment) == 2**63 - 1 and 2**63 - 1 in segment and next(iter(segment)) == 1


def test_a_segment_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError):
        Segment(2, 1)


def test_ids_that_the_server_left_out_are_iterated_from_their_range() -> None:
    ids = NextIds("invoices", "counter", (), Segment(1, 20_000))
    assert len(ids) == 20_000 and next(iter(ids)) == "1" and sum(ids.numbers()) == 200_010_000


def test_ids_that_are_no_numbers_stay_text() -> None:
    ids = NextIds("orders", "ulid", ("01JDQ", "01JDR"))
    assert list(ids) == ["01JDQ", "01JDR"] and len(ids) == 2
    with pytest.raises(ValueError):
        list(ids.numbers())


def test_a_buffer_hands_out_each_id_once_and_says_when_it_is_low() -> None:
    buffer = Buffer(10, 0.2)
    assert buffer.take() is None and not buffer.low
    buffer.put(Segment(1, 10))
    taken = []
    lows = []
    for _ in range(10):
        taken.append(buffer.take())
        lows.append(buffer.low)
    assert taken == list(range(1, 11)) and lows == [False] * 7 + [True] * 3
    assert buffer.take() is None
    buffer.put(Segment(21, 30))
    assert not buffer.low and buffer.take() == 21


def test_a_buffer_refuses_ids_that_it_has() -> None:
    buffer = Buffer(10, 0.2)
    buffer.put(Segment(1, 10))
    buffer.take()
    with pytest.raises(TenonIdError, match="twice"):
        buffer.put(Segment(10, 19))


@pytest.mark.parametrize(("count", "prefetch"), [(0, 0.2), (-1, 0.2), (10, 1.1), (10, -0.1)])
def test_a_buffer_without_sense_is_refused(count: int, prefetch: float) -> None:
    with pytest.raises(ValueError):
        Buffer(count, prefetch)


def test_pauses_double_with_jitter_up_to_a_limit() -> None:
    backoff = Backoff(12, 30)
    for attempt in range(12):
        full = min(0.1 * 2**attempt, 5.0)
        waits = [backoff.wait(attempt, Unavailable("x")) for _ in range(50)]
        assert all(wait is not None and full / 2 <= wait <= full for wait in waits)
        assert len(set(waits)) > 1
    assert backoff.wait(12, Unavailable("x")) is None


def test_a_pause_is_never_shorter_than_what_the_server_asks_for() -> None:
    backoff = Backoff(4, 30)
    for _ in range(50):
        wait = backoff.wait(0, RateLimited("x", retry_after=7))
        assert wait is not None and 7 <= wait <= 7.05
    assert backoff.wait(0, RateLimited("x", retry_after=31)) is None


def test_what_does_not_mend_itself_is_not_tried_again() -> None:
    assert Backoff(4, 30).wait(0, Exhausted("x")) is None
    assert Backoff(4, 30).wait(0, TenonIdError("x", code="idempotency_key_running")) is not None


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(RateLimited("slow down", status=429, retry_after=2.0)))
    assert isinstance(error, RateLimited) and error.retry_after == 2.0 and str(error) == "slow down"
