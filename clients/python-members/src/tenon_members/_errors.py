"""What can go wrong, in classes that a caller can tell apart."""

from __future__ import annotations

from typing import Optional


class TenonMembersError(Exception):
    """Any failure of this library.

    `status` is the HTTP status; None when there was no answer. `code` is the stable word of the problem document,
    where there is one. `retry_after` is in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        status: Optional[int] = None,
        code: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class Unavailable(TenonMembersError):
    """No answer, or one that says to come back: 408, 429, 502, 503, 504; and nothing at hand that may still be used."""


class Unauthorized(TenonMembersError):
    """401 or 403: the secret or the API client is wrong, has ended, or may not do this."""


class UnknownMember(TenonMembersError):
    """404 or 410: nobody is called so, or no more."""


class CursorExpired(TenonMembersError):
    """The feed does not know the cursor any more. `pull` handles it."""


class Denied(TenonMembersError):
    """`require` says no. `reason` is one of

    - `not_granted`: the member is known and may not do this
    - `disabled`: the member may do nothing for now
    - `unknown`: nobody is called so, or no more
    - `unavailable`: Tenon cannot be asked, and what is at hand is too old; a web application may say 503
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class BadWebhook(TenonMembersError):
    """The message is not from Tenon, is too old, or is no message. Answer it with 400."""
