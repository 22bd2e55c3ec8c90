"""Messages that Tenon sends, as Standard Webhooks sign them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Union

from . import _wire
from ._errors import BadWebhook
from ._snapshot import Event, instant

# Seconds by which the sender's time may differ.
TOLERANCE = 300.0

Secret = Union[str, bytes]


def keys(secrets: Union[Secret, Sequence[Secret], None]) -> tuple[bytes, ...]:
    """The keys of `whsec_…` texts, or bytes as they are."""
    if secrets is None:
        return ()
    return tuple(_key(secret) for secret in ([secrets] if isinstance(secrets, (str, bytes)) else secrets))


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: Union[bytes, str], now: float) -> Event:
    """The message, or `BadWebhook`."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        name, sent, signatures = (lower[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise BadWebhook(f"the header {error.args[0]} is missing") from None
    if not re.fullmatch(r"[0-9]{1,12}", sent):
        raise BadWebhook("webhook-timestamp is not in seconds")
    raw = body.encode() if isinstance(body, str) else bytes(body)
    signed = b".".join((name.encode(errors="surrogateescape"), sent.encode(), raw))
    wanted = [base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()) for secret in secrets]
    shown = [one[3:].encode(errors="replace") for one in signatures.split() if one.startswith("v1,")]
    # All are compared, so that nothing tells which one it was.
    if sum(hmac.compare_digest(one, other) for one in wanted for other in shown) == 0:
        raise BadWebhook("no signature is right")
    if abs(now - int(sent)) > TOLERANCE:
        raise BadWebhook("the message is older, or newer, than five minutes")
    try:
        content = json.loads(raw)
        data = content.get("data") or {}
        at = content.get("at")
        return Event(
            id=str(content.get("id", name)),
            type=content["type"] + "",
            at=None if at is None else instant(at),
            sub=_wire.optional_text(data.get("authentik_sub")),
            version=_wire.optional_integer(data.get("version")),
            permission=_wire.permission_key(data.get("permission")),
            data=dict(data),
        )
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise BadWebhook("the body is not what Tenon sends") from error


def _key(secret: Secret) -> bytes:
    if isinstance(secret, bytes):
        key = secret
    elif secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret[6:], validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("a webhook secret has Base64 after whsec_") from None
    else:
        raise ValueError("a webhook secret begins with whsec_; hand a raw key in as bytes")
    if len(key) < 16:
        raise ValueError("a webhook secret has 16 bytes or more")
    return key
