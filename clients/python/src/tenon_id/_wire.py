"""Requests and answers, without sending them: what both clients share."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Generic, Optional, TypeVar, cast

import httpx

from ._errors import (
    Conflict,
    Detail,
    Exhausted,
    Invalid,
    NotFound,
    Quarantined,
    RateLimited,
    TenonIdError,
    Unauthorized,
    Unavailable,
)
from ._segment import NextIds, Segment

T = TypeVar("T")

_KINDS: dict[int, type[TenonIdError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    413: Invalid,
    422: Invalid,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
# The envelope has sentences instead of words. The last one is that of the service which Tenon replaces.
_EXHAUSTED = re.compile(r"exhausted|ids left|would overflow")
_QUARANTINED = re.compile(r"quarantine")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One logical call: however often it is sent, its idempotency key stays."""

    path: str
    body: Mapping[str, Any]
    idempotency_key: str
    # The key's name. Sentences of the server repeat it, and it is no part of what they say.
    key: str
    take: Callable[[Mapping[str, Any]], T]

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.idempotency_key}

    def read(self, response: httpx.Response) -> T:
        """The answer's content, or the error that it stands for."""
        try:
            document = response.json()
        except ValueError:
            document = None
        content = document if isinstance(document, dict) else {}
        if response.status_code >= 400 or content.get("code", 0) not in (0, None):
            raise _error(response, content, self.key)
        try:
            return self.take(content)
        except (KeyError, TypeError, ValueError) as error:
            message = f"the answer to {self.path} is not what Tenon sends"
            raise TenonIdError(message, status=response.status_code, request_id=_request_id(response)) from error


def allocate(
    system_code: str,
    db_name: str,
    table_name: str,
    field_name: str,
    segment_count: int,
    idempotency_key: Optional[str],
) -> Call[Segment]:
    """A call for a segment of a table's column."""
    names = (system_code, db_name, table_name, field_name)

    def take(content: Mapping[str, Any]) -> Segment:
        data = content["data"]
        return _exactly(segment_count, Segment(_integer(data["start"]), _integer(data["end"])))

    body = dict(zip(("system_code", "db_name", "table_name", "field_name"), names))
    return Call(
        "/api/segment/allocate",
        {**body, "segment_count": segment_count},
        idempotency_key or _token(),
        ":".join(name.replace("%", "%25").replace(":", "%3a") for name in names),
        take,
    )


def next_ids(key: str, count: int, idempotency_key: Optional[str]) -> Call[NextIds]:
    """A call for ids of a key of any kind."""

    def take(content: Mapping[str, Any]) -> NextIds:
        ids = tuple(_text(one) for one in content["ids"])
        segment = None
        if content.get("start") is not None:
            segment = _exactly(count, Segment(_integer(content["start"]), _integer(content["end"])))
        if len(ids) != count and (ids or segment is None):
            raise ValueError("another number of ids")
        return NextIds(_text(content["key"]), _text(content["kind"]), ids, segment)

    return Call("/api/ids/next", {"key": key, "count": count}, idempotency_key or _token(), key, take)


def headers(api_key: Optional[str]) -> dict[str, str]:
    """What every request carries."""
    common = {"Accept": "application/json", "User-Agent": "tenon-id-python"}
    return {**common, "X-API-Key": api_key} if api_key else common


def unsent(error: httpx.RequestError) -> TenonIdError:
    """The error for a request that was not answered."""
    never = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
    what = f"no answer: {type(error).__name__}" + (f": {error}" if str(error) else "")
    if never or not isinstance(error, httpx.TransportError):
        return TenonIdError(what)
    return Unavailable(what)


def _token() -> str:
    return uuid.uuid4().hex


def _exactly(count: int, segment: Segment) -> Segment:
    # len() ends at 2**63 - 1, which is a count that may be asked for.
    if segment.end - segment.start + 1 != count:
        raise ValueError("another number of ids")
    return segment


def _integer(value: object) -> int:
    """Integers come as numbers, outside ±(2**53 − 1) as text, also within one answer."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    raise ValueError("not an integer")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def _error(response: httpx.Response, content: Mapping[str, Any], key: str) -> TenonIdError:
    word = content.get("code")
    status = response.status_code
    if isinstance(word, int) and 400 <= word <= 599:
        # The envelope: business errors come with HTTP 200 and their code inside.
        status = word
    details = _details(content)
    message = next((content[name] for name in ("msg", "detail") if isinstance(content.get(name), str)), "")
    message = message or "; ".join(f"{one.field}: {one.message}" for one in details) or f"HTTP {status}"
    code = word if isinstance(word, str) else None
    kind = _KINDS.get(status, TenonIdError)
    # A table may be called `quarantine`.
    said = code or message.lower().replace(key.lower(), "")
    if status in (409, 500) and _EXHAUSTED.search(said):
        kind = Exhausted
    elif status in (409, 503) and _QUARANTINED.search(said):
        kind = Quarantined
    return kind(
        message,
        status=status,
        code=code,
        request_id=_request_id(response),
        retry_after=_retry_after(response),
        details=details,
    )


def _details(content: Mapping[str, Any]) -> tuple[Detail, ...]:
    """From `detail` of the old wire or `errors` of a problem document."""
    found = []
    for entry in _list(content.get("detail")):
        place = [str(part) for part in _list(entry.get("loc"))]
        name = ".".join(place[1:] if place[:1] == ["body"] else place)
        found.append(Detail(name, str(entry.get("type", "")), str(entry.get("msg", ""))))
    for entry in _list(content.get("errors")):
        found.append(Detail(*(str(entry.get(name, "")) for name in ("field", "code", "message"))))
    return tuple(found)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _request_id(response: httpx.Response) -> Optional[str]:
    return cast("Optional[str]", response.headers.get("x-request-id"))


def _retry_after(response: httpx.Response) -> Optional[float]:
    """Seconds, or an instant."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
