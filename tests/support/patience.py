"""How long tests wait for what happens in another thread or process, in one place.

Whoever waits looks again and again until it happened. The limit says only when a test has failed: it is many times
what a step takes on a busy machine, and a test that passes never waits so long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0
"""For one step; a test may take 300 s in all."""


def wait_for(
    ask: Callable[[], T | None], what: str = "it to happen", limit_s: float = PATIENCE_S, *, every_s: float = 0.1
) -> T:
    """Ask until the answer is something (neither None, False, nor empty) and return it; else fail with `what`."""
    deadline = time.monotonic() + limit_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"waited {limit_s:.0f} s for {what}"
        time.sleep(every_s)
    return answer


def until(ask: Callable[[], Any], limit_s: float = PATIENCE_S) -> Any:
    """`wait_for` within this process, where looking costs nothing and the line of the test says for what."""
    return wait_for(ask, limit_s=limit_s, every_s=0.01)
