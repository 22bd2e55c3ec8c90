from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import httpx
import pytest
from fake import HOOK, SECRET, Server, Tenon, Time
from tenon_members import Members

Make = Callable[..., Members]


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def tenon(clock: Time) -> Tenon:
    return Tenon(clock)


@pytest.fixture
def server(tenon: Tenon) -> Iterator[Server]:
    with Server(tenon) as running:
        yield running


@pytest.fixture
def make(tenon: Tenon, clock: Time) -> Iterator[Make]:
    """Clients of the fake without a socket, and without a thread unless it is asked for."""
    made = []

    def new(**options: Any) -> Members:
        settings: dict[str, Any] = {
            "internal_secret": SECRET,
            "background": False,
            "clock": clock,
            "webhook_secrets": HOOK,
            "transport": httpx.MockTransport(tenon.handle),
        }
        made.append(Members("http://tenon.test", **{**settings, **options}))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def members(make: Make) -> Members:
    return make()
