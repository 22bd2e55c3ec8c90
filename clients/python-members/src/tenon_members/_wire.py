"""Requests and answers, without sending them: what both clients share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Optional, TypeVar, Union, cast
from urllib.parse import quote

import httpx

from ._errors import CursorExpired, TenonMembersError, Unauthorized, Unavailable
from ._snapshot import Change, Key, Permission, Snapshot, instant

T = TypeVar("T")

# So many members are asked for at once.
BATCH = 200
# The longest that the server waits for a change, in seconds.
LONGEST_WAIT = 25

_KINDS: dict[int, type[TenonMembersError]] = {
    401: Unauthorized,
    403: Unauthorized,
    408: Unavailable,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_SCOPE_ID = re.compile(r"[A-Za-z0-9._:@/-]{1,128}")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=([0-9]{1,9})(?:$|[,\s])")


@dataclass(frozen=True)
class Call:
    """A request. `extra_wait` is for how many seconds the server may hold the answer back."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Optional[Mapping[str, Any]] = None
    params: Optional[Mapping[str, str]] = None
    extra_wait: float = 0.0


@dataclass(frozen=True)
class Found:
    """A snapshot. Times are seconds after the server made it, so that clocks need not agree."""

    snapshot: Snapshot
    etag: Optional[str]
    lifetime: float
    stale_for: float
    ends: Mapping[Key, Optional[float]]


@dataclass(frozen=True)
class NotModified:
    """What the caller has still holds, for so many seconds where the server says so."""

    max_age: Optional[float] = None


@dataclass(frozen=True)
class Absent:
    """Nobody is called so, or no more."""


Answer = Union[Found, NotModified, Absent]


@dataclass(frozen=True)
class Batch:
    """Of several members: what is new. `answers` has none for whom the server left out."""

    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class Page:
    """Of the change feed."""

    items: tuple[Change, ...]
    next_cursor: str
    has_more: bool


def credentials(
    internal_secret: Optional[str], client_key: Optional[str], api_key: Optional[str]
) -> dict[str, str]:
    """What every request carries."""
    given = {"X-Internal-Secret": internal_secret, "X-Client-Key": client_key, "X-API-Key": api_key}
    sent = {name: value for name, value in given.items() if value is not None}
    if sorted(sent) not in (["X-Internal-Secret"], ["X-API-Key", "X-Client-Key"]):
        raise ValueError("hand in internal_secret, or client_key and api_key")
    for name, value in sent.items():
        # Never shows the value.
        if not value or value != value.strip() or not (value.isascii() and value.isprintable()):
            raise ValueError(f"{name} must be printable ASCII without blanks at its ends")
    return {"Accept": "application/json", "User-Agent": "tenon-members-python", **sent}


