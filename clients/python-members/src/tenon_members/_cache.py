"""What is known of members, without asking: freshness, versions, and who asks. No I/O; any number of threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Callable, Generic, Optional, TypeVar, Union

from . import _wire
from ._clock import Clock
from ._errors import TenonMembersError, Unauthorized, Unavailable
from ._snapshot import Change, Key, Snapshot

F = TypeVar("F")

# For so long nobody asks again for a name that nobody has; a change of the feed ends it sooner.
ABSENT_FOR = 30.0
# After a failure nobody asks for a second, then for twice as long each time, up to this.
LONGEST_PAUSE = 5.0
# A server that says when to come back is heeded up to this.
LONGEST_RETRY_AFTER = 60.0

_TAKES_AWAY = frozenset(("revoke", "expire"))
_ENDS = frozenset(("user_disabled", "user_deleted"))


@dataclass(frozen=True)
class Held:
    """A snapshot, and when its permissions end by the clock here."""

    snapshot: Snapshot
    ends: Mapping[Key, Optional[float]]
    # None when it is not what the server sent, so that it cannot be said to be unmodified.
    etag: Optional[str]
    lifetime: float
    stale_for: float

    def allows(self, key: Key, now: float) -> bool:
        if not self.snapshot.is_active or key not in self.ends:
            return False
        end = self.ends[key]
        return end is None or now < end

    def shown(self, now: float, is_stale: bool) -> Snapshot:
        kept = tuple(one for one in self.snapshot.permissions if self.allows(one.key, now))
        if is_stale == self.snapshot.is_stale and len(kept) == len(self.snapshot.permissions):
            return self.snapshot
        return replace(self.snapshot, permissions=kept, is_stale=is_stale)


@dataclass(frozen=True)
class Standing:
    """What can be said of a member now. Without `held`, `error` says whether that is an answer or the lack of one."""

    held: Optional[Held] = None
    is_stale: bool = False
    error: Optional[TenonMembersError] = None
    is_absent: bool = False


@dataclass(frozen=True)
class Ticket:
    """What was known when a question was sent: what has been heard since is newer than the answer."""

    sub: str
    epoch: int
    marks: int
    at: float
    etag: Optional[str]
    version: Optional[int]


@dataclass(frozen=True)
class Join(Generic[F]):
    """Somebody is asking: wait for this."""

    flight: F


@dataclass(frozen=True)
class Lead(Generic[F]):
    """Ask, tell the cache, and `land`."""

    ticket: Ticket
    flight: F


class _Entry(Generic[F]):
    def __init__(self) -> None:
        self.held: Optional[Held] = None
        self.is_absent = False
        # The highest version seen in a snapshot, a change or a message.
        self.highest = -1
        # Counts what was heard; fresh only while all of it is `settled` by an answer to a later question.
        self.marks = 0
        self.settled = 0
        # When the question was sent whose answer this is.
        self.at = 0.0
        self.fresh_until = 0.0
        self.stale_until = 0.0
        self.failures = 0
        self.not_before = 0.0
        self.error: Optional[TenonMembersError] = None
        self.flight: Optional[F] = None

    def is_fresh(self, now: float) -> bool:
        return self.settled == self.marks and now < self.fresh_until and (self.is_absent or self.held is not None)


class Cache(Generic[F]):
    """At most `max_subs` members, those that were asked for least lately leave."""

    def __init__(self, max_subs: int, clock: Clock, flight: Callable[[], F]) -> None:
        if max_subs < 1:
            raise ValueError("max_subs is 1 or more")
        self._most = max_subs
        self._clock = clock
        self._flight = flight
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[F]] = OrderedDict()
        self._epoch = 0
        # Of the server as a whole: while nobody gets an answer, one asks now and then, for all.
        self._failures = 0
        self._not_before = 0.0

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def step(self, sub: str) -> Union[Standing, Join[F], Lead[F]]:
        """What to do to know of a member."""
        with self._lock:
            now = self._clock.steady()
            entry = self._enter(sub)
            if entry.is_fresh(now):
                return Standing(entry.held, is_absent=entry.is_absent)
            if entry.flight is not None:
                return Join(entry.flight)
            if now < entry.not_before or not self._may_ask(now):
                return self._at_hand(entry, now)
            entry.flight = self._flight()
            return Lead(self._ticket(sub, entry, now), entry.flight)

    def standing(self, sub: str) -> Standing:
        """What is at hand, without asking."""
        with self._lock:
            entry = self._entries.get(sub)
            now = self._clock.steady()
            if entry is None:
                return Standing(error=Unavailable("Tenon cannot be asked"))
            if entry.is_fresh(now):
                return Standing(entry.held, is_absent=entry.is_absent)
            return self._at_hand(entry, now)

    def land(self, sub: str) -> None:
        """The question is answered, or will not be."""
        with self._lock:
            entry = self._entries.get(sub)
            if entry is not None:
                entry.flight = None
            self._shrink()

    def tickets(self) -> list[Ticket]:
        """For all members of whom something is known."""
        with self._lock:
            now = self._clock.steady()
            known = ((sub, one) for sub, one in self._entries.items() if one.is_absent or one.held is not None)
            return [self._ticket(sub, entry, now) for sub, entry in known]

    def store(self, ticket: Ticket, answer: _wire.Answer) -> Optional[Standing]:
        """Takes an answer. None when something newer was seen meanwhile: then it is not used."""
        with self._lock:
            self._failures, self._not_before = 0, 0.0
            entry = self._entries.get(ticket.sub)
            if entry is None or ticket.epoch != self._epoch or ticket.at < entry.at:
                return None
            if isinstance(answer, _wire.Found):
                is_used = self._take(entry, ticket, answer)
            elif isinstance(answer, _wire.NotModified):
                is_used = self._renew(entry, ticket, answer)
            else:
                entry.held, entry.is_absent, is_used = None, True, True
                entry.fresh_until = ticket.at + ABSENT_FOR
            if not is_used:
                if ticket.marks == entry.marks:
                    # Nothing came in between: whoever answers is behind. Asking at once would not help.
                    self._pause(entry, TenonMembersError("the answer is older than what was seen already"))
                return None
            entry.failures, entry.not_before, entry.error = 0, 0.0, None
            entry.settled, entry.at = max(entry.settled, ticket.marks), ticket.at
            return Standing(entry.held, is_absent=entry.is_absent)

    def failed(self, ticket: Ticket, error: TenonMembersError) -> None:
        """There is no answer."""
        with self._lock:
            entry = self._entries.get(ticket.sub)
            if entry is not None:
                self._pause(entry, error)
            if isinstance(error, (Unavailable, Unauthorized)):
                self._failures += 1
                self._not_before = self._clock.steady() + _pause(self._failures, error.retry_after)

    def alive(self) -> None:
        """The server answers again, as was seen elsewhere."""
        with self._lock:
            self._failures, self._not_before = 0, 0.0

    def mark(self, sub: str) -> None:
        """The next use asks first."""
        with self._lock:
            entry = self._entries.get(sub)
            if entry is not None:
                entry.marks += 1

    def mark_all(self) -> None:
        """The next use of each asks first."""
        with self._lock:
            for entry in self._entries.values():
                entry.marks += 1

    def hear_all(self, changes: Sequence[Change]) -> None:
        """As `hear`, for a page of the feed."""
        for change in changes:
            if change.sub is not None:
                self.hear(change.op, change.sub, change.version, change.permission)
        if any(change.sub is None for change in changes):
            self.mark_all()

    def restart(self) -> None:
        """Versions may begin anew: all is asked for again, and what is on its way does not count."""
        with self._lock:
            self._epoch += 1
            for entry in self._entries.values():
                entry.marks += 1
                entry.highest = -1
                if entry.held is not None:
                    entry.held = replace(entry.held, etag=None)

    def hear(self, op: str, sub: Optional[str], version: Optional[int], key: Optional[Key]) -> None:
        """Something has changed. What it takes away is taken away at once, so that it does not outlast an outage;
        what it gives comes with the next snapshot."""
        if sub is None:
            # A role, or something that is newer than this library: it may be anybody.
            self.mark_all()
            return
        with self._lock:
            entry = self._entries.get(sub)
            if entry is None:
                return
            held = entry.held
            if held is not None and (version is None or version > held.snapshot.version):
                entry.held = _without(held, op, key)
            if version is None or version > entry.highest:
                entry.highest = entry.highest if version is None else version
                entry.marks += 1

    def _take(self, entry: _Entry[F], ticket: Ticket, found: _wire.Found) -> bool:
        version = found.snapshot.version
        if version < entry.highest:
            return False
        entry.highest = version
        ends = {key: None if end is None else ticket.at + end for key, end in found.ends.items()}
        entry.held = Held(found.snapshot, ends, found.etag, found.lifetime, found.stale_for)
        entry.is_absent = False
        self._keep(entry, ticket.at, found.lifetime)
        return True

    def _renew(self, entry: _Entry[F], ticket: Ticket, answer: _wire.NotModified) -> bool:
        held = entry.held
        if held is None or held.etag is None or held.etag != ticket.etag or held.snapshot.version < entry.highest:
            return False
        self._keep(entry, ticket.at, held.lifetime if answer.max_age is None else answer.max_age)
        return True

    def _keep(self, entry: _Entry[F], at: float, lifetime: float) -> None:
        """From when the question was sent: the answer is not older than that."""
        assert entry.held is not None
        ends = [end for end in entry.held.ends.values() if end is not None and end > at]
        entry.fresh_until = min([at + lifetime, *ends])
        entry.stale_until = entry.fresh_until + entry.held.stale_for

    def _at_hand(self, entry: _Entry[F], now: float) -> Standing:
        if entry.is_absent:
            return Standing(is_absent=True)
        if entry.held is not None and now < entry.stale_until:
            return Standing(entry.held, is_stale=True)
        return Standing(error=entry.error or Unavailable("Tenon cannot be asked"))

    def _may_ask(self, now: float) -> bool:
        if self._failures == 0:
            return True
        if now < self._not_before:
            return False
        # This one asks for all; the others go on with what they have until it knows.
        self._not_before = now + _pause(self._failures, None)
        return True

    def _pause(self, entry: _Entry[F], error: TenonMembersError) -> None:
        entry.failures += 1
        entry.not_before = self._clock.steady() + _pause(entry.failures, error.retry_after)
        entry.error = error

    def _ticket(self, sub: str, entry: _Entry[F], now: float) -> Ticket:
        etag = None if entry.held is None else entry.held.etag
        version = None if entry.held is None or etag is None else entry.held.snapshot.version
        return Ticket(sub, self._epoch, entry.marks, now, etag, version)

    def _enter(self, sub: str) -> _Entry[F]:
        entry = self._entries.get(sub)
        if entry is None:
            entry = self._entries[sub] = _Entry()
            self._shrink(sub)
        else:
            self._entries.move_to_end(sub)
        return entry

    def _shrink(self, new: Optional[str] = None) -> None:
        """Whoever is being asked for stays: what is heard meanwhile must not be lost."""
        if len(self._entries) <= self._most:
            return
        idle = (sub for sub, entry in self._entries.items() if entry.flight is None and sub != new)
        for sub in _first(idle, len(self._entries) - self._most):
            del self._entries[sub]


def _first(subs: Iterable[str], count: int) -> list[str]:
    return [sub for sub, _ in zip(subs, range(count))]


def _without(held: Held, op: str, key: Optional[Key]) -> Held:
    if op in _ENDS:
        snapshot = replace(held.snapshot, is_active=False, permissions=())
        return replace(held, snapshot=snapshot, ends={}, etag=None)
    if op in _TAKES_AWAY and key in held.ends:
        ends = {one: end for one, end in held.ends.items() if one != key}
        kept = tuple(one for one in held.snapshot.permissions if one.key != key)
        return replace(held, snapshot=replace(held.snapshot, permissions=kept), ends=ends, etag=None)
    return held


def _pause(failures: int, retry_after: Optional[float]) -> float:
    pause: float = min(2.0 ** min(failures - 1, 16), LONGEST_PAUSE)
    return pause if retry_after is None else max(pause, min(retry_after, LONGEST_RETRY_AFTER))
