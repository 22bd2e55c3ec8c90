"""Writes dst.tsv: fire times on days on which a zone changes its offset, found by walking through every minute
with zoneinfo. It shares nothing with the implementation: no jumping, no zone arithmetic but the standard
library's."""

import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

FIRES = 5
MINUTE = timedelta(minutes=1)
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
HEADER = """\
# Days on which a zone changes its offset. The expectation is ours, not Quartz's nor croniter's:
# - Fixed times: one in a gap fires at the gap's end (several in one gap fire once); one that occurs twice fires the
#   first time only.
# - Hours that run over the whole day (*, */n, 0/n, 0-23) follow elapsed time: both passes of an overlap fire, and a
#   gap adds nothing.
# Quartz drops a time in a gap, and the first pass of an overlap even for wildcards; croniter fires a fixed time in
# both passes. Their rows are not here.
# Made by oracle/dst_oracle.py from oracle/dst.cases, minute by minute.
# expression\tzone\tfrom\tnext five fire times (UTC)\tsource"""


def element(text: str, low: int, high: int, first_weekday: int | None) -> set[int]:
    body, _, step = text.partition("/")

    def number(word: str) -> int:
        if first_weekday is not None and word.upper() in WEEKDAYS:
            return WEEKDAYS.index(word.upper()) + first_weekday
        return int(word)

    if body in ("*", "?"):
        start, stop = low, high
    elif "-" in body:
        start, stop = (number(word) for word in body.split("-"))
    else:
        start = number(body)
        stop = high if step else start
    return set(range(start, stop + 1, int(step or 1)))


def field(text: str, low: int, high: int, first_weekday: int | None = None) -> set[int]:
    return set().union(*(element(part, low, high, first_weekday) for part in text.split(",")))


class Expression:
    def __init__(self, text: str) -> None:
        fields = text.split()
        quartz = len(fields) > 5
        self.second = int(fields.pop(0)) if quartz else 0
        minute, hour, day, month, weekday = fields[:5]
        self.minutes, self.hours = field(minute, 0, 59), field(hour, 0, 23)
        self.days, self.months = field(day, 1, 31), field(month, 1, 12)
        first = 1 if quartz else 0
        self.weekdays = {(number - first) % 7 for number in field(weekday, first, first + 6 + (not quartz), first)}
        self.elapsed = any(
            part.startswith("*") or part.startswith("0/") or part.startswith("0-23") for part in hour.split(",")
        )

    def names(self, local: datetime) -> bool:
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.day in self.days
            and local.month in self.months
            and local.isoweekday() % 7 in self.weekdays
        )


def fires(cron: Expression, zone: ZoneInfo, start: datetime):
    """Every fire time after `start`."""
    at = start.replace(second=0) - MINUTE
    before = at.astimezone(zone)
    while True:
        at += MINUTE
        local = at.astimezone(zone)
        if not cron.elapsed and local.utcoffset() > before.utcoffset():
            missing = before.replace(tzinfo=None) + MINUTE
            while missing < local.replace(tzinfo=None):
                if cron.names(missing):
                    if at > start:
                        yield at
                    break
                missing += MINUTE
        exact = at + timedelta(seconds=cron.second)
        if cron.names(local) and (cron.elapsed or local.fold == 0) and exact > start:
            yield exact
        before = local


def main() -> None:
    print(HEADER)
    for line in sys.stdin:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        text, zone, start = (part.strip() for part in line.split("|"))
        found, last = [], None
        for at in fires(Expression(text), ZoneInfo(zone), datetime.fromisoformat(start.replace("Z", "+00:00"))):
            # A time of its own may coincide with the end of the gap.
            if at != last:
                found.append(at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
            last = at
            if len(found) == FIRES:
                break
        print("\t".join([text, zone, start, " ".join(found), "minute by minute"]))


main()
