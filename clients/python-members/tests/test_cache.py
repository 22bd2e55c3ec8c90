"""Answers that come in another order than their questions were sent."""

from __future__ import annotations

from typing import Optional

import httpx
from conftest import Make
from fake import READ, Tenon, Time
from tenon_members import Key
from tenon_members._cache import Cache, Join, Lead, Standing
from tenon_members._clock import Clock
from tenon_members._wire import Absent, Found, NotModified, read_snapshot


def found(tenon: Tenon, sub: str) -> Found:
    answer = read_snapshot(sub, tenon.one(sub, None))
    assert isinstance(answer, Found)
    return answer


def lead(cache: Cache[object], sub: str) -> Lead[object]:
    step = cache.step(sub)
    assert isinstance(step, Lead)
    return step


def test_an_older_answer_does_not_replace_a_newer_one(tenon: Tenon, clock: Time) -> None:
    cache: Cache[object] = Cache(10, Clock(clock), object)
    first = lead(cache, "ann").ticket
    cache.store(first, Absent())
    cache.land("ann")
    # A comparison is sent, then the member is made, asked for and found, then the comparison's answer comes.
    late = cache.tickets()[0]
    clock.pass_by(1)
    tenon.grant("ann", READ)
    cache.mark("ann")
    assert cache.store(lead(cache, "ann").ticket, found(tenon, "ann")) is not None
    cache.land("ann")
    assert cache.store(late, Absent()) is None
    step = cache.step("ann")
    assert isinstance(step, Standing) and step.held is not None and step.held.allows(Key(*READ), clock())


def test_unmodified_is_said_of_what_was_at_hand_then(tenon: Tenon, clock: Time) -> None:
    cache: Cache[object] = Cache(10, Clock(clock), object)
    tenon.grant("ann", READ)
    cache.store(lead(cache, "ann").ticket, found(tenon, "ann"))
    cache.land("ann")
    cache.mark("ann")
    asked = lead(cache, "ann").ticket
    tenon.revoke("ann", READ)
    cache.store(cache.tickets()[0], found(tenon, "ann"))
    clock.pass_by(1)
    assert cache.store(asked, NotModified(10_000.0)) is None
    cache.land("ann")
    clock.pass_by(301)
    assert not isinstance(cache.step("ann"), Standing)


def test_whoever_is_being_asked_for_does_not_leave(tenon: Tenon, make: Make) -> None:
    members = make(max_subs=1)
    members.pull()
    for sub in ("ann", "ben"):
        tenon.grant(sub, READ)

    def another(_: httpx.Request) -> Optional[httpx.Response]:
        assert members.allowed("ben", *READ)
        assert isinstance(members._cache.step("ann"), Join)
        return None

    tenon.plan.append(another)
    assert members.allowed("ann", *READ) and tenon.count("/snapshot") == 2
    assert len(members._cache) == 1
