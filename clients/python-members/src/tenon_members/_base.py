"""What both clients share besides the wire: settings, judgements, and where the change feed stands."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Callable, Generic, Optional, TypeVar, Union

from . import _webhook, _wire
from ._cache import Cache, Standing, Ticket
from ._clock import Clock
from ._errors import Denied, TenonMembersError, Unauthorized, Unavailable, UnknownMember
from ._snapshot import Event, Key, Snapshot

F = TypeVar("F")
log = logging.getLogger("tenon_members")

# In seconds; also the least time between two long polls.
FIRST_PAUSE = 1.0

_OPS = {
    "permission.granted": "grant",
    "permission.revoked": "revoke",
    "permission.expired": "expire",
    "user.disabled": "user_disabled",
    "user.enabled": "user_enabled",
    "user.deleted": "user_deleted",
}


@dataclass(frozen=True)
class Settings:
    """As they were handed in."""

    max_subs: int
    timeout: float
    pull_every: float
    long_poll: int
    reconcile_every: float
    background: bool

    def __post_init__(self) -> None:
        if self.timeout <= 0 or self.pull_every <= 0 or self.reconcile_every <= 0:
            raise ValueError("timeout, pull_every and reconcile_every are more than 0 seconds")
        if not 0 <= self.long_poll <= _wire.LONGEST_WAIT:
            raise ValueError(f"long_poll is from 0 to {_wire.LONGEST_WAIT} seconds")


class Base(Generic[F]):
    """Everything that needs no connection."""

    def __init__(
        self,
        settings: Settings,
        webhook_secrets: Union[_webhook.Secret, Sequence[_webhook.Secret], None],
        cursor: Optional[str],
        clock: Optional[Callable[[], float]],
    ) -> None:
        self._settings = settings
        self._keys = _webhook.keys(webhook_secrets)
        self._clock = Clock(clock)
        self._cursor = cursor
        self._failures = 0
        # Programs that were started together do not ask together.
        self._reconcile_at = self._clock.steady() + settings.reconcile_every * random.uniform(0.5, 1.0)
        self._cache = self._new_cache()

    def _new_cache(self) -> Cache[F]:
        raise NotImplementedError

    @property
    def cursor(self) -> Optional[str]:
        """Where the change feed stands; None before the first answer."""
        return self._cursor

    def invalidate(self, sub: str) -> None:
        """The next use asks Tenon first. While Tenon cannot be asked, what is at hand still serves its time."""
        self._cache.mark(sub)

    def invalidate_all(self) -> None:
        """As `invalidate`, for everybody."""
        self._cache.mark_all()

    def apply_webhook(self, headers: Mapping[str, str], body: Union[bytes, str]) -> Event:
        """Checks the message's signature and age, and takes note of what it says. Hand in the body as it came.

        Messages may come twice and in any order. Raises `BadWebhook`.
        """
        if not self._keys:
            raise ValueError("webhook_secrets were not handed in")
        event = _webhook.verify(self._keys, headers, body, self._clock.now())
        if event.type != "ping":
            self._cache.hear(_OPS.get(event.type, event.type), event.sub, event.version, event.permission)
        return event

    def _may(self, standing: Standing, key: Key) -> bool:
        return standing.held is not None and standing.held.allows(key, self._clock.steady())

    def _demand(self, standing: Standing, key: Optional[Key]) -> None:
        if key is not None and self._may(standing, key):
            return
        if standing.held is not None:
            is_active = standing.held.snapshot.is_active
            reason, message = ("not_granted", "not granted") if is_active else ("disabled", "the member is disabled")
        elif standing.is_absent:
            reason, message = "unknown", "the member is not known"
        else:
            reason, message = "unavailable", "Tenon cannot be asked"
        if reason == "not_granted" and key is not None:
            message = f"{key.module} {key.action} in {key.scope_type} {key.scope_id} is not granted"
        raise Denied(message, reason) from standing.error

    def _show(self, standing: Standing) -> Snapshot:
        if standing.held is not None:
            return standing.held.shown(self._clock.steady(), standing.is_stale)
        if standing.is_absent:
            raise UnknownMember("the member is not known")
        error = standing.error
        if error is None:
            raise Unavailable("Tenon cannot be asked")
        raise Unavailable(
            f"Tenon cannot be asked: {error}",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            retry_after=error.retry_after,
        ) from error

    def _failed(self, ticket: Ticket, error: Exception) -> None:
        if isinstance(error, Unauthorized):
            log.error("Tenon refuses this service: %s", error)
        elif isinstance(error, TenonMembersError):
            log.warning("a member's permissions could not be read: %s", error)
        else:
            log.exception("a member's permissions could not be read", exc_info=error)
        known = error if isinstance(error, TenonMembersError) else TenonMembersError(type(error).__name__)
        self._cache.failed(ticket, known)

    def _taken(self, tickets: Sequence[Ticket], batch: _wire.Batch) -> None:
        for ticket in tickets:
            answer = batch.answers.get(ticket.sub)
            if answer is not None:
                self._cache.store(ticket, answer)

    def _batches(self) -> Iterator[list[Ticket]]:
        """Of all who are known. Each is made when it is its turn, since it says what was known when it was sent."""
        subs = [ticket.sub for ticket in self._cache.tickets()]
        for at in range(0, len(subs), _wire.BATCH):
            wanted = set(subs[at : at + _wire.BATCH])
            tickets = [ticket for ticket in self._cache.tickets() if ticket.sub in wanted]
            if tickets:
                yield tickets

    def _is_reconciliation_due(self) -> bool:
        return self._clock.steady() >= self._reconcile_at

    def _reconciled(self) -> None:
        self._reconcile_at = self._clock.steady() + self._settings.reconcile_every

    def _pause(self, took: float) -> float:
        """Seconds until the feed is asked again, after it answered."""
        self._failures = 0
        if self._settings.long_poll:
            # A server, or something before it, that does not hold the answer back is not asked without end.
            return max(0.0, FIRST_PAUSE - took)
        return self._settings.pull_every * random.uniform(0.9, 1.0)

    def _pause_after(self, error: Exception) -> float:
        """The same, after it did not."""
        self._failures += 1
        what = "the change feed could not be read"
        if isinstance(error, TenonMembersError):
            log.warning("%s: %s", what, error)
        else:
            log.exception(what, exc_info=error)
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 16), self._settings.pull_every)
        after = error.retry_after if isinstance(error, TenonMembersError) else None
        return pause * random.uniform(0.5, 1.0) if after is None else max(pause, min(after, 60.0))
