"""What members may do, from Tenon. `Members` and `AsyncMembers` are the way in."""

from ._aio import AsyncMembers
from ._client import Members
from ._errors import BadWebhook, Denied, TenonMembersError, Unauthorized, Unavailable, UnknownMember
from ._snapshot import Change, Event, Key, Permission, Snapshot

__all__ = [
    "AsyncMembers",
    "BadWebhook",
    "Change",
    "Denied",
    "Event",
    "Key",
    "Members",
    "Permission",
    "Snapshot",
    "TenonMembersError",
    "Unauthorized",
    "Unavailable",
    "UnknownMember",
]
__version__ = "0.1.0"
