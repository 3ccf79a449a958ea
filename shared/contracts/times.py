"""Times as text and as numbers, both ways. Pure; what time it is asks `shared.process.clock`.

A time is a float of seconds since the epoch, everywhere. What people and machines read is UTC, and so is a text from
outside that names no zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from .texts import whole_number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
_MOST_LIFE_S = 86_400.0
_AN_AGE_S = 100 * 366 * 86_400.0
_LONG_FRACTION = re.compile(r"([.,]\d{6})\d+")
"""Go prints nine digits, some Java services more; `fromisoformat` of Python 3.11 takes six."""


def epoch(text: str) -> float:
    """The time that an ISO 8601 text names. Raises `ValueError`."""
    text = text.strip()
    if len(text) > _LONGEST:
        raise ValueError(f"a time of more than {_LONGEST} characters")
    moment = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def epoch_or_none(value: Any) -> float | None:
    """The same of any JSON value; None where it is not a text that names a time."""
    try:
        return epoch(value) if isinstance(value, str) else None
    except ValueError:
        return None


def utc(at: float) -> datetime:
    """A time as Python's date and time in UTC, to format it."""
    return datetime.fromtimestamp(at, UTC)


def rfc3339(at: float) -> str:
    """`2026-11-23T09:30:00.123Z`."""
    return utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_seconds(at: float) -> str:
    """`2026-11-23T09:30:00Z`."""
    return utc(at).isoformat(timespec="seconds").replace("+00:00", "Z")


def compact(at: float) -> str:
    """`20261123T093000Z`, which a file's name may hold and a cloud's signature demands."""
    return f"{utc(at):%Y%m%dT%H%M%SZ}"


def wire_time(at: float | None) -> str:
    """As Code Stream's API prints a time, `2019-09-16 09:25:38.065065+00`; empty for none."""
    if at is None:
        return ""
    # Of the very microseconds beside it, which a float rounds in one way and a date in another.
    return (_EPOCH + timedelta(microseconds=micros(at))).strftime("%Y-%m-%d %H:%M:%S.%f") + "+00"


def micros(at: float) -> int:
    """A time, or how long something took, in microseconds."""
    return round(at * 1e6)


def day(at: float) -> str:
    """The day of a time as people say it: `3 May 2026`."""
    moment = utc(at)
    return f"{moment.day} {moment:%B %Y}"


def day_of(at: float | None) -> str:
    """The day of a time, `2019-09-16`; empty for none."""
    return "" if at is None else f"{utc(at):%Y-%m-%d}"


def lifetime_s(value: Any, usual_s: float, most_s: float = _MOST_LIFE_S) -> float:
    """For how many seconds something is good, as another server says it: a number or a text, of any size.

    What is not a number above 0 counts as `usual_s`, and what is longer than `most_s` is that.
    """
    life_s = whole_number(value.strip(), digits=18) if isinstance(value, str) else value
    if isinstance(life_s, bool) or not isinstance(life_s, int | float) or not life_s > 0:
        return usual_s
    return float(min(life_s, most_s))


def numeric_date(value: Any) -> float | None:
    """A time as JSON Web Tokens have it, in seconds since the epoch; None for what is not a time within a hundred years
    of it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -_AN_AGE_S <= value <= _AN_AGE_S else None