def base(url: str) -> str:
    """The address without a slash at its end."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("base_url begins with https:// or http://")
    return url.rstrip("/")


def can_be_sub(sub: str) -> bool:
    """Whether anybody can be called so; whoever cannot is not asked for. Raises where no name was handed in."""
    if not isinstance(sub, str):
        raise TypeError("sub is a str")
    if not sub:
        raise ValueError("sub is empty: nobody is signed in")
    try:
        sub.encode()
    except UnicodeEncodeError:
        return False
    # Control characters besides those of ASCII are from 0x80 to 0x9f.
    printable = all(character >= " " and not "\x7f" <= character <= "\x9f" for character in sub)
    return len(sub) <= 255 and sub == sub.strip() and printable


def key(scope_type: str, scope_id: str, module: str, action: str) -> Optional[Key]:
    """None where no scope can be called so. Names are written in programs, so a wrong one is raised."""
    for name, value in (("scope_type", scope_type), ("module", module), ("action", action)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError(f"{name} begins with a letter from a to z and has letters, digits and _ . - only")
    if not isinstance(scope_id, str):
        raise TypeError("scope_id is a str")
    return Key(scope_type, scope_id, module, action) if _SCOPE_ID.fullmatch(scope_id) else None


def snapshot(sub: str, etag: Optional[str]) -> Call:
    """What a member may do, unless it is as the tag says."""
    # A path of dots would be taken away on the way.
    name = quote(sub, safe="") if sub.strip(".") else sub.replace(".", "%2E")
    headers = {} if etag is None else {"If-None-Match": etag}
    return Call("GET", f"/internal/permissions/{name}/snapshot", headers)


def read_snapshot(sub: str, response: httpx.Response) -> Answer:
    """The answer to `snapshot`."""
    if response.status_code == 304:
        found = _MAX_AGE.search(response.headers.get("cache-control", ""))
        return NotModified(None if found is None else float(found.group(1)))
    if response.status_code in (404, 410):
        return Absent()
    etag = cast("Optional[str]", response.headers.get("etag"))
    return _read("a snapshot", response, lambda content: _found(content, sub, etag))


def snapshots(versions: Mapping[str, Optional[int]]) -> Call:
    """What several members may do, with the versions that are at hand."""
    known = {sub: version for sub, version in versions.items() if version is not None}
    return Call("POST", "/internal/permissions/snapshots", {}, {"subs": list(versions), "if_versions": known})


def read_snapshots(asked: Sequence[str], response: httpx.Response) -> Batch:
    """The answer to `snapshots`."""

    def take(content: Mapping[str, Any]) -> Batch:
        answers: dict[str, Answer] = {}
        for entry in content["snapshots"]:
            sub = _text(entry["authentik_sub"])
            answers[sub] = _found(entry, sub, None)
        answers.update({_text(sub): NotModified() for sub in content["not_modified"]})
        answers.update({_text(sub): Absent() for sub in content["not_found"]})
        return Batch({sub: answers[sub] for sub in asked if sub in answers})

    return _read("snapshots", response, take)


def check(sub: str, asked: Key) -> Call:
    """Whether a member may do something."""
    return Call("POST", "/internal/permissions/check", {}, {"authentik_sub": sub, **asked._asdict()})


def read_check(response: httpx.Response) -> bool:
    """The answer to `check`."""
    return _read("a check", response, lambda content: _boolean(content["allowed"]))


def changes(since: Optional[str], wait: int) -> Call:
    """What has changed since a cursor; without one, only the newest cursor."""
    params = {} if since is None else {"since": since, "limit": "1000", **({"wait": str(wait)} if wait else {})}
    return Call("GET", "/internal/permissions/changes", {}, params=params, extra_wait=float(wait))


def read_changes(since: Optional[str], response: httpx.Response) -> Page:
    """The answer to `changes`."""

    def take(content: Mapping[str, Any]) -> Page:
        cursor = _text(content["next_cursor"])
        if not cursor:
            raise ValueError("no cursor")
        return Page(tuple(_change(item) for item in content["items"]), cursor, _boolean(content["has_more"]))

    try:
        return _read("changes", response, take)
    except TenonMembersError as error:
        # A cursor that was damaged where it was kept is as good as an old one.
        is_refused = since is not None and error.status in (400, 422)
        if is_refused or error.status == 410 or error.code == "cursor_expired":
            raise CursorExpired(str(error), status=error.status, code=error.code) from error
        raise


def unsent(error: httpx.RequestError) -> TenonMembersError:
    """The error for a request that was not answered."""
    never = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
    what = f"no answer: {type(error).__name__}" + (f": {error}" if str(error) else "")
    if never or not isinstance(error, httpx.TransportError):
        return TenonMembersError(what)
    return Unavailable(what)


def was_cut(error: httpx.RequestError) -> bool:
    """Whether a kept connection may just have ended, so that the same request is sent once more."""
    return isinstance(error, (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError))


def permission_key(value: object) -> Optional[Key]:
    """From a change or a message, where there is one."""
    if not isinstance(value, dict):
        return None
    parts = [part for part in (value.get(name) for name in Key._fields) if isinstance(part, str)]
    return Key(*parts) if len(parts) == len(Key._fields) else None


def optional_integer(value: object) -> Optional[int]:
    """An integer or nothing."""
    return None if value is None else _integer(value)


def optional_text(value: object) -> Optional[str]:
    """Text or nothing."""
    return None if value is None else _text(value)


def _read(what: str, response: httpx.Response, take: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        document = response.json()
    except ValueError:
        document = None
    content = document if isinstance(document, dict) else {}
    if response.status_code >= 400:
        raise _error(response, content)
    try:
        if response.status_code != 200:
            raise ValueError("another status")
        return take(content)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        # The path would name the member.
        message = f"the answer for {what} is not what Tenon sends"
        status, request_id = response.status_code, _request_id(response)
        raise TenonMembersError(message, status=status, request_id=request_id) from error


def _found(content: Mapping[str, Any], sub: str, etag: Optional[str]) -> Found:
    if content["schema"] != 1 or content["authentik_sub"] != sub:
        raise ValueError("another document, or another member's")
    made, expires = instant(content["generated_at"]), instant(content["expires_at"])
    version = _integer(content["version"])
    permissions = []
    ends: dict[Key, Optional[float]] = {}
    for entry in content["permissions"]:
        until = entry.get("expires_at")
        key = Key(*(_text(entry[name]) for name in Key._fields))
        one = Permission(*key, expires_at=None if until is None else instant(until))
        permissions.append(one)
        ends[key] = None if one.expires_at is None else (one.expires_at - made).total_seconds()
    digest = content.get("digest")
    if etag is None and isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        # Answers about several members have no header for each; this is how the server makes it.
        etag = f'"{version}-{digest[7:23]}"'
    snapshot = Snapshot(
        sub,
        _text(content["user_id"]),
        _boolean(content["is_active"]),
        version,
        made,
        expires,
        tuple(permissions),
    )
    lifetime = max(0.0, (expires - made).total_seconds())
    return Found(snapshot, etag, lifetime, float(max(0, _integer(content["stale_if_error"]))), ends)


def _change(item: Mapping[str, Any]) -> Change:
    at = item.get("at")
    return Change(
        _text(item["op"]),
        optional_text(item.get("authentik_sub")),
        optional_integer(item.get("version")),
        permission_key(item.get("permission")),
        None if at is None else instant(at),
        optional_text(item.get("request_id")),
    )


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("not an integer")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def _error(response: httpx.Response, content: Mapping[str, Any]) -> TenonMembersError:
    status = response.status_code
    code, detail = content.get("code"), content.get("detail")
    return _KINDS.get(status, TenonMembersError)(
        detail if isinstance(detail, str) and detail else f"HTTP {status}",
        status=status,
        code=code if isinstance(code, str) else None,
        request_id=_request_id(response),
        retry_after=_retry_after(response),
    )


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
