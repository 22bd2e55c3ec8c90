"""Messages and their signatures."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from conftest import Make
from fake import HOOK, READ, WRITE, Tenon, Time, message, signed
from tenon_members import BadWebhook, Key, Members

OTHER = "whsec_" + base64.b64encode(b"another key of a test, 32 bytes.").decode()


def test_a_message_is_taken_note_of(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    body = message("permission.revoked", "ann", 2, READ)
    event = members.apply_webhook(signed(body, clock()), body)
    assert event.id == "evt_1" and event.type == "permission.revoked" and event.sub == "ann" and event.version == 2
    assert event.permission == Key(*READ) and event.at is not None and event.data["version"] == 2
    assert not members.allowed("ann", *READ) and tenon.count("/snapshot") == 2


def test_messages_come_twice_and_in_any_order(tenon: Tenon, members: Members, clock: Time) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.revoke("ann", READ)
    tenon.grant("ann", READ)
    late = message("permission.revoked", "ann", 2, READ)
    newest = message("permission.granted", "ann", 3, READ)
    for body in (newest, late, late, newest):
        members.apply_webhook(signed(body, clock()), body)
    assert members.allowed("ann", *READ) and tenon.count("/snapshot") == 2
    for body in (newest, late):
        members.apply_webhook(signed(body, clock()), body)
    assert members.allowed("ann", *READ) and tenon.count("/snapshot") == 2


@pytest.mark.parametrize(
    ("kind", "permission"),
    [("permission.revoked", READ), ("permission.expired", READ), ("user.disabled", None), ("user.deleted", None)],
)
def test_what_is_taken_away_is_gone_also_in_an_outage(
    tenon: Tenon, members: Members, clock: Time, kind: str, permission: Any
) -> None:
    tenon.grant("ann", READ)
    assert members.allowed("ann", *READ)
    tenon.is_down = True
    body = message(kind, "ann", 2, permission)
    members.apply_webhook(signed(body, clock()), body)
    assert not members.allowed("ann", *READ)


def test_a_message_about_everybody_concerns_everybody(tenon: Tenon, members: Members, clock: Time) -> None:
    for sub in ("ann", "ben"):
        tenon.grant(sub, READ)
        assert members.allowed(sub, *READ)
    tenon.change_role(["ann", "ben"], WRITE, is_granted=True)
    body = message("role.changed", None, 3)
    members.apply_webhook(signed(body, clock()), body)
    assert members.allowed("ann", *WRITE) and members.allowed("ben", *WRITE)
    tenon.seen.clear()
    body = message("ping", None, None)
    assert members.apply_webhook(signed(body, clock()), body).type == "ping"
    assert members.allowed("ann", *WRITE) and tenon.seen == []


def test_nothing_of_a_message_may_differ(tenon: Tenon, members: Members, clock: Time) -> None:
    body = message("permission.revoked", "ann", 2, READ)
    headers = signed(body, clock())
    forged = message("permission.revoked", "ben", 2, READ)
    mac = headers["webhook-signature"][3:]
    another = {
        "webhook-id": "evt_2",
        "webhook-timestamp": str(int(clock()) + 1),
        "webhook-signature": f"v2,{mac}",
    }
    tenon.grant("ben", READ)
    assert members.allowed("ben", *READ)
    for name, value in another.items():
        with pytest.raises(BadWebhook, match="no signature is right"):
            members.apply_webhook({**headers, name: value}, body)
        with pytest.raises(BadWebhook, match=f"{name} is missing"):
            members.apply_webhook({one: headers[one] for one in headers if one != name}, body)
    for changed in (forged, body + b" ", body[:-1], b""):
        with pytest.raises(BadWebhook, match="no signature is right"):
            members.apply_webhook(headers, changed)
    for signature in ("", "v1", "v1,", f"v1,{mac[:-4]}", f"v1a,{mac}", mac, "v1,ä", f"v1,{mac}x", f"v1,{mac},{mac}"):
        with pytest.raises(BadWebhook, match="no signature is right"):
            members.apply_webhook({**headers, "webhook-signature": signature}, body)
    with pytest.raises(BadWebhook, match="no signature is right"):
        members.apply_webhook(signed(body, clock(), OTHER), body)
    assert members.allowed("ben", *READ) and len(tenon.seen) == 1


@pytest.mark.parametrize(("seconds", "is_right"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_message_is_right_for_five_minutes(members: Members, clock: Time, seconds: int, is_right: bool) -> None:
    body = message("ping", None, None)
    headers = signed(body, clock() + seconds)
    if is_right:
        members.apply_webhook(headers, body)
    else:
        with pytest.raises(BadWebhook, match="five minutes"):
            members.apply_webhook(headers, body)


@pytest.mark.parametrize("at", ["", "soon", "1e9", "-1", "1800000000.0", " 1800000000", "१८"])
def test_a_time_is_whole_seconds(members: Members, clock: Time, at: str) -> None:
    body = message("ping", None, None)
    with pytest.raises(BadWebhook, match="not in seconds"):
        members.apply_webhook({**signed(body, clock()), "webhook-timestamp": at}, body)


def test_one_right_signature_of_several_is_enough(make: Make, clock: Time) -> None:
    body = message("ping", None, None)
    old, new = signed(body, clock(), OTHER), signed(body, clock())
    both = {**new, "webhook-signature": f"v1a,x {old['webhook-signature']} {new['webhook-signature']}"}
    make().apply_webhook(both, body)
    make(webhook_secrets=OTHER).apply_webhook(both, body)
    receiver = make(webhook_secrets=[HOOK, OTHER])
    receiver.apply_webhook(old, body)
    receiver.apply_webhook(new, body)
    make(webhook_secrets=base64.b64decode(HOOK[6:])).apply_webhook(new, body)


def test_names_of_headers_have_no_case(members: Members, clock: Time) -> None:
    body = message("ping", None, None)
    headers = signed(body, clock())
    members.apply_webhook({name.title(): value for name, value in headers.items()}, body)
    members.apply_webhook(httpx.Headers(headers), body.decode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b'{"type":7}',
        b'{"type":"x","data":"y"}',
        b'{"type":"x","data":{"version":"1"}}',
        b'{"type":"x","data":{"authentik_sub":1}}',
        b'{"type":"x","at":"now"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_signed_body_of_another_kind_is_refused(members: Members, clock: Time, body: bytes) -> None:
    with pytest.raises(BadWebhook, match="not what Tenon sends"):
        members.apply_webhook(signed(body, clock()), body)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "plain-text-secret-of-some-length", b"short"]
)
def test_a_secret_that_cannot_be_is_refused(make: Make, secret: Any) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        make(webhook_secrets=secret)


def test_without_a_secret_messages_are_misuse(make: Make, clock: Time) -> None:
    body = message("ping", None, None)
    with pytest.raises(ValueError, match="webhook_secrets"):
        make(webhook_secrets=None).apply_webhook(signed(body, clock()), body)
