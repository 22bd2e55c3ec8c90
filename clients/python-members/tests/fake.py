"""A Tenon of these tests: who may do what, snapshots, the change feed, messages; it fails as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional
from urllib.parse import unquote

import httpx

SECRET = "a-shared-secret-of-more-than-32-bytes"
HOOK = "whsec_" + base64.b64encode(b"a key of a test, 32 bytes long..").decode()
READ = ("org", "7", "mkt", "read")
WRITE = ("org", "7", "mkt", "write")

Tuple4 = tuple[str, str, str, str]
# What to do with a request instead of answering it; None: answer it all the same.
Step = Callable[[httpx.Request], Optional[httpx.Response]]


class Time:
    """The clock of a test."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def text(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Person:
    def __init__(self) -> None:
        self.version = 0
        self.is_active = True
        self.is_deleted = False
        self.permissions: dict[Tuple4, Optional[float]] = {}


class Tenon:
    """`plan` holds what happens to the next requests; `is_down` is an outage. `skew` is how far its clock is off."""

    max_age = 300
    stale_if_error = 3600
    skew = 0.0

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.people: dict[str, Person] = {}
        self.feed: list[dict[str, Any]] = []
        self.version = 0
        self.epoch = 1
        self.forgotten = 0
        self.page = 1000
        self.is_down = False
        self.plan: deque[Step] = deque()
        self.seen: list[tuple[str, str]] = []
        self.requests: list[httpx.Request] = []
        self.changed = threading.Condition(self.lock)

    # What administrators do.

    def person(self, sub: str) -> Person:
        return self.people.setdefault(sub, Person())

    def grant(self, sub: str, permission: Tuple4, lasts: Optional[float] = None) -> None:
        with self.lock:
            self.person(sub).permissions[permission] = None if lasts is None else self.clock() + lasts
            self.change("grant", sub, permission)

    def revoke(self, sub: str, permission: Tuple4) -> None:
        with self.lock:
            self.person(sub).permissions.pop(permission, None)
            self.change("revoke", sub, permission)

    def disable(self, sub: str) -> None:
        with self.lock:
            self.person(sub).is_active = False
            self.change("user_disabled", sub)

    def enable(self, sub: str) -> None:
        with self.lock:
            self.person(sub).is_active = True
            self.change("user_enabled", sub)

    def delete(self, sub: str) -> None:
        with self.lock:
            self.person(sub).is_deleted = True
            self.change("user_deleted", sub)

    def change_role(self, subs: list[str], permission: Tuple4, is_granted: bool) -> None:
        """One line of the feed, whoever has the role."""
        with self.lock:
            self.change("role_changed", None)
            for sub in subs:
                person = self.person(sub)
                person.version = self.version
                if is_granted:
                    person.permissions[permission] = None
                else:
                    person.permissions.pop(permission, None)

    def change(self, op: str, sub: Optional[str], permission: Optional[Tuple4] = None) -> None:
        with self.lock:
            self.version += 1
            if sub is not None:
                self.person(sub).version = self.version
            names = ("scope_type", "scope_id", "module", "action")
            self.feed.append(
                {
                    "seq": self.version,
                    "authentik_sub": sub,
                    "version": self.version,
                    "op": op,
                    "permission": None if permission is None else dict(zip(names, permission)),
                    "at": text(self.clock()),
                    "request_id": None,
                }
            )
            self.changed.notify_all()

    def restore_backup(self) -> None:
        """Versions begin anew, and cursors of before mean nothing."""
        with self.lock:
            self.epoch += 1
            self.feed.clear()
            self.version = 0
            for person in self.people.values():
                self.version += 1
                person.version = self.version

    def may(self, sub: str, permission: Tuple4) -> bool:
        with self.lock:
            person = self.people.get(sub)
            if person is None or person.is_deleted or not person.is_active or permission not in person.permissions:
                return False
            until = person.permissions[permission]
            return until is None or self.clock() < until

    # The wire.

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        with self.lock:
            self.seen.append((request.method, path))
            self.requests.append(request)
            step = self.plan.popleft() if self.plan else None
        answered = None if step is None else step(request)
        if answered is not None:
            return answered
        if self.is_down:
            raise httpx.ConnectError("nobody is there")
        if request.headers.get("x-internal-secret") != SECRET and "x-client-key" not in request.headers:
            return problem(401, "internal_auth_required")
        return self.answer(request, path)

    def answer(self, request: httpx.Request, path: str) -> httpx.Response:
        if path == "/internal/permissions/changes":
            return self.changes(request.url.params)
        body = json.loads(request.content) if request.content else {}
        with self.lock:
            if path == "/internal/permissions/snapshots":
                return self.several(body)
            if path == "/internal/permissions/check":
                names = ("scope_type", "scope_id", "module", "action")
                sub, asked = body["authentik_sub"], tuple(body[name] for name in names)
                return httpx.Response(200, json={"allowed": self.may(sub, asked), "version": self.version})
            begin, end = "/internal/permissions/", "/snapshot"
            assert path.startswith(begin) and path.endswith(end) and path.count("/") == 4, path
            return self.one(unquote(path[len(begin) : -len(end)]), request.headers.get("if-none-match"))

    def one(self, sub: str, known: Optional[str]) -> httpx.Response:
        person = self.people.get(sub)
        if person is None:
            return problem(404, "user_not_found")
        if person.is_deleted:
            return problem(410, "user_deleted")
        document = self.document(sub)
        headers = {
            "ETag": f'"{person.version}-{document["digest"][7:23]}"',
            "Cache-Control": f"private, max-age={self.max_age}, stale-if-error={self.stale_if_error}",
        }
        if known == headers["ETag"]:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, headers=headers, json=document)

    def document(self, sub: str) -> dict[str, Any]:
        person, now = self.people[sub], self.clock() + self.skew
        names = ("scope_type", "scope_id", "module", "action")
        permissions = [
            {**dict(zip(names, one)), "expires_at": until and text(until + self.skew)}
            for one, until in sorted(person.permissions.items())
            if person.is_active and (until is None or self.clock() < until)
        ]
        ends = [until + self.skew for until in person.permissions.values() if until and until > self.clock()]
        expires = min([now + self.max_age, *ends])
        return {
            "schema": 1,
            "authentik_sub": sub,
            "user_id": f"id-of-{sub}",
            "is_active": person.is_active,
            "version": person.version,
            "generated_at": text(now),
            "expires_at": text(expires),
            "max_age": int(expires - now),
            "stale_if_error": self.stale_if_error,
            "digest": "sha256:" + hashlib.sha256(json.dumps(permissions).encode()).hexdigest(),
            "permissions": permissions,
        }

    def several(self, body: dict[str, Any]) -> httpx.Response:
        assert set(body) == {"subs", "if_versions"} and len(body["subs"]) <= 200
        answer: dict[str, list[Any]] = {"snapshots": [], "not_modified": [], "not_found": []}
        for sub in body["subs"]:
            person = self.people.get(sub)
            if person is None or person.is_deleted:
                answer["not_found"].append(sub)
            elif body["if_versions"].get(sub) == person.version:
                answer["not_modified"].append(sub)
            else:
                answer["snapshots"].append(self.document(sub))
        return httpx.Response(200, json=answer)

    def changes(self, params: Mapping[str, str]) -> httpx.Response:
        with self.changed:
            if "since" not in params:
                return self.items([], self.version, False)
            epoch, _, after = params["since"].partition(".")
            if not after.isdigit():
                return problem(422, "invalid_cursor")
            if int(epoch) != self.epoch or int(after) < self.forgotten:
                return problem(410, "cursor_expired")
            until = time.monotonic() + int(params.get("wait", "0"))
            while True:
                items = [one for one in self.feed if one["seq"] > int(after)]
                left = until - time.monotonic()
                if items or left <= 0:
                    break
                self.changed.wait(left)
            shown = items[: min(self.page, int(params["limit"]))]
            return self.items(shown, shown[-1]["seq"] if shown else int(after), len(shown) < len(items))

    def items(self, items: list[dict[str, Any]], at: int, has_more: bool) -> httpx.Response:
        cursor = f"{self.epoch}.{at}"
        return httpx.Response(200, json={"items": items, "next_cursor": cursor, "has_more": has_more})

    def count(self, ending: str) -> int:
        """How often a path with this end was asked for."""
        return sum(path.endswith(ending) for _, path in self.seen)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    document = {"type": f"urn:member:{code}", "status": status, "code": code, "detail": f"because of {code}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=document, headers=named)


def answer(status: int, code: str, **headers: str) -> Step:
    """Answers so."""
    return lambda _: problem(status, code, **headers)


def silent(_: httpx.Request) -> Optional[httpx.Response]:
    """Never answers."""
    raise httpx.ReadTimeout("no answer in time")


def cut(_: httpx.Request) -> Optional[httpx.Response]:
    """Ends the connection."""
    raise httpx.ReadError("the connection ended")


def message(kind: str, sub: Optional[str], version: Optional[int], permission: Optional[Tuple4] = None) -> bytes:
    """A webhook's body."""
    names = ("scope_type", "scope_id", "module", "action")
    shown = None if permission is None else dict(zip(names, permission))
    data = {"authentik_sub": sub, "version": version, "permission": shown}
    return json.dumps({"id": "evt_1", "type": kind, "at": "2027-01-15T08:00:00Z", "data": data}).encode()


def signed(body: bytes, at: float, secret: str = HOOK, name: str = "evt_1") -> dict[str, str]:
    """A webhook's headers."""
    key = base64.b64decode(secret[len("whsec_") :])
    mac = hmac.new(key, b".".join((name.encode(), str(int(at)).encode(), body)), hashlib.sha256)
    signature = "v1," + base64.b64encode(mac.digest()).decode()
    return {"webhook-id": name, "webhook-timestamp": str(int(at)), "webhook-signature": signature}


class Server(ThreadingHTTPServer):
    """The same at a port of this machine."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, tenon: Tenon) -> None:
        self.tenon = tenon
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, *_: object) -> None:
        """Clients that have gone are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is one packet, so that nobody waits for an acknowledgement.
    wbufsize = -1
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = httpx.Request(self.command, self.server.url + self.path, headers=dict(self.headers), content=content)
        try:
            answered = self.server.tenon.handle(request)
        except httpx.TransportError:
            self.close_connection = True
            return
        body = answered.read()
        self.send_response(answered.status_code)
        for name, value in answered.headers.items():
            if name != "content-length":
                self.send_header(name, value)
        if answered.status_code != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET
