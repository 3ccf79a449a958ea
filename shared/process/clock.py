"""The one place that asks what time it is; pure code gets the time as an argument.

`shared.contracts.times` writes and reads times.
"""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def monotonic() -> float:
    """Seconds on a clock that never jumps; only differences mean anything."""
    return time.monotonic()
