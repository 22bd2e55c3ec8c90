"""Snapshots: how long they are used, when they are asked for again, what an outage does."""

from __future__ import annotations

import logging
from typing import Any, Optional

import httpx
import pytest
from conftest import Make
from fake import READ, SECRET, WRITE, Tenon, Time, answer, cut, silent
from tenon_members import (
    Denied,
    Members,
    Permission,
    TenonMembersError,
    Unauthorized,
    Unavailable,
    UnknownMember,
)


def test_what_is_granted_is_allowed_and_nothing_else(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    for other in (WRITE, ("org", "8", "mkt", "read"), ("team", "7", "mkt", "read"), ("org", "7", "crm", "read")):
        assert not members.allowed("ann", *other)
    assert not members.allowed("Ann", *READ)
    snapshot = members.snapshot("ann")
    assert snapshot.sub == "ann" and snapshot.user_id == "id-of-ann" and snapshot.version == 1
    assert snapshot.permissions == (Permission(*READ),) and snapshot.allows(*READ) and not snapshot.is_stale
    assert (snapshot.expires_at - snapshot.generated_at).total_seconds() == 300


def test_a_snapshot_is_used_until_it_expires_and_then_asked_for_with_its_tag(
    tenon: Tenon, members: Members, clock: Time
) -> None:
    tenon.grant("ann", READ)
    for _ in range(3):
        assert members.allowed("ann", *READ)
        clock.pass_by(99.9)
    assert len(tenon.seen) == 1 and "if-none-match" not in tenon.requests[0].headers
    clock.pass_by(0.4)
    assert members.allowed("ann", *READ)
    assert tenon.requests[1].headers["if-none-match"].startswith('"1-')
    # 304 keeps it for as long again, by its Cache-Control.
    clock.pass_by(299.9)
    assert members.allowed("ann", *READ) and len(tenon.seen) == 2
    tenon.revoke("ann", READ)
    clock.pass_by(0.2)
    assert not members.allowed("ann", *READ) and len(tenon.seen) == 3


def test_clocks_need_not_agree(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.skew = -86_400.0
    tenon.grant("ann", READ)
    tenon.grant("ann", WRITE, lasts=100)
    assert members.allowed("ann", *READ) and members.allowed("ann", *WRITE)
    clock.pass_by(99)
    assert members.allowed("ann", *WRITE) and len(tenon.seen) == 1
    clock.pass_by(2)
    assert not members.allowed("ann", *WRITE) and members.allowed("ann", *READ)


def test_when_a_permission_ends_it_is_asked_again(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ, lasts=400)
    assert members.allowed("ann", *READ)
    # 304 says 300 seconds, whatever ends within them.
    clock.pass_by(300)
    assert members.allowed("ann", *READ) and len(tenon.seen) == 2
    clock.pass_by(100)
    assert not members.allowed("ann", *READ) and len(tenon.seen) == 3


def test_a_permission_ends_at_its_time_also_in_an_outage(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ, lasts=100)
    tenon.grant("ann", WRITE)
    assert members.allowed("ann", *READ)
    tenon.is_down = True
    clock.pass_by(100)
    assert not members.allowed("ann", *READ) and members.allowed("ann", *WRITE)
    assert [one.action for one in members.snapshot("ann").permissions] == ["write"]


def test_an_outage_is_survived_for_as_long_as_tenon_says_and_then_denied(
    tenon: Tenon, members: Members, clock: Time
) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.is_down = True
    clock.pass_by(301)
    assert members.allowed("ann", *READ) and members.snapshot("ann").is_stale
    clock.pass_by(3598)
    assert members.allowed("ann", *READ)
    clock.pass_by(2)
    assert not members.allowed("ann", *READ)
    with pytest.raises(Denied) as caught:
        members.require("ann", *READ)
    assert caught.value.reason == "unavailable"
    with pytest.raises(Unavailable, match="nobody is there"):
        members.snapshot("ann")
    tenon.is_down = False
    clock.pass_by(10)
    assert members.allowed("ann", *READ) and not members.snapshot("ann").is_stale


@pytest.mark.parametrize(
    "step",
    [
        silent,
        cut,
        answer(500, "internal"),
        answer(503, "database_unavailable"),
        answer(429, "rate_limited", Retry_After="7"),
        answer(401, "internal_auth_required"),
        answer(422, "validation_error"),
        answer(302, "elsewhere", Location="http://elsewhere.test/"),
        lambda _: httpx.Response(200, text="<html>a portal</html>"),
        lambda _: httpx.Response(200, json={"schema": 1}),
    ],
)
def test_whatever_goes_wrong_serves_what_is_at_hand_and_never_raises(
    tenon: Tenon, members: Members, clock: Time, step: Any
) -> None:
    tenon.plan.extend([step, step])
    tenon.grant("ann", READ)
    # Nothing is at hand yet.
    assert not members.allowed("ann", *READ)
    tenon.plan.clear()
    clock.pass_by(61)
    assert members.allowed("ann", *READ)
    clock.pass_by(301)
    tenon.plan.extend([step, step])
    assert members.allowed("ann", *READ) and members.snapshot("ann").is_stale
    tenon.plan.clear()
    clock.pass_by(61)
    assert not members.snapshot("ann").is_stale


def test_a_broken_connection_is_tried_once_more(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    tenon.plan.append(cut)
    assert members.allowed("ann", *READ) and len(tenon.seen) == 2


def test_in_an_outage_not_every_call_asks(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.is_down = True
    for number in range(100):
        assert not members.allowed(f"user-{number}", *READ)
    assert len(tenon.seen) == 1
    for _ in range(100):
        clock.pass_by(0.1)
        members.allowed("ann", *READ)
    # After 1, 2 and 4 seconds.
    assert len(tenon.seen) == 4
    tenon.is_down = False
    tenon.grant("ann", READ)
    clock.pass_by(5)
    assert members.allowed("ann", *READ)
    tenon.grant("ben", READ)
    assert members.allowed("ben", *READ)


def test_retry_after_is_heeded(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ)
    tenon.plan.append(answer(429, "rate_limited", Retry_After="20"))
    assert not members.allowed("ann", *READ)
    clock.pass_by(19)
    assert not members.allowed("ann", *READ) and len(tenon.seen) == 1
    clock.pass_by(2)
    assert members.allowed("ann", *READ)


def test_one_member_whose_snapshot_fails_does_not_stop_the_others(tenon: Tenon, members: Members) -> None:
    tenon.grant("ben", READ)
    tenon.plan.append(answer(500, "internal"))
    assert not members.allowed("ann", *READ)
    assert members.allowed("ben", *READ)


def test_the_disabled_the_deleted_and_the_unknown_may_nothing(tenon: Tenon, members: Members, clock: Time) -> None:
    for sub in ("ann", "ben"):
        tenon.grant(sub, READ)
        assert members.allowed(sub, *READ)
    tenon.disable("ann")
    tenon.delete("ben")
    clock.pass_by(301)
    for sub, reason in (("ann", "disabled"), ("ben", "unknown"), ("carl", "unknown")):
        assert not members.allowed(sub, *READ)
        with pytest.raises(Denied) as caught:
            members.require(sub, *READ)
        assert caught.value.reason == reason
    assert members.snapshot("ann").is_active is False
    for sub in ("ben", "carl"):
        with pytest.raises(UnknownMember):
            members.snapshot(sub)
    members.invalidate("ann")
    tenon.enable("ann")
    members.require("ann", *READ)
    with pytest.raises(Denied, match="mkt write in org 7 is not granted") as denied:
        members.require("ann", *WRITE)
    assert denied.value.reason == "not_granted"


def test_somebody_unknown_is_asked_for_again_only_after_a_while(tenon: Tenon, members: Members, clock: Time) -> None:
    for _ in range(5):
        assert not members.allowed("ann", *READ)
    assert len(tenon.seen) == 1
    tenon.grant("ann", READ)
    clock.pass_by(30)
    assert members.allowed("ann", *READ)


def test_a_deleted_member_stays_denied_in_an_outage(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.delete("ann")
    clock.pass_by(301)
    assert not members.allowed("ann", *READ)
    tenon.is_down = True
    clock.pass_by(31)
    assert not members.allowed("ann", *READ)


def test_versions_never_go_back(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ)
    behind = tenon.document("ann")
    tenon.revoke("ann", READ)
    assert not members.allowed("ann", *READ)
    clock.pass_by(301)
    # A replica that is behind.
    tenon.plan.append(lambda _: httpx.Response(200, headers={"ETag": '"1-x"'}, json=behind))
    assert not members.allowed("ann", *READ) and members.snapshot("ann").version == 2
    assert members.snapshot("ann").is_stale
    clock.pass_by(2)
    assert members.snapshot("ann").version == 2 and not members.snapshot("ann").is_stale


def test_a_version_that_was_only_heard_of_is_not_undercut(tenon: Tenon, members: Members, clock: Time) -> None:
    members.pull()
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    behind = tenon.document("ann")
    tenon.revoke("ann", READ)
    members.pull()
    tenon.plan.append(lambda _: httpx.Response(200, json=behind))
    assert not members.allowed("ann", *READ)
    clock.pass_by(2)
    assert not members.allowed("ann", *READ) and members.snapshot("ann").version == 2


def test_the_least_lately_used_leave(tenon: Tenon, make: Make) -> None:
    members = make(max_subs=3)
    for sub in "abcd":
        tenon.grant(sub, READ)
    for sub in "abcabdacb":
        assert members.allowed(sub, *READ)
    assert [path.split("/")[3] for _, path in tenon.seen] == ["a", "b", "c", "d", "c", "b"]
    assert len(members._cache) == 3


def test_invalidate_asks_at_the_next_use(tenon: Tenon, members: Members) -> None:
    for sub in ("ann", "ben"):
        tenon.grant(sub, READ)
        assert members.allowed(sub, *READ)
        tenon.revoke(sub, READ)
    members.invalidate("ann")
    members.invalidate("nobody")
    assert not members.allowed("ann", *READ) and members.allowed("ben", *READ)
    members.invalidate_all()
    assert not members.allowed("ben", *READ)


def test_without_a_lifetime_every_call_asks(tenon: Tenon, members: Members) -> None:
    tenon.max_age = tenon.stale_if_error = 0
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ) and members.allowed("ann", *READ) and len(tenon.seen) == 2
    assert not members.snapshot("ann").is_stale
    tenon.is_down = True
    assert not members.allowed("ann", *READ)


@pytest.mark.parametrize(
    "sub", ["a/b", "ann@example.com", "a%2Fb", "ä ö", "?x=1#y", ".", "..", "...", "a;b\\c", "名前"]
)
def test_names_of_any_kind_reach_the_server_as_they_are(tenon: Tenon, members: Members, sub: str) -> None:
    tenon.grant(sub, READ)
    assert members.allowed(sub, *READ) and members.snapshot(sub).sub == sub


@pytest.mark.parametrize("sub", [" ann", "ann\n", "a\0b", "x" * 256, "\ud800", "a\x9fb"])
def test_names_that_nobody_can_have_are_not_asked_for(tenon: Tenon, members: Members, sub: str) -> None:
    assert not members.allowed(sub, *READ) and not members.check(sub, *READ)
    with pytest.raises(UnknownMember):
        members.snapshot(sub)
    assert tenon.seen == []


def test_a_scope_that_cannot_be_is_no(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    for scope in ("", "*", "7 ", "x" * 129):
        assert not members.allowed("ann", "org", scope, "mkt", "read")
        with pytest.raises(Denied):
            members.require("ann", "org", scope, "mkt", "read")


@pytest.mark.parametrize("at", [0, 2, 3])
@pytest.mark.parametrize("word", ["", "*", "Mkt", "1a", "x" * 64, None])
def test_misuse_is_raised(members: Members, at: int, word: Any) -> None:
    asked: list[Any] = list(READ)
    asked[at] = word
    with pytest.raises(ValueError):
        members.allowed("ann", *asked)


def test_nobody_is_not_somebody(members: Members) -> None:
    nobody: Any = None
    with pytest.raises(ValueError):
        members.allowed("", *READ)
    with pytest.raises(TypeError):
        members.allowed(nobody, *READ)
    with pytest.raises(TypeError):
        members.allowed("ann", "org", nobody, "mkt", "read")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"authentik_sub": "ben"},
        {"version": "1"},
        {"version": True},
        {"is_active": 1},
        {"is_active": None},
        {"permissions": None},
        {"permissions": [{"scope_type": "org"}]},
        {"expires_at": "soon"},
        {"expires_at": None},
        {"generated_at": "2027-13-01T00:00:00Z"},
        {"stale_if_error": None},
    ],
)
def test_a_snapshot_of_another_kind_is_not_used(tenon: Tenon, members: Members, changes: dict[str, Any]) -> None:
    tenon.grant("ann", READ)
    tenon.plan.append(lambda _: httpx.Response(200, json={**tenon.document("ann"), **changes}))
    assert not members.allowed("ann", *READ)
    with pytest.raises(Unavailable, match="not what Tenon sends"):
        members.snapshot("ann")


@pytest.mark.parametrize("time", ["2027-01-15T08:05:00Z", "2027-01-15t10:05:00.123456789+02:00"])
def test_times_are_read_as_they_are_written(tenon: Tenon, members: Members, time: str) -> None:
    tenon.grant("ann", READ)
    tenon.plan.append(lambda _: httpx.Response(200, json={**tenon.document("ann"), "expires_at": time}))
    at = members.snapshot("ann").expires_at
    assert at.isoformat()[:19] == "2027-01-15T08:05:00" and at.utcoffset() is not None


def test_check_asks_tenon_itself(tenon: Tenon, members: Members) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    assert members.allowed("ann", *READ) and not members.check("ann", *READ)
    assert not members.check("nobody", *READ)
    tenon.plan.append(answer(401, "internal_auth_required"))
    with pytest.raises(Unauthorized) as caught:
        members.check("ann", *READ)
    assert caught.value.status == 401 and caught.value.code == "internal_auth_required"
    tenon.is_down = True
    with pytest.raises(Unavailable):
        members.check("ann", *READ)


@pytest.mark.parametrize(
    ("internal", "client_key", "api_key"),
    [
        (None, None, None),
        (SECRET, "a", "b"),
        (SECRET, "a", None),
        (None, "a", None),
        (None, None, "b"),
        ("", None, None),
        ("a\nb", None, None),
        (" a", None, None),
        ("ä", None, None),
    ],
)
def test_credentials_are_one_of_two_kinds(
    internal: Optional[str], client_key: Optional[str], api_key: Optional[str]
) -> None:
    with pytest.raises(ValueError) as caught:
        Members("https://tenon.test", internal, client_key=client_key, api_key=api_key)
    assert SECRET not in str(caught.value)


def test_both_kinds_of_credentials_are_sent(tenon: Tenon, make: Make) -> None:
    make().allowed("ann", *READ)
    make(internal_secret=None, client_key="mkt", api_key="tnk_x").allowed("ann", *READ)
    first, second = (request.headers for request in tenon.requests)
    assert first["x-internal-secret"] == SECRET and "x-api-key" not in first
    assert second["x-client-key"] == "mkt" and second["x-api-key"] == "tnk_x" and "x-internal-secret" not in second


@pytest.mark.parametrize(
    "options", [{"max_subs": 0}, {"timeout": 0}, {"pull_every": 0}, {"long_poll": 26}, {"long_poll": -1}]
)
def test_settings_that_cannot_be_are_refused(make: Make, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        make(**options)
    with pytest.raises(ValueError):
        Members("tenon.test", SECRET)


def test_nothing_secret_and_nobody_is_in_the_log(
    tenon: Tenon, members: Members, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "tenon_members")
    tenon.plan.append(answer(401, "internal_auth_required"))
    assert not members.allowed("ann-of-a-test", *READ)
    clock.pass_by(2)
    tenon.plan.append(lambda _: httpx.Response(200, json=[]))
    assert not members.allowed("ann-of-a-test", *READ)
    assert "not what Tenon sends" in caplog.text and "Tenon refuses this service" in caplog.text
    own = [one.getMessage() for one in caplog.records if one.name == "tenon_members"]
    assert own and not any(SECRET in one or "ann-of-a-test" in one for one in own)


def test_a_closed_client_says_so(tenon: Tenon, make: Make) -> None:
    with make() as members:
        members.allowed("ann", *READ)
    with pytest.raises(RuntimeError, match="closed"):
        members.allowed("ann", *READ)
    with pytest.raises(RuntimeError, match="closed"):
        members.start()
    assert issubclass(Denied, TenonMembersError)
