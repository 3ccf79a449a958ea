"""Token buckets: how often something may happen, by key, in bounded memory. The clock comes in as an argument."""

from __future__ import annotations

import threading


class Limiter:
    """`burst` at once and `per_s` on the average, for each key. Full buckets are forgotten."""

    def __init__(self, *, burst: float, per_s: float, max_keys: int = 10_000) -> None:
        self._burst = burst
        self._per_s = per_s
        self._max_keys = max_keys
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, at: float) -> float:
        """Take one; 0 when it was there, else the seconds until one is."""
        with self._lock:
            level = self._level(key, at)
            if level < 1:
                return (1 - level) / self._per_s
            if key not in self._levels and len(self._levels) >= self._max_keys:
                self._forget(at)
            self._levels[key] = (level - 1, at)
            return 0.0

    def wait_s(self, key: str, at: float) -> float:
        """The seconds until one is there, without taking it."""
        with self._lock:
            return max(0.0, 1 - self._level(key, at)) / self._per_s

    def _level(self, key: str, at: float) -> float:
        level, since = self._levels.get(key, (self._burst, at))
        return min(self._burst, level + max(0.0, at - since) * self._per_s)

    def _forget(self, at: float) -> None:
        full_after_s = self._burst / self._per_s
        kept = {key: value for key, value in self._levels.items() if at - value[1] < full_after_s}
        # An attacker with many addresses must not grow the table: then everybody starts afresh.
        self._levels = kept if len(kept) < self._max_keys else {}
