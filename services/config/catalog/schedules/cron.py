"""When a schedule is due: cron expressions in a time zone. Pure.

Five fields as in Debian's crontab(5), `L`, `#` and names included. Where clocks are put back or forward the rules of
Debian's cron hold: what has a fixed hour runs once, what runs every so often goes by real time.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from shared.contracts.problems import Code, refuse
from shared.contracts.times import utc
from shared.grammar.names import nearest


def next_after(expression: str, zone: str, after: float) -> float:
    """The first instant after `after` (seconds since the epoch) that the expression names; raises `Refused`."""
    return upcoming(expression, zone, after, 1)[0]


def upcoming(expression: str, zone: str, after: float, count: int) -> list[float]:
    """The next `count` instants; raises `Refused` for what cannot be read or is never due."""
    if len(expression.split()) != 5:
        raise refuse(
            Code.INVALID,
            f"cron {expression!r} has {len(expression.split())} fields and needs five",
            subject="cron",
            next_step="Write minute, hour, day of month, month, day of week: `0 2 * * *` is every night at two.",
        )
    since = utc(after).astimezone(_zone(zone))
    try:
        times = CronSim(expression, since)
        return [next(times).timestamp() for _ in range(count)]
    except CronSimError as error:
        raise refuse(Code.INVALID, f"cron {expression!r} cannot be read: {error}", subject="cron") from None
    except StopIteration:
        raise refuse(Code.INVALID, f"cron {expression!r} names no time within fifty years", subject="cron") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = nearest(name, available_timezones())
        raise refuse(
            Code.INVALID,
            f"there is no time zone {name!r}",
            subject="timeZone",
            next_step=f"Did you mean {near}?" if near else "Write it as in Europe/Berlin, or UTC.",
        ) from None
