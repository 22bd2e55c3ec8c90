"""Random histories: what the client says is what a set would say."""

from __future__ import annotations

import random
from typing import Optional

import httpx
import pytest
from conftest import Make
from fake import READ, WRITE, Tenon, Time, cut, message, signed
from tenon_members import Members, TenonMembersError

SUBS = ["ann", "ben", "carl", "dora"]


def lost(_: httpx.Request) -> Optional[httpx.Response]:
    raise httpx.ReadTimeout("the answer was lost")


def history(tenon: Tenon, members: Members, clock: Time, pick: random.Random) -> None:
    sub, permission = pick.choice(SUBS), pick.choice([READ, WRITE])
    step = pick.randrange(14)
    if step < 4:
        tenon.grant(sub, permission, pick.choice([None, None, 50.0, 400.0]))
    elif step < 7:
        tenon.revoke(sub, permission)
    elif step == 7:
        tenon.disable(sub)
    elif step == 8:
        tenon.enable(sub)
    elif step == 9:
        tenon.change_role(pick.sample(SUBS, 2), permission, pick.random() < 0.5)
    elif step == 10:
        clock.pass_by(pick.choice([1.0, 29.0, 100.0, 400.0]))
    elif step == 11:
        tenon.plan.append(pick.choice([lost, cut]))
    elif step == 12 and pick.random() < 0.2:
        tenon.restore_backup()
    elif tenon.feed:
        # A message of any age.
        item = pick.choice(tenon.feed)
        kinds = {"grant": "permission.granted", "revoke": "permission.revoked"}
        kind = kinds.get(item["op"], item["op"].replace("_", "."))
        given = item["permission"]
        key = None if given is None else tuple(given[name] for name in ("scope_type", "scope_id", "module", "action"))
        body = message(kind, item["authentik_sub"], item["version"], key)
        members.apply_webhook(signed(body, clock()), body)
    members.allowed(pick.choice(SUBS), *permission)


@pytest.mark.parametrize("seed", range(30))
def test_what_has_been_heard_is_what_is_said(tenon: Tenon, make: Make, clock: Time, seed: int) -> None:
    pick = random.Random(seed)
    members = make(max_subs=pick.choice([2, 10]))
    members.pull()
    for _ in range(60):
        for _ in range(pick.randrange(1, 8)):
            history(tenon, members, clock, pick)
        tenon.plan.clear()
        # Pauses after failures end, and the feed is heard.
        clock.pass_by(61)
        while True:
            try:
                members.pull()
                break
            except TenonMembersError:
                clock.pass_by(61)
        if pick.random() < 0.1:
            members.reconcile()
        for sub in SUBS:
            for permission in (READ, WRITE):
                assert members.allowed(sub, *permission) is tenon.may(sub, permission), (sub, permission)


@pytest.mark.parametrize("seed", range(20))
def test_in_an_outage_nothing_is_allowed_that_was_not_before(
    tenon: Tenon, make: Make, clock: Time, seed: int
) -> None:
    pick = random.Random(seed)
    members = make()
    for sub in SUBS:
        for permission in (READ, WRITE):
            if pick.random() < 0.5:
                tenon.grant(sub, permission, pick.choice([None, 500.0]))
    before = {(sub, one): members.allowed(sub, *one) for sub in SUBS for one in (READ, WRITE)}
    tenon.is_down = True
    for _ in range(80):
        clock.pass_by(60)
        for (sub, one), was in before.items():
            assert was or not members.allowed(sub, *one)
    # 80 minutes: longer than the snapshots may serve.
    assert not any(members.allowed(sub, *one) for sub, one in before)
    tenon.is_down = False
    clock.pass_by(10)
    for sub, one in before:
        assert members.allowed(sub, *one) is tenon.may(sub, one)
