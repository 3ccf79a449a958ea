"""When to try again. Pure: the time comes in."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from shared.contracts.texts import finite
from shared.process.backoff import doubled

FIRST_S = 15.0
FIRST_LIMITED_S = 60.0
"""The Hub's API counts calls by the minute."""
CEILING_S = 1_800.0
LONGEST_S = 86_400.0
"""A server that asks for more than a day is asked again after a day."""


def after_failures(failures: int, now: float, jitter: float) -> float:
    """15 s, 30 s, 1 min … half an hour, each up to a quarter longer; `jitter` is between 0 and 1."""
    return now + _with_jitter(FIRST_S, failures, jitter)


def after_limits(times: int, now: float, jitter: float) -> float:
    """How long an account rests after that many answers "too many calls" in a row without a time: from 1 min."""
    return now + _with_jitter(FIRST_LIMITED_S, times, jitter)


def _with_jitter(first_s: float, times: int, jitter: float) -> float:
    return doubled(first_s, times, CEILING_S) * (1 + jitter / 4)


def asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """What the server asks for: `X-Retry-After` as a Unix time, else `Retry-After` as seconds or a date."""
    retry_at = _number(headers.get("X-Retry-After"))
    if retry_at is not None and retry_at > now:
        return min(retry_at, now + LONGEST_S)
    text = headers.get("Retry-After")
    seconds = _number(text)
    if seconds is not None:
        return now + min(max(seconds, 1.0), LONGEST_S)
    if text:
        try:
            at = parsedate_to_datetime(text).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(at, now + LONGEST_S) if at > now else now + 1.0
    return None


def _number(text: str | None) -> float | None:
    value = finite(text)
    return value if value is not None and 0 <= value < 1e12 else None
