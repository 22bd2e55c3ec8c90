"""Reads cases (expression | zone | from) and writes rows of fires.tsv with the next five fire times that
croniter finds, with Vixie cron's rule for day fields that begin with a star."""

import sys
from datetime import datetime, timezone
from importlib.metadata import version
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

FIRES = 5


def row(text: str, zone: str, start: str) -> str:
    local = datetime.fromisoformat(start.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
    found = croniter(text, local, ret_type=datetime, implement_cron_bug=True)
    fires = []
    for _ in range(FIRES):
        try:
            at = found.get_next()
        except CroniterBadDateError:
            fires.append("end")
            break
        fires.append(at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return "\t".join([text, zone, start, " ".join(fires), f"croniter {version('croniter')}"])


def main() -> None:
    for line in sys.stdin:
        line = line.strip()
        if line and not line.startswith("#"):
            print(row(*(part.strip() for part in line.split("|"))))


main()
