"""Signs of life: who was heard of when, on a clock that stands still while the broker is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

_LONGEST_TICK_S = 2.0
"""A pause of this process itself (a stopped machine) says nothing about the runners either."""


class Leases:
    """In memory only: a ledger that starts gives every holder a whole lease to be heard of."""

    def __init__(self, monotonic: Callable[[], float], *, lease_s: float) -> None:
        self._monotonic = monotonic
        self._lease_s = lease_s
        self._last_tick = monotonic()
        self._clock_s = 0.0
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def tick(self, *, connected: bool) -> None:
        """Move the clock on by the time that passed, if runners could be heard meanwhile."""
        with self._lock:
            at = self._monotonic()
            if connected:
                self._clock_s += min(at - self._last_tick, _LONGEST_TICK_S)
            self._last_tick = at

    def saw(self, execution_ids: Iterable[str]) -> None:
        """Their holder has just been heard of."""
        with self._lock:
            for one in execution_ids:
                self._seen[one] = self._clock_s

    def expired(self, held: Iterable[str]) -> list[str]:
        """Which of the held runs have not been heard of for a whole lease; others are forgotten."""
        with self._lock:
            self._seen = {one: self._seen.get(one, self._clock_s) for one in held}
            return [one for one, seen in self._seen.items() if self._clock_s - seen > self._lease_s]
