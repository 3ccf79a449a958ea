"""When schedules are due, where clocks are put forward and back too."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.config.catalog.schedules.cron import next_after, upcoming
from shared.contracts.problems import Refused

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


CASES = [
    ("every night at two", "0 2 * * *", "UTC", "2026-03-01T10:00", "2026-03-02T02:00"),
    ("never the instant itself", "0 2 * * *", "UTC", "2026-03-02T02:00", "2026-03-03T02:00"),
    ("in the zone's own time", "0 2 * * *", BERLIN, "2026-07-01T10:00", "2026-07-02T02:00"),
    ("working days by name", "30 8 * * MON-FRI", "UTC", "2026-03-06T09:00", "2026-03-09T08:30"),
    ("the last day of the month", "0 0 L * *", "UTC", "2026-02-01T00:00", "2026-02-28T00:00"),
    ("the first Monday", "0 9 * * 1#1", "UTC", "2026-03-03T00:00", "2026-04-06T09:00"),
    ("every quarter of an hour", "*/15 * * * *", "UTC", "2026-03-01T10:01", "2026-03-01T10:15"),
    ("an hour that is left out runs right after it", "30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T03:00"),
]


@pytest.mark.parametrize(("cron", "zone", "after", "due"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_next_time(cron: str, zone: str, after: str, due: str) -> None:
    assert next_after(cron, zone, at(after, zone)) == at(due, zone)


def test_an_hour_that_comes_twice_runs_a_fixed_time_once() -> None:
    first, second = upcoming("30 2 * * *", BERLIN, at("2026-10-24T12:00", BERLIN), 2)
    assert (first, second) == (at("2026-10-25T02:30", BERLIN), at("2026-10-26T02:30", BERLIN))


@pytest.mark.parametrize(
    ("cron", "zone", "why"),
    [
        ("0 2 * *", "UTC", "has 4 fields and needs five"),
        ("0 25 * * *", "UTC", "cannot be read"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("0 2 * * *", "Europe/Berln", "no time zone 'Europe/Berln'"),
        ("0 2 * * *", "", "no time zone ''"),
        ("0 2 * * *", "../../etc/passwd", "no time zone"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(cron: str, zone: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        next_after(cron, zone, 0.0)
    assert why in str(refused.value)
