"""Against a real server at TENON_URL.

It is used with TENON_API_KEY, whose owner may make keys and draw from them, or with an API key that is made after
signing in as TENON_USERNAME with TENON_PASSWORD. A server that is still to be set up is set up with those.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenon_id import (
    AsyncSegmentClient,
    Conflict,
    IdIterator,
    Invalid,
    NotFound,
    Segment,
    SegmentClient,
    Unauthorized,
)

URL = os.environ.get("TENON_URL", "").rstrip("/")
USERNAME = os.environ.get("TENON_USERNAME", "ada")
PASSWORD = os.environ.get("TENON_PASSWORD", "correct horse battery staple")
pytestmark = pytest.mark.skipif(not URL, reason="TENON_URL is not set")

Names = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=URL, timeout=30) as http:
        yield http


@pytest.fixture(scope="module")
def api_key(server: httpx.Client) -> str:
    given = os.environ.get("TENON_API_KEY")
    if given:
        return given
    who = {"username": USERNAME, "password": PASSWORD}
    if not server.get("/api/auth/check-init").json()["initialized"]:
        found = {"email": "ada@example.com", "organization": "Example Ltd", "locale": "en-US"}
        done = server.post("/api/auth/init-user", json={**who, **found})
        assert done.is_success, f"the server could not be set up: {done.text}"
    signed_in = server.post("/api/auth/login", json=who)
    assert signed_in.is_success, f"set TENON_API_KEY, or TENON_USERNAME and TENON_PASSWORD: {signed_in.text}"
    token = signed_in.json()["access_token"]
    made = server.post(
        "/api/auth/api-keys/",
        json={"name": f"tenon-id {uuid.uuid4().hex[:8]}"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert made.is_success, made.text
    key = made.json()["key"]
    assert isinstance(key, str)
    return key


@pytest.fixture
def names(server: httpx.Client, api_key: str) -> Names:
    """A new strict key: its ranges follow one another without gaps."""
    return make(server, api_key, "strict")


def make(server: httpx.Client, api_key: str, mode: str, in_use: int = 0) -> Names:
    one = (f"py{uuid.uuid4().hex[:12]}", "shop_a", "t_bigint", "id")
    body: dict[str, Any] = {
        "parts": dict(zip(("system_code", "database", "table", "field"), one)),
        "mode": mode,
        "in_use": str(in_use),
    }
    made = server.post("/api/id-keys/", json=body, headers={"X-API-Key": api_key})
    assert made.status_code == 201, made.text
    return one


@pytest.fixture
def client(api_key: str) -> Iterator[SegmentClient]:
    with SegmentClient(URL, api_key=api_key, timeout=30) as one:
        yield one


def draw(ids: IdIterator) -> list[int]:
    return [ids.next() for _ in range(2_000)]


def test_segments_follow_one_another(client: SegmentClient, names: Names) -> None:
    assert client.allocate_segment(*names, segment_count=10) == Segment(1, 10)
    assert client.allocate_segment(*names, segment_count=1) == Segment(11, 11)
    assert len(client.allocate_segment(*names)) == 10_000


@pytest.mark.parametrize("mode", ["strict", "buffered"])
def test_eight_threads_with_an_iterator_each_get_no_id_twice(
    server: httpx.Client, api_key: str, client: SegmentClient, mode: str
) -> None:
    names = make(server, api_key, mode)
    iterators = [client.ids(*names, segment_count=250) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = [one for part in pool.map(draw, iterators) for one in part]
    assert len(taken) == 16_000 and len(set(taken)) == 16_000 and min(taken) >= 1


def test_eight_threads_with_one_iterator_get_no_id_twice(client: SegmentClient, names: Names) -> None:
    ids = client.ids(*names, segment_count=500)
    with ThreadPoolExecutor(8) as pool:
        taken = [one for part in pool.map(draw, [ids] * 8) for one in part]
    assert len(taken) == 16_000 and len(set(taken)) == 16_000


def test_eight_tasks_get_no_id_twice(api_key: str, names: Names) -> None:
    async def main() -> list[int]:
        async with AsyncSegmentClient(URL, api_key=api_key, timeout=30) as client:
            ids = client.ids(*names, segment_count=500)

            async def take() -> list[int]:
                return [await ids.next() for _ in range(500)]

            return [one for part in await asyncio.gather(*(take() for _ in range(8))) for one in part]

    assert len(set(asyncio.run(main()))) == 4_000


def test_a_call_that_comes_again_gets_the_same_range(api_key: str, client: SegmentClient, names: Names) -> None:
    first = client.allocate_segment(*names, segment_count=10, idempotency_key="import-7")
    with SegmentClient(URL, api_key=api_key, timeout=30) as other:
        assert other.allocate_segment(*names, segment_count=10, idempotency_key="import-7") == first
    assert client.allocate_segment(*names, segment_count=10) == Segment(first.end + 1, first.end + 10)
    with pytest.raises((Conflict, Invalid)):
        client.allocate_segment(*names, segment_count=11, idempotency_key="import-7")


class Between(BaseHTTPRequestHandler):
    """Passes requests on, and keeps the answers of the first ones: breaks the connection, or is slow."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    break_off = 0
    slow = 0
    answers: list[bytes] = []
    tokens: list[str] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        passed = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        with httpx.Client(base_url=URL, timeout=30) as http:
            answer = http.post(self.path, content=body, headers=passed)
        Between.answers.append(answer.content)
        Between.tokens.append(self.headers["Idempotency-Key"])
        if Between.break_off > 0:
            Between.break_off -= 1
            self.close_connection = True
            return
        if Between.slow > 0:
            Between.slow -= 1
            time.sleep(2)
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)


