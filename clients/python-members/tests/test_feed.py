"""The change feed, and the comparison of all that is remembered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Callable, Optional

import httpx
import pytest
from conftest import Make
from fake import READ, WRITE, Tenon, Time, answer, problem
from tenon_members import Change, Key, Members, Unauthorized, Unavailable, UnknownMember


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Waits for a thread of the client."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def test_the_first_answer_is_only_where_the_feed_stands(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    assert members.cursor is None and members.pull() == 0
    assert members.cursor == "1.1" and tenon.requests[0].url.query == b""


def test_a_change_is_asked_for_at_the_next_use(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", READ)
    tenon.grant("ben", READ)
    assert members.allowed("ann", *READ) and members.allowed("ben", *READ)
    tenon.revoke("ann", READ)
    assert members.allowed("ann", *READ)
    assert members.pull() == 3
    assert not members.allowed("ann", *READ) and members.allowed("ben", *READ)
    assert [path.split("/")[3] for _, path in tenon.seen if path.endswith("/snapshot")] == ["ann", "ben", "ann"]
    assert members.pull() == 0


def test_what_was_read_before_the_feed_began_is_asked_for_again(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    # This change is before the cursor.
    members.pull()
    assert not members.allowed("ann", *READ)


def test_what_the_feed_says_while_a_snapshot_is_on_its_way_is_not_lost(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", READ)
    behind = tenon.document("ann")

    def overtaken(_: httpx.Request) -> Optional[httpx.Response]:
        tenon.revoke("ann", READ)
        members.pull()
        return httpx.Response(200, json=behind)

    tenon.plan.append(overtaken)
    assert not members.allowed("ann", *READ) and members.snapshot("ann").version == 2


def test_what_is_given_while_a_snapshot_is_on_its_way_is_there(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", WRITE)
    behind = tenon.document("ann")

    def overtaken(_: httpx.Request) -> Optional[httpx.Response]:
        tenon.grant("ann", READ)
        members.pull()
        return httpx.Response(200, json=behind)

    tenon.plan.append(overtaken)
    assert members.allowed("ann", *READ)


def test_a_role_concerns_everybody(tenon: Tenon, members: Members) -> None:
    subs = [f"user-{number}" for number in range(5)]
    for sub in subs:
        tenon.grant(sub, READ)
    members.pull()
    assert all(members.allowed(sub, *READ) and not members.allowed(sub, *WRITE) for sub in subs)
    tenon.change_role(subs[:2], WRITE, is_granted=True)
    members.pull()
    tenon.seen.clear()
    assert [members.allowed(sub, *WRITE) for sub in subs] == [True, True, False, False, False]
    assert len(tenon.seen) == 5
    assert all(members.allowed(sub, *READ) for sub in subs) and len(tenon.seen) == 5


def test_a_role_that_changes_while_a_snapshot_is_on_its_way(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", WRITE)
    members.pull()

    def overtaken(_: httpx.Request) -> Optional[httpx.Response]:
        behind = tenon.document("ann")
        tenon.change_role(["ann"], WRITE, is_granted=False)
        members.pull()
        return httpx.Response(200, json=behind)

    tenon.plan.append(overtaken)
    # The answer may be the one or the other; the next is the new one.
    members.allowed("ann", *WRITE)
    assert not members.allowed("ann", *WRITE)


@pytest.mark.parametrize("op", ["revoke", "disable", "delete", "expire"])
def test_what_is_taken_away_is_gone_also_when_an_outage_begins_at_once(
    tenon: Tenon, members: Members, op: str
) -> None:
    members.pull()
    tenon.grant("ann", READ)
    tenon.grant("ann", WRITE)
    assert members.allowed("ann", *READ)
    if op == "revoke":
        tenon.revoke("ann", READ)
    elif op == "disable":
        tenon.disable("ann")
    elif op == "delete":
        tenon.delete("ann")
    else:
        tenon.change("expire", "ann", READ)
    members.pull()
    tenon.is_down = True
    assert not members.allowed("ann", *READ)
    assert members.allowed("ann", *WRITE) is (op in ("revoke", "expire"))


def test_changes_of_before_are_ignored(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", READ)
    tenon.revoke("ann", READ)
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.seen.clear()
    assert members.pull() == 3
    assert members.allowed("ann", *READ) and tenon.count("/snapshot") == 0


def test_a_lost_answer_is_asked_for_again(tenon: Tenon, make: Make) -> None:
    heard: list[Change] = []
    members = make(on_change=heard.append)
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)

    def lost(request: httpx.Request) -> Optional[httpx.Response]:
        tenon.answer(request, "/internal/permissions/changes")
        raise httpx.ReadTimeout("the answer was lost")

    before = members.cursor
    tenon.plan.extend([lost, answer(503, "database_unavailable"), lambda _: httpx.Response(200, text="{")])
    for _ in range(3):
        with pytest.raises(Exception, match="answer|database_unavailable"):
            members.pull()
        assert members.cursor == before and heard == []
    assert members.pull() == 2
    assert [one.op for one in heard] == ["grant", "revoke"]
    assert not members.allowed("ann", *READ)


def test_pages_are_followed_to_the_end(tenon: Tenon, make: Make) -> None:
    cursors: list[str] = []
    members = make(on_cursor=cursors.append)
    members.pull()
    tenon.page = 3
    for _ in range(8):
        tenon.grant("ann", READ)
    assert members.pull() == 8 and cursors == ["1.0", "1.3", "1.6", "1.8"]
    # Where nothing moves, it is not asked without end.
    still: Mapping[str, Any] = {"items": [], "next_cursor": "1.8", "has_more": True}
    tenon.plan.extend([lambda _: httpx.Response(200, json=still)] * 3)
    assert members.pull() == 0 and len(cursors) == 4 and len(tenon.plan) == 2


def test_a_stored_cursor_goes_on_where_it_was(tenon: Tenon, make: Make) -> None:
    stored: list[str] = []
    first = make(on_cursor=stored.append)
    first.pull()
    tenon.grant("ann", READ)
    first.pull()
    first.close()
    tenon.grant("ben", READ)
    tenon.revoke("ann", READ)
    heard: list[Change] = []
    second = make(cursor=stored[-1], on_change=heard.append, on_cursor=stored.append)
    assert second.pull() == 2
    assert [(one.op, one.sub, one.version, one.permission) for one in heard] == [
        ("grant", "ben", 2, Key(*READ)),
        ("revoke", "ann", 3, Key(*READ)),
    ]
    assert heard[0].at is not None and stored == ["1.0", "1.1", "1.3"]


def test_a_cursor_is_given_out_only_after_its_changes(tenon: Tenon, make: Make) -> None:
    events: list[object] = []
    members = make(on_change=lambda change: events.append(change.op), on_cursor=events.append)
    members.pull()
    tenon.grant("ann", READ)
    tenon.disable("ann")
    members.pull()
    assert events == ["1.0", "grant", "user_disabled", "1.2"]


def test_a_hook_that_fails_stops_nothing(tenon: Tenon, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise KeyError("a bug of somebody")

    members = make(on_change=fail, on_cursor=fail)
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    assert members.pull() == 2 and not members.allowed("ann", *READ)
    assert "on_change failed" in caplog.text and "on_cursor failed" in caplog.text


@pytest.mark.parametrize(
    "refuse",
    [
        lambda _: problem(410, "cursor_expired"),
        lambda _: problem(409, "cursor_expired"),
        lambda _: problem(422, "validation_error"),
    ],
)
def test_a_cursor_that_ended_leads_to_a_full_reading(
    tenon: Tenon, make: Make, refuse: Callable[[httpx.Request], httpx.Response]
) -> None:
    heard: list[Change] = []
    members = make(on_change=heard.append)
    members.pull()
    for number in range(450):
        tenon.grant(f"user-{number}", READ)
        assert members.allowed(f"user-{number}", *READ)
    tenon.revoke("user-7", READ)
    tenon.delete("user-8")
    tenon.seen.clear()
    tenon.plan.append(refuse)
    members.pull()
    # The new cursor comes before the reading.
    assert [path.rsplit("/")[-1] for _, path in tenon.seen] == ["changes"] * 2 + ["snapshots"] * 3
    assert [one.op for one in heard] == ["resync"] and members.cursor == "1.452"
    tenon.seen.clear()
    assert not members.allowed("user-7", *READ) and not members.allowed("user-8", *READ)
    assert members.allowed("user-9", *READ) and members.allowed("user-449", *READ) and tenon.seen == []


def test_after_a_restored_backup_lower_versions_count(tenon: Tenon, members: Members) -> None:
    members.pull()
    for _ in range(5):
        tenon.grant("ann", READ)
        tenon.revoke("ann", READ)
    tenon.grant("ann", READ)
    assert members.snapshot("ann").version == 11
    tenon.people["ann"].permissions.clear()
    tenon.restore_backup()
    members.pull()
    assert members.snapshot("ann").version == 1 and not members.allowed("ann", *READ)
    tenon.grant("ann", READ)
    members.pull()
    assert members.allowed("ann", *READ)


def test_a_full_reading_that_fails_leaves_nothing_that_is_used_unasked(
    tenon: Tenon, members: Members, clock: Time
) -> None:
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    tenon.epoch += 1
    tenon.plan.extend([lambda _: None, lambda _: None, answer(500, "internal")])
    members.pull()
    assert not members.allowed("ann", *READ)


def test_what_was_on_its_way_when_the_feed_began_anew_is_not_used(tenon: Tenon, members: Members) -> None:
    members.pull()
    for _ in range(3):
        tenon.grant("ann", READ)
    behind = tenon.document("ann")

    def overtaken(_: httpx.Request) -> Optional[httpx.Response]:
        tenon.people["ann"].permissions.clear()
        tenon.restore_backup()
        members.pull()
        return httpx.Response(200, json=behind)

    tenon.plan.append(overtaken)
    assert not members.allowed("ann", *READ) and members.snapshot("ann").version == 1


def test_all_is_compared_in_few_questions(tenon: Tenon, members: Members, clock: Time) -> None:
    subs = [f"user-{number}" for number in range(250)]
    for sub in subs:
        tenon.grant(sub, READ)
        assert members.allowed(sub, *READ)
    assert not members.allowed("nobody", *READ)
    # The feed is silent about all of this.
    tenon.revoke("user-3", READ)
    tenon.delete("user-4")
    tenon.grant("nobody", READ)
    clock.pass_by(290)
    tenon.seen.clear()
    members.reconcile()
    assert [path for _, path in tenon.seen] == ["/internal/permissions/snapshots"] * 2
    assert not members.allowed("user-3", *READ) and not members.allowed("user-4", *READ)
    assert members.allowed("nobody", *READ)
    # What was found to hold is as good as new.
    clock.pass_by(290)
    assert members.allowed("user-5", *READ) and len(tenon.seen) == 2
    clock.pass_by(20)
    tenon.requests.clear()
    # Also its tag, which such an answer does not have.
    assert not members.allowed("user-3", *READ) and members.allowed("user-6", *READ)
    assert [request.headers["if-none-match"].partition("-")[0] for request in tenon.requests] == ['"251', '"7']


def test_a_comparison_does_not_undo_what_was_heard_meanwhile(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    members.invalidate("ann")

    def overtaken(request: httpx.Request) -> Optional[httpx.Response]:
        answered = tenon.answer(request, "/internal/permissions/snapshots")
        tenon.revoke("ann", READ)
        members.pull()
        return answered

    tenon.plan.append(overtaken)
    members.reconcile()
    assert not members.allowed("ann", *READ)


def test_a_comparison_raises_what_it_meets(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    members.allowed("ann", *READ)
    tenon.plan.extend([answer(403, "insufficient_scope"), answer(401, "internal_auth_required")])
    with pytest.raises(Unauthorized):
        members.reconcile()
    with pytest.raises(Unauthorized):
        members.pull()
    tenon.is_down = True
    with pytest.raises(Unavailable):
        members.reconcile()
    assert members.allowed("ann", *READ)


def test_the_thread_pulls_and_compares_by_itself(tenon: Tenon, make: Make, clock: Time) -> None:
    tenon.grant("ann", READ)
    with make(background=True, pull_every=0.01, reconcile_every=1000.0) as members:
        until(lambda: members.cursor is not None)
        assert members.allowed("ann", *READ)
        tenon.revoke("ann", READ)
        until(lambda: not members.allowed("ann", *READ))
        assert tenon.count("/snapshots") == 0
        # It goes on after an outage.
        tenon.is_down = True
        seen = len(tenon.seen)
        until(lambda: len(tenon.seen) > seen)
        tenon.is_down = False
        tenon.grant("ann", WRITE)
        clock.pass_by(10)
        until(lambda: members.allowed("ann", *WRITE))
        clock.pass_by(1001)
        until(lambda: tenon.count("/snapshots") == 1)
        members.close()
        seen = len(tenon.seen)
        time.sleep(0.05)
        assert len(tenon.seen) == seen


def test_the_thread_begins_with_the_first_use(tenon: Tenon, make: Make) -> None:
    members = make(background=True, pull_every=0.01)
    time.sleep(0.03)
    assert tenon.seen == []
    with pytest.raises(UnknownMember):
        members.snapshot("ann")
    until(lambda: members.cursor is not None)


def test_an_unknown_change_is_taken_seriously(tenon: Tenon, members: Members) -> None:
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    members.pull()
    tenon.people["ann"].permissions.clear()
    tenon.change("something_new", "ann")
    members.pull()
    assert not members.allowed("ann", *READ)


@pytest.mark.parametrize(
    "item",
    [
        {"op": "grant", "authentik_sub": 7},
        {"op": None},
        {"op": "grant", "version": "7"},
        "grant",
    ],
)
def test_a_page_of_another_kind_is_an_error_and_moves_nothing(tenon: Tenon, members: Members, item: Any) -> None:
    members.pull()
    page: Mapping[str, Any] = {"items": [item], "next_cursor": "1.9", "has_more": False}
    tenon.plan.append(lambda _: httpx.Response(200, json=page))
    with pytest.raises(Exception, match="not what Tenon sends"):
        members.pull()
    assert members.cursor == "1.0"
