"""What can go wrong, in classes that a caller can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Detail:
    """One thing that is wrong with a request."""

    field: str
    code: str
    message: str


class TenonIdError(Exception):
    """Any failure of this library.

    `status` is the HTTP status, or the code of the envelope where that says more; None when there was no answer.
    `code` is the stable word of a problem document, where there is one. `retry_after` is in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        status: Optional[int] = None,
        code: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        details: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.details = details

    @property
    def temporary(self) -> bool:
        """Whether the same call may succeed later. Such calls have been tried again before this is raised."""
        return self.code == "idempotency_key_running"


class NotFound(TenonIdError):
    """404: no such key, table, column or database configuration."""


class Conflict(TenonIdError):
    """409 of another kind: the key is retired, or the idempotency key came with another request."""


class Exhausted(Conflict):
    """409: fewer ids are left than were asked for."""


class Quarantined(TenonIdError):
    """The key issues nothing until an operator releases it. Not tried again: that takes a person."""


class RateLimited(TenonIdError):
    """429: too many calls. `retry_after` says for how many seconds to wait, where the server said so."""

    @property
    def temporary(self) -> bool:
        return True


class Unavailable(TenonIdError):
    """No answer, or one that says to come back: 408, 502, 503, 504."""

    @property
    def temporary(self) -> bool:
        return True


class Unauthorized(TenonIdError):
    """401 or 403: the API key is missing, unknown, ended, or may not do this."""


class Invalid(TenonIdError):
    """422, or 400 and 413: the request itself is wrong. `details` names the fields."""
