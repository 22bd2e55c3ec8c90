"""What a member may do, and what has changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Optional

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


class Key(NamedTuple):
    """What is compared, byte by byte. There are no wildcards."""

    scope_type: str
    scope_id: str
    module: str
    action: str


@dataclass(frozen=True)
class Permission:
    """One thing that a member may do, in one scope."""

    scope_type: str
    scope_id: str
    module: str
    action: str
    expires_at: Optional[datetime] = None

    @property
    def key(self) -> Key:
        """Without the time."""
        return Key(self.scope_type, self.scope_id, self.module, self.action)


@dataclass(frozen=True)
class Snapshot:
    """What a member may do, as of when this was handed out.

    `is_stale` says that Tenon could not be asked whether it still holds.
    """

    sub: str
    user_id: str
    is_active: bool
    version: int
    generated_at: datetime
    expires_at: datetime
    permissions: tuple[Permission, ...]
    is_stale: bool = False

    def allows(self, scope_type: str, scope_id: str, module: str, action: str) -> bool:
        """Whether the permission is among them."""
        key = Key(scope_type, scope_id, module, action)
        return self.is_active and any(one.key == key for one in self.permissions)


@dataclass(frozen=True)
class Change:
    """One line of the change feed.

    `op` is `grant`, `revoke`, `expire`, `user_disabled`, `user_enabled`, `user_deleted`, `user_changed` or
    `role_changed`, and may be a word that is newer than this library. `sub` is None where it concerns everybody.
    `resync` is this library's own: the feed was interrupted, and what happened meanwhile is not known.
    """

    op: str
    sub: Optional[str] = None
    version: Optional[int] = None
    permission: Optional[Key] = None
    at: Optional[datetime] = None
    request_id: Optional[str] = None


@dataclass(frozen=True)
class Event:
    """A webhook message whose signature was right. `data` is as it came."""

    id: str
    type: str
    at: Optional[datetime]
    sub: Optional[str]
    version: Optional[int]
    permission: Optional[Key]
    data: dict[str, Any]


def instant(value: object) -> datetime:
    """RFC 3339. Python 3.9 reads neither `Z` nor nanoseconds by itself."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a time")
    day, hour, fraction, zone = found.groups()
    offset = "+00:00" if zone in "Zz" else zone
    at = datetime.fromisoformat(f"{day}T{hour}{offset}")
    return (at + timedelta(microseconds=int(((fraction or "0") + "00000")[:6]))).astimezone(timezone.utc)
