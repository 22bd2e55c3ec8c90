"""The blocking client against the fake server: answers, errors, retries."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from fake import Fake, Step, answer, cut_off, delay, envelope, fail, hang_up, hang_up_before
from tenon_id import (
    Conflict,
    Detail,
    Exhausted,
    Invalid,
    NotFound,
    Quarantined,
    RateLimited,
    Segment,
    SegmentClient,
    TenonIdError,
    Unauthorized,
    Unavailable,
)

NAMES = ("Shop", "shop_a", "t_bigint", "id")


def test_a_segment_is_allocated(fake: Fake) -> None:
    with SegmentClient(fake.url + "/", api_key="tnk_x") as client:
        assert client.allocate_segment(*NAMES, segment_count=10) == Segment(1, 10)
        assert client.allocate_segment(*NAMES) == Segment(11, 10010)
    first, second = fake.seen
    assert first["path"] == "/api/segment/allocate"
    assert first["body"] == {
        "system_code": "Shop",
        "db_name": "shop_a",
        "table_name": "t_bigint",
        "field_name": "id",
        "segment_count": 10,
    }
    assert first["headers"]["X-API-Key"] == "tnk_x"
    assert first["headers"]["Idempotency-Key"] != second["headers"]["Idempotency-Key"]


def test_without_a_key_none_is_sent(fake: Fake) -> None:
    with SegmentClient(fake.url) as client:
        client.allocate_segment(*NAMES)
    assert "X-API-Key" not in fake.seen[0]["headers"]


@pytest.mark.parametrize(
    ("data", "start"),
    [
        ({"start": 9007199254740991, "end": "9007199254740992"}, 2**53 - 1),
        ({"start": "9223372036854775806", "end": "9223372036854775807"}, 2**63 - 2),
        ({"start": "-9223372036854775807", "end": "-9223372036854775806"}, -(2**63) + 1),
    ],
)
def test_ids_beyond_53_bits_come_as_text_and_are_integers(fake: Fake, data: object, start: int) -> None:
    fake.plan.append(answer(200, envelope(0, "", data)))
    with SegmentClient(fake.url) as client:
        assert client.allocate_segment(*NAMES, segment_count=2) == Segment(start, start + 1)


@pytest.mark.parametrize(
    "document",
    [
        envelope(0, "", {"start": 1, "end": 11}),
        envelope(0, "", {"start": 1}),
        envelope(0, "", {"start": True, "end": 10}),
        envelope(0, "", {"start": "1_0", "end": "19"}),
        envelope(0, "", {"start": 10, "end": 1}),
        envelope(0, ""),
        [],
        "<html>a portal</html>",
    ],
)
def test_an_answer_of_another_kind_is_an_error(fake: Fake, document: object) -> None:
    fake.plan.append(answer(200, document))
    with SegmentClient(fake.url) as client, pytest.raises(TenonIdError, match="not what Tenon sends") as caught:
        client.allocate_segment(*NAMES, segment_count=10)
    assert type(caught.value) is TenonIdError and len(fake.seen) == 1


DETAIL = {
    "type": "greater_than_equal",
    "loc": ["body", "segment_count"],
    "msg": "Input should be greater than or equal to 1",
    "input": 0,
    "ctx": {"ge": 1},
}
PROBLEM = {
    "type": "urn:tenon:validation_failed",
    "title": "Unprocessable Entity",
    "status": 422,
    "code": "validation_failed",
    "detail": "count: from 1 to 1000000",
    "errors": [{"field": "count", "code": "range", "message": "from 1 to 1000000"}],
}


def problem(status: int, code: str, **headers: str) -> Step:
    return answer(status, {"type": f"urn:tenon:{code}", "status": status, "code": code, "detail": "x"}, **headers)


@pytest.mark.parametrize(
    ("step", "kind", "status"),
    [
        (fail(404, "Database configuration not found for system_code: a, db_name: b."), NotFound, 404),
        (fail(400, "Column id is not an integer"), Invalid, 400),
        (fail(409, "The key shop:shop_a:t_bigint:id is exhausted: 3 ids are left."), Exhausted, 409),
        (fail(409, "the key shop:shop_a:t_bigint:id has 3 ids left, which is too few"), Exhausted, 409),
        (fail(409, "the key shop:shop_a:t_bigint:id is retired"), Conflict, 409),
        (fail(500, "increment or decrement would overflow"), Exhausted, 500),
        (fail(500, "WRONGTYPE"), TenonIdError, 500),
        (fail(503, "the key shop:shop_a:t_bigint:id is in quarantine: overlap"), Quarantined, 503),
        (fail(409, "the key shop:shop_a:t_bigint:id is in quarantine: overlap"), Quarantined, 409),
        (answer(401, {"detail": "Authorization header missing"}), Unauthorized, 401),
        (answer(401, envelope(401, "An API key is needed")), Unauthorized, 401),
        (answer(413, envelope(413, "too large")), Invalid, 413),
        (answer(500, {"code": 500, "msg": "Internal Server Error", "data": None}), TenonIdError, 500),
        (problem(404, "key_unknown"), NotFound, 404),
        (problem(401, "invalid_api_key"), Unauthorized, 401),
        (problem(403, "permission_denied"), Unauthorized, 403),
        (problem(409, "key_exhausted"), Exhausted, 409),
        (problem(409, "key_retired"), Conflict, 409),
        (problem(503, "key_quarantined"), Quarantined, 503),
    ],
)
def test_errors_are_told_apart_and_not_tried_again(
    fake: Fake, step: Step, kind: type[TenonIdError], status: int
) -> None:
    fake.plan.append(step)
    with SegmentClient(fake.url) as client, pytest.raises(TenonIdError) as caught:
        client.allocate_segment(*NAMES)
    assert type(caught.value) is kind and caught.value.status == status
    assert caught.value.request_id == "request-of-a-test" and len(fake.seen) == 1


def test_names_of_tables_are_no_part_of_what_the_server_says(fake: Fake) -> None:
    names = ("shop", "exhausted", "ids left", "quarantine")
    sentence = "The key shop:exhausted:ids left:quarantine is retired."
    fake.plan.append(fail(409, sentence))
    with SegmentClient(fake.url) as client, pytest.raises(Conflict) as caught:
        client.allocate_segment(*names)
    assert type(caught.value) is Conflict and str(caught.value) == sentence


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (
            {"detail": [DETAIL]},
            Detail("segment_count", "greater_than_equal", "Input should be greater than or equal to 1"),
        ),
        (PROBLEM, Detail("count", "range", "from 1 to 1000000")),
    ],
)
def test_a_422_names_the_fields(fake: Fake, document: object, detail: Detail) -> None:
    fake.plan.append(answer(422, document))
    with SegmentClient(fake.url) as client, pytest.raises(Invalid) as caught:
        client.allocate_segment(*NAMES, segment_count=0)
    assert caught.value.details == (detail,) and detail.message in str(caught.value)


@pytest.mark.parametrize(
    "step",
    [
        hang_up,
        hang_up_before,
        cut_off,
        fail(503, "Failed to initialize segment cache for key: x. System is busy, please retry later."),
        answer(503, envelope(503, "busy"), Retry_After="0"),
        answer(429, envelope(429, "slow down"), Retry_After="0"),
        fail(429, "slow down", Retry_After="0"),
        problem(503, "database_busy"),
        problem(408, "request_timeout"),
        problem(409, "idempotency_key_running"),
        answer(502, "<html>bad gateway</html>"),
        answer(504, ""),
    ],
)
def test_a_call_is_sent_again_with_its_key_and_gets_its_range(fake: Fake, pauses: list[float], step: Step) -> None:
    fake.plan.extend([step, step])
    with SegmentClient(fake.url) as client:
        assert client.allocate_segment(*NAMES, segment_count=10) == Segment(1, 10)
        assert client.allocate_segment(*NAMES, segment_count=10) == Segment(11, 20)
    tokens = [one["headers"]["Idempotency-Key"] for one in fake.seen]
    assert len(tokens) == 4 and len(set(tokens[:3])) == 1 and tokens[3] != tokens[0]
    assert len(pauses) == 2 and pauses[1] <= 0.2


def test_a_late_answer_is_asked_for_again(fake: Fake) -> None:
    fake.plan.append(delay(1.0))
    with SegmentClient(fake.url, timeout=0.2) as client:
        begin = time.monotonic()
        assert client.allocate_segment(*NAMES, segment_count=10) == Segment(1, 10)
        assert time.monotonic() - begin < 0.9
    assert fake.counter == 10 and len(fake.seen) == 2


def test_a_server_that_comes_up_late_is_found(pauses: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with SegmentClient(f"http://127.0.0.1:{port}") as client, pytest.raises(Unavailable) as caught:
        client.allocate_segment(*NAMES)
    assert caught.value.status is None and len(pauses) == 4
    assert pauses == sorted(pauses)


def test_retries_end(fake: Fake, pauses: list[float]) -> None:
    fake.plan.extend([problem(503, "database_unavailable")] * 3)
    with SegmentClient(fake.url, retries=2) as client, pytest.raises(Unavailable) as caught:
        client.allocate_segment(*NAMES)
    assert len(fake.seen) == 3 and len(pauses) == 2 and caught.value.code == "database_unavailable"


def test_without_retries_the_first_failure_is_raised(fake: Fake) -> None:
    fake.plan.append(hang_up)
    with SegmentClient(fake.url, retries=0) as client, pytest.raises(Unavailable):
        client.allocate_segment(*NAMES)
    assert len(fake.seen) == 1


def test_the_client_really_waits_as_long_as_it_is_told(fake: Fake) -> None:
    fake.plan.append(answer(429, envelope(429, "slow down"), Retry_After="1"))
    with SegmentClient(fake.url) as client:
        client.allocate_segment(*NAMES)
    assert fake.times[1] - fake.times[0] >= 1.0


def test_retry_after_may_be_an_instant(fake: Fake, pauses: list[float]) -> None:
    at = datetime.now(timezone.utc) + timedelta(seconds=20)
    fake.plan.append(answer(429, envelope(429, "slow down"), Retry_After=format_datetime(at, usegmt=True)))
    with SegmentClient(fake.url) as client:
        client.allocate_segment(*NAMES)
    assert 18 <= pauses[0] <= 20.1


def test_who_would_wait_too_long_is_told_at_once(fake: Fake, pauses: list[float]) -> None:
    fake.plan.append(answer(429, envelope(429, "slow down"), Retry_After="60"))
    with SegmentClient(fake.url) as client, pytest.raises(RateLimited) as caught:
        client.allocate_segment(*NAMES)
    assert caught.value.retry_after == 60 and not pauses


def test_a_token_of_ones_own_gives_the_same_range_to_another_client(fake: Fake) -> None:
    with SegmentClient(fake.url) as one, SegmentClient(fake.url) as other:
        first = one.allocate_segment(*NAMES, segment_count=10, idempotency_key="import-7")
        assert other.allocate_segment(*NAMES, segment_count=10, idempotency_key="import-7") == first


def test_ids_of_a_key_by_its_name(fake: Fake) -> None:
    with SegmentClient(fake.url, api_key="tnk_x") as client:
        few = client.next_ids("invoices", 3)
        assert list(few) == ["1", "2", "3"] and few.kind == "counter" and few.segment == Segment(1, 3)
        many = client.next_ids("invoices", 20_000)
        assert many.ids == () and many.segment == Segment(4, 20_003) and len(many) == 20_000
        fake.plan.append(answer(200, {"key": "orders", "kind": "uuid7", "ids": ["0193-7"]}))
        one = client.next_ids("orders")
        assert list(one) == ["0193-7"] and one.segment is None
        fake.plan.append(answer(200, {"key": "orders", "kind": "uuid7", "ids": []}))
        with pytest.raises(TenonIdError, match="not what Tenon sends"):
            client.next_ids("orders")
    assert fake.seen[0]["body"] == {"key": "invoices", "count": 3}


def test_an_address_that_is_none_is_not_tried_again(pauses: list[float]) -> None:
    with SegmentClient("ftp://127.0.0.1") as client, pytest.raises(TenonIdError) as caught:
        client.allocate_segment(*NAMES)
    assert type(caught.value) is TenonIdError and not pauses


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_does_not_use_its_parents_connection(fake: Fake) -> None:
    with SegmentClient(fake.url) as client:
        client.allocate_segment(*NAMES, segment_count=10)
        http = client._http
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                segment = client.allocate_segment(*NAMES, segment_count=10)
                os.write(writer, f"{segment.start} {client._http is http}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"11 False"
        os.close(reader)
        os.close(writer)
        assert client.allocate_segment(*NAMES, segment_count=10) == Segment(21, 30) and client._http is http
