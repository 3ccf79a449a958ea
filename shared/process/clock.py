"""The one place that asks what time it is; pure code gets the time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def monotonic() -> float:
    """Seconds on a clock that never jumps; only differences mean anything."""
    return time.monotonic()


def rfc3339(at: float) -> str:
    """An epoch time as `2026-11-23T09:30:00.123Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(written: str) -> float:
    """The epoch time that `rfc3339` wrote. Raises ValueError."""
    return datetime.fromisoformat(written).timestamp()
