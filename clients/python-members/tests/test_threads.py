"""Threads, processes and real connections."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional

import httpx
import pytest
from conftest import Make
from fake import READ, SECRET, WRITE, Server, Tenon, Time, cut
from tenon_members import Members
from test_feed import until


@pytest.fixture
def real(server: Server, clock: Time) -> Iterator[Callable[..., Members]]:
    """Clients with connections."""
    made = []

    def new(**options: Any) -> Members:
        settings: dict[str, Any] = {"background": False, "clock": clock}
        made.append(Members(server.url + "/", SECRET, **{**settings, **options}))
        return made[-1]

    yield new
    for one in made:
        one.close()


def test_over_a_connection(tenon: Tenon, real: Callable[..., Members], clock: Time) -> None:
    members = real()
    tenon.grant("a/b ä", READ)
    assert members.pull() == 0
    assert members.allowed("a/b ä", *READ)
    clock.pass_by(301)
    assert members.allowed("a/b ä", *READ)
    assert tenon.requests[2].headers["if-none-match"].startswith('"1-')
    tenon.revoke("a/b ä", READ)
    assert members.pull() == 1 and not members.allowed("a/b ä", *READ)
    assert not members.check("a/b ä", *READ)
    members.reconcile()


def test_a_connection_that_ends_or_never_was(tenon: Tenon, real: Callable[..., Members], clock: Time) -> None:
    members = real()
    tenon.grant("ann", READ)
    tenon.plan.append(cut)
    assert members.allowed("ann", *READ)
    tenon.is_down = True
    clock.pass_by(301)
    assert members.allowed("ann", *READ) and members.snapshot("ann").is_stale
    nowhere = Members("http://127.0.0.1:9", SECRET, background=False)
    assert not nowhere.allowed("ann", *READ)
    nowhere.close()


def test_a_server_that_hangs_costs_one_timeout(tenon: Tenon, real: Callable[..., Members]) -> None:
    members = real(timeout=0.2)
    tenon.grant("ann", READ)

    def hang(_: httpx.Request) -> Optional[httpx.Response]:
        time.sleep(0.5)
        return None

    tenon.plan.append(hang)
    begun = time.monotonic()
    for _ in range(10):
        assert not members.allowed("ann", *READ)
    assert time.monotonic() - begun < 0.45


def test_many_who_ask_at_once_ask_once(tenon: Tenon, real: Callable[..., Members], clock: Time) -> None:
    members = real()
    tenon.grant("ann", READ)

    def slow(_: httpx.Request) -> Optional[httpx.Response]:
        time.sleep(0.1)
        return None

    for round in range(3):
        tenon.plan.append(slow)
        barrier = threading.Barrier(8)

        def ask() -> bool:
            barrier.wait()
            return members.allowed("ann", *READ)

        with ThreadPoolExecutor(8) as pool:
            assert all(one.result() for one in [pool.submit(ask) for _ in range(8)])
        assert len(tenon.seen) == round + 1
        clock.pass_by(301)


def test_who_waits_for_an_answer_that_is_overtaken_gets_a_newer_one(
    tenon: Tenon, real: Callable[..., Members]
) -> None:
    members = real()
    members.pull()
    tenon.grant("ann", READ)
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(request: httpx.Request) -> Optional[httpx.Response]:
        answered = httpx.Response(200, json=tenon.document("ann"))
        is_asked.set()
        assert may_answer.wait(5)
        return answered

    tenon.plan.append(slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(members.allowed, "ann", *READ)
        assert is_asked.wait(5)
        tenon.revoke("ann", READ)
        members.pull()
        # These begin after the change is known.
        later = [pool.submit(members.allowed, "ann", *READ) for _ in range(7)]
        time.sleep(0.05)
        may_answer.set()
        assert not any(one.result() for one in later) and not first.result()
    assert tenon.count("/snapshot") == 2


def test_who_waits_for_an_answer_that_was_sent_before_a_role_changed_gets_a_newer_one(
    tenon: Tenon, real: Callable[..., Members]
) -> None:
    members = real()
    members.pull()
    tenon.grant("ann", WRITE)
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(request: httpx.Request) -> Optional[httpx.Response]:
        answered = httpx.Response(200, json=tenon.document("ann"))
        is_asked.set()
        assert may_answer.wait(5)
        return answered

    tenon.plan.append(slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(members.allowed, "ann", *WRITE)
        assert is_asked.wait(5)
        tenon.change_role(["ann"], WRITE, is_granted=False)
        members._cache.mark_all()
        later = [pool.submit(members.allowed, "ann", *WRITE) for _ in range(7)]
        time.sleep(0.05)
        may_answer.set()
        # The first was asked before the change, and its answer is of then.
        assert first.result() and not any(one.result() for one in later)
    assert tenon.count("/snapshot") == 2


def test_eight_threads_while_everything_changes(tenon: Tenon, real: Callable[..., Members]) -> None:
    """What was taken away and heard of is never allowed again, whoever asks."""
    members = real(background=True, pull_every=0.005, max_subs=20)
    subs = [f"user-{number}" for number in range(30)]
    for sub in subs:
        tenon.grant(sub, READ)
    until(lambda: members.allowed(subs[0], *READ))
    until(lambda: members.cursor is not None)
    stop = threading.Event()
    wrong: list[str] = []
    settled: list[str] = []

    def ask(seed: int) -> int:
        pick, count = random.Random(seed), 0
        while not stop.is_set():
            gone = len(settled)
            sub = pick.choice(subs)
            is_gone = sub in settled[:gone]
            if members.allowed(sub, *READ) and is_gone:
                wrong.append(sub)
            if pick.random() < 0.05:
                members.invalidate(sub)
            if pick.random() < 0.01:
                members.snapshot(sub)
            count += 1
        return count

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, seed) for seed in range(8)]
        for number, sub in enumerate(subs[:20]):
            if number % 2:
                tenon.disable(sub)
            else:
                tenon.revoke(sub, READ)
            if number % 5 == 0:
                tenon.change_role(subs[20:], WRITE, is_granted=True)
            if number % 7 == 0:
                tenon.plan.append(cut)
            members.pull()
            settled.append(sub)
            time.sleep(0.02)
        stop.set()
        counts = [one.result(timeout=10) for one in asked]
    assert wrong == [] and all(counts)
    assert not any(members.allowed(sub, *READ) for sub in subs[:20])
    assert all(members.allowed(sub, *READ) and members.allowed(sub, *WRITE) for sub in subs[20:])
    assert len(members._cache) <= 20


def test_a_long_poll_hears_at_once_and_holds_nobody_at_the_end(
    tenon: Tenon, real: Callable[..., Members]
) -> None:
    members = real(background=True, long_poll=25, timeout=0.2)
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    until(lambda: tenon.count("/changes") == 2)
    # Longer than the timeout, since the server may hold the answer back.
    time.sleep(0.4)
    tenon.revoke("ann", READ)
    until(lambda: not members.allowed("ann", *READ), 1.0)
    polls = [one.url.params.get("wait") for one in tenon.requests if one.url.path.endswith("/changes")]
    assert polls[:2] == [None, "25"] and len(polls) <= 3
    begun = time.monotonic()
    members.close()
    assert time.monotonic() - begun < 2.0


def test_a_server_that_does_not_hold_back_is_not_asked_without_end(tenon: Tenon, make: Make) -> None:
    members = make(background=True, long_poll=25)
    for _ in range(5):
        tenon.plan.append(lambda _: httpx.Response(200, json={"items": [], "next_cursor": "1.0", "has_more": False}))
    members.start()
    time.sleep(0.3)
    assert len(tenon.seen) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_has_connections_and_a_thread_of_its_own(
    tenon: Tenon, real: Callable[..., Members]
) -> None:
    members = real(background=True, pull_every=0.01)
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    until(lambda: members.cursor is not None)
    its_end, told = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if members.allowed("ann", *READ):
                os.write(told, b"1")
                until(lambda: not members.allowed("ann", *READ), 10.0)
                code = 0
        finally:
            os._exit(code)
    os.close(told)
    assert os.read(its_end, 1) == b"1"
    os.close(its_end)
    # Heard of by two threads, in two processes.
    tenon.revoke("ann", READ)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    until(lambda: not members.allowed("ann", *READ))
