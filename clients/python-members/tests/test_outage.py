"""A service on FastAPI whose Tenon is killed: it goes on with what it remembers, then denies, then recovers.

Tenon is the binary at TENON_BIN, the service is examples/fastapi_app.py in uvicorn. The outage lasts
TENON_FAULT_SECONDS, 12 unless said otherwise. Tenon lets its answers be used for a sixth of it, and for half of it
more while it cannot be asked, so that the last third is denied.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable

import httpx
import pytest

TENON = os.environ.get("TENON_BIN", "")
OUTAGE = float(os.environ.get("TENON_FAULT_SECONDS", "12"))
MAX_AGE = round(OUTAGE / 6)
STALE = round(OUTAGE / 2)
SECRET = "an internal secret of this test only"
PASSWORD = "correct horse battery staple"
# The library's own: after a failure nobody asks for up to 5 s; the feed is asked every minute.
LONGEST_PAUSE, PULL_EVERY = 5.0, 60.0

pytestmark = [
    pytest.mark.skipif(not TENON, reason="TENON_BIN is not set"),
    pytest.mark.skipif(importlib.util.find_spec("uvicorn") is None, reason="uvicorn is not installed"),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert isinstance(port, int)
    return port


@contextmanager
def running(command: list[str], place: Path, log: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    with (place / log).open("ab") as output:
        with subprocess.Popen(command, cwd=place, env={**kept, **settings}, stdout=output, stderr=output) as process:
            try:
                yield process
            finally:
                process.kill()


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Waits for it; how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - begun


class World:
    """A Tenon with somebody who may read campaigns, and the service that asks it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port, port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.person = httpx.Client(base_url=self.url)
        self.program = httpx.Client(base_url=self.url)
        self.service = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0)
        src, examples = (str(Path(__file__).parent.parent / name) for name in ("src", "examples"))
        self.uvicorn = running(
            [sys.executable, "-m", "uvicorn", "--app-dir", examples, "--factory", "fastapi_app:create_app"]
            + ["--port", str(port), "--log-level", "warning"],
            place,
            "service.log",
            PYTHONPATH=src,
            PYTHONDONTWRITEBYTECODE="1",
            TENON_URL=self.url,
            TENON_INTERNAL_SECRET=SECRET,
        )

    def tenon(self) -> ExitStack:
        """Tenon, until the stack is closed; it is killed then."""
        stack = ExitStack()
        process = stack.enter_context(
            running(
                [TENON, "serve", "--env", "dev", "--port", str(self.port)],
                self.place,
                "tenon.log",
                DATA_DIR=str(self.place / "data"),
                LOG_LEVEL="warn",
                RATE_LIMIT_PER_MINUTE="0",
                INTERNAL_SHARED_SECRET=SECRET,
                SNAPSHOT_MAX_AGE=str(MAX_AGE),
                SNAPSHOT_STALE_IF_ERROR=str(STALE),
            )
        )
        until(lambda: answers(self.url + "/readyz") == 200, 60)
        stack.callback(process.send_signal, signal.SIGKILL)
        return stack

    def set_up(self) -> None:
        credentials = {"username": "ada", "password": PASSWORD}
        signed = self.person.post("/api/auth/init-user", json={**credentials, "organization": "Campaigns"})
        signed.raise_for_status()
        self.authorization = {"Authorization": f"Bearer {signed.json()['access_token']}"}
        me = self.person.get("/me", headers=self.authorization).raise_for_status().json()
        self.sub, self.org = str(me["authentik_sub"]), str(me["org_id"])
        wish = {
            "name": "office",
            "scopes": ["permissions:write", "catalog:write"],
            "may_grant": ["mkt:read"],
            "calls_per_minute": 0,
        }
        made = self.person.post("/api/member-clients/", json=wish, headers=self.authorization).raise_for_status().json()
        self.program.headers.update({"x-client-key": made["client_key"], "x-api-key": made["api_key"]})
        for name in ("module/mkt", "action/read"):
            self.program.put(f"/admin/permission-catalog/{name}", json={}).raise_for_status()

    def does(self, verb: str) -> None:
        body = {
            "authentik_sub": self.sub,
            "scope_type": "org",
            "scope_id": self.org,
            "module": "mkt",
            "action": "read",
        }
        self.program.post(f"/admin/permissions/{verb}", json=body).raise_for_status()

    def reads(self) -> httpx.Response:
        return self.service.get(f"/orgs/{self.org}/campaigns", headers=self.authorization)

    def writes(self) -> httpx.Response:
        return self.service.post(f"/orgs/{self.org}/campaigns?name=spring", headers=self.authorization)

    def close(self) -> None:
        for one in (self.person, self.program, self.service):
            one.close()


def answers(url: str) -> int:
    try:
        return httpx.get(url, timeout=2.0).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_a_service_goes_on_while_tenon_is_killed_then_denies_then_recovers(world: World) -> None:
    with ExitStack() as everything:
        tenon = everything.enter_context(world.tenon())
        world.set_up()
        world.does("grant")
        everything.enter_context(world.uvicorn)
        until(lambda: answers(f"{world.service.base_url}/openapi.json") == 200, 60)

        assert world.reads().status_code == 200 and world.writes().status_code == 403
        # What is remembered now is asked for anew once more, so that it is known how old it is.
        time.sleep(MAX_AGE + 0.2)
        asked = time.monotonic()
        assert world.reads().status_code == 200
        answered = time.monotonic()
        tenon.close()
        killed = time.monotonic()

        seen: list[tuple[float, float, int, str]] = []
        while time.monotonic() < killed + OUTAGE:
            begun = time.monotonic()
            answer = world.reads()
            seen.append((begun, time.monotonic(), answer.status_code, answer.text))
            if len(seen) == 2:
                assert world.writes().status_code == 403, "what is not granted is not granted in an outage"
                other = world.service.get(f"/orgs/{world.org}/campaigns", headers={"Authorization": "Bearer another"})
                assert other.status_code == 503, "nobody can say who this is"
            time.sleep(OUTAGE / 240)

        served = [one for one in seen if one[2] == 200]
        denied = [one for one in seen if one[2] == 503]
        promised = MAX_AGE + STALE
        print(
            f"\nkilled for {time.monotonic() - killed:.1f} s; {len(seen)} requests; served for "
            f"{served[-1][1] - killed:.1f} s of {promised} promised; then denied {len(denied)} times; "
            f"the slowest took {max(end - begun for begun, end, *_ in seen):.3f} s"
        )
        assert len(served) + len(denied) == len(seen), [one for one in seen if one not in served + denied]
        for begun, end, status, body in seen:
            if end < asked + promised:
                assert status == 200, f"denied {begun - killed:.2f} s after the kill: {body}"
            if begun > answered + promised:
                assert status == 503 and "mkt read: unavailable" in body, f"not denied after {begun - killed:.2f} s"
        assert served and denied and denied[0][0] >= served[-1][0]
        # Who asks does not wait for a time-out.
        assert max(end - begun for begun, end, *_ in seen) < 2.0
        assert world.writes().status_code == 503

        everything.enter_context(world.tenon())
        took = until(lambda: world.reads().status_code == 200, LONGEST_PAUSE + 5.0)
        print(f"served again {took:.1f} s after Tenon was back")
        assert world.writes().status_code == 403
        world.does("revoke")
        took = until(lambda: world.reads().status_code == 403, min(MAX_AGE, PULL_EVERY) + LONGEST_PAUSE + 5.0)
        print(f"a permission that was taken was gone {took:.1f} s later")
