"""A server in this process that issues ids as Tenon does, and fails as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional

# What to do with a request before it is answered; returns whether it has been answered.
Step = Callable[["Handler"], bool]


class Fake:
    """`plan` holds what happens to the next requests, one step each; then they succeed."""

    def __init__(self) -> None:
        self.plan: deque[Step] = deque()
        self.counter = 0
        self.seen: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.remembered: dict[str, tuple[int, int]] = {}
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Fake:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def issue(self, count: int, token: Optional[str]) -> tuple[int, int]:
        """The same range for the same token."""
        with self.lock:
            if token in self.remembered:
                return self.remembered[token]
            start = self.counter + 1
            self.counter += count
            if token:
                self.remembered[token] = (start, self.counter)
            return start, self.counter


class Server(ThreadingHTTPServer):
    fake: Fake
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Clients that have gone are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is one packet, so that nobody waits for an acknowledgement.
    wbufsize = -1
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        fake = self.server.fake
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with fake.lock:
            fake.seen.append({"path": self.path, "headers": dict(self.headers), "body": self.body})
            fake.times.append(time.monotonic())
            step = fake.plan.popleft() if fake.plan else None
        if step is None or not step(self):
            self.succeed()

    def succeed(self) -> None:
        self.send(200, self.result())

    def result(self) -> dict[str, Any]:
        """Issues."""
        count = self.body.get("segment_count", self.body.get("count"))
        start, end = self.server.fake.issue(count, self.headers["Idempotency-Key"])
        if self.path == "/api/ids/next":
            ids = [str(one) for one in range(start, end + 1)] if count <= 10_000 else []
            return {"key": self.body["key"], "kind": "counter", "ids": ids, "start": str(start), "end": str(end)}
        return envelope(0, f"Allocated segment: {start} to {end}", {"start": start, "end": end})

    def send(self, status: int, document: object, **headers: str) -> None:
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-ID", "request-of-a-test")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def envelope(code: int, message: str, data: object = None) -> dict[str, Any]:
    return {"code": code, "msg": message, "data": data, "traceId": None}


def answer(status: int, document: object, **headers: str) -> Step:
    """Answers so, and issues nothing."""

    def step(handler: Handler) -> bool:
        handler.send(status, document, **headers)
        return True

    return step


def fail(code: int, message: str, **headers: str) -> Step:
    """An error of the envelope."""
    return answer(200, envelope(code, message), **headers)


def hang_up(handler: Handler) -> bool:
    """Issues, and breaks the connection before the answer."""
    handler.result()
    handler.close_connection = True
    return True


def hang_up_before(handler: Handler) -> bool:
    """Breaks the connection without doing anything."""
    handler.close_connection = True
    return True


def cut_off(handler: Handler) -> bool:
    """Issues, and breaks the connection in the middle of the answer."""
    handler.result()
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"code":0,"msg":"Alloc')
    handler.close_connection = True
    return True


def delay(seconds: float) -> Step:
    """Issues at once and answers late."""

    def step(handler: Handler) -> bool:
        document = handler.result()
        time.sleep(seconds)
        handler.send(200, document)
        return True

    return step