class Relay(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Clients that do not wait are part of the test."""


@pytest.fixture
def between() -> Iterator[str]:
    Between.break_off = Between.slow = 0
    Between.answers, Between.tokens = [], []
    with Relay(("127.0.0.1", 0), Between) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{relay.server_address[1]}"
        relay.shutdown()
        thread.join()


def test_a_broken_connection_costs_no_range(between: str, api_key: str, client: SegmentClient, names: Names) -> None:
    Between.break_off = 2
    with SegmentClient(between, api_key=api_key, timeout=30) as broken:
        assert broken.allocate_segment(*names, segment_count=10) == Segment(1, 10)
    assert len(Between.answers) == 3 and len(set(Between.answers)) == 1 and len(set(Between.tokens)) == 1
    assert client.allocate_segment(*names, segment_count=10) == Segment(11, 20)


def test_a_client_that_stops_waiting_costs_no_range(
    between: str, api_key: str, client: SegmentClient, names: Names
) -> None:
    Between.slow = 1
    with SegmentClient(between, api_key=api_key, timeout=1.0) as hasty:
        assert hasty.allocate_segment(*names, segment_count=10) == Segment(1, 10)
    assert len(set(Between.tokens)) == 1 and client.allocate_segment(*names, segment_count=10) == Segment(11, 20)


DRAWING = """
import sys
from tenon_id import SegmentClient

client = SegmentClient(sys.argv[1], api_key=sys.argv[2], timeout=30)
while True:
    segment = client.allocate_segment(*sys.argv[3:7], segment_count=100)
    print(segment.start, segment.end, flush=True)
"""


def test_what_a_killed_client_got_nobody_else_gets(api_key: str, client: SegmentClient, names: Names) -> None:
    taken: list[Segment] = []
    for _ in range(3):
        command = [sys.executable, "-c", DRAWING, URL, api_key, *names]
        path = str(Path(__file__).parent.parent / "src")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(10)]
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].splitlines(keepends=True)
        whole = [line for line in lines + rest if line.endswith("\n")]
        taken += [Segment(*map(int, line.split())) for line in whole]
        taken.append(client.allocate_segment(*names, segment_count=100))
    assert len(taken) >= 33
    taken.sort(key=lambda one: one.start)
    assert not any(one.overlaps(other) for one, other in zip(taken, taken[1:]))


def test_ids_of_a_key_by_its_name(client: SegmentClient, names: Names) -> None:
    name = ":".join(names)
    few = client.next_ids(name, 3)
    assert few.kind == "counter" and list(few) == ["1", "2", "3"] and few.segment == Segment(1, 3)
    many = client.next_ids(name, 20_000)
    assert many.ids == () and many.segment == Segment(4, 20_003)
    token = uuid.uuid4().hex
    assert client.next_ids(name, 2, idempotency_key=token) == client.next_ids(name, 2, idempotency_key=token)


def test_ids_beyond_53_bits_are_integers(server: httpx.Client, api_key: str, client: SegmentClient) -> None:
    names = make(server, api_key, "strict", 2**53 - 2)
    assert client.allocate_segment(*names, segment_count=2) == Segment(2**53 - 1, 2**53)


def test_errors_are_told_apart(client: SegmentClient, names: Names) -> None:
    with pytest.raises(Invalid) as caught:
        client.allocate_segment(*names, segment_count=0)
    assert [one.field for one in caught.value.details] == ["segment_count"]
    with pytest.raises(NotFound):
        client.allocate_segment(f"none{uuid.uuid4().hex[:12]}", *names[1:])
    with pytest.raises(NotFound):
        client.next_ids(f"none{uuid.uuid4().hex[:12]}")
    with SegmentClient(URL) as nobody, pytest.raises(Unauthorized):
        nobody.next_ids(":".join(names))
