"""Signs of life: when each holder last reported, on a clock that stops while some could not be heard."""

from __future__ import annotations

import threading
from collections.abc import Iterable

_LONGEST_STEP_S = 1.0
"""After a time without hearing the clock continues from where it stopped, and by no more than this at a time."""


class Leases:
    """In memory only: a ledger that starts gives every holder a whole lease to be heard of.

    Signs of life may be noted on any thread, before anybody has looked whether they are a holder's; an attempt that is
    older than the newest heard of proves nothing about the run.
    """

    def __init__(self, *, lease_s: float) -> None:
        self._lease_s = lease_s
        self._heard_until: float | None = None
        self._clock_s = 0.0
        self._seen: dict[str, tuple[int, float]] = {}
        """By execution: the newest attempt heard of, and when."""
        self._lock = threading.Lock()

    def start(self) -> None:
        """This process keeps them from now on: what it knows of an earlier time says nothing."""
        with self._lock:
            self._heard_until = None
            self._seen.clear()

    def tick(self, heard_until: float) -> None:
        """All that was sent up to then has been heard: `heard_until` in monotonic seconds, standing while it is not."""
        with self._lock:
            if self._heard_until is not None:
                self._clock_s += min(max(0.0, heard_until - self._heard_until), _LONGEST_STEP_S)
            self._heard_until = heard_until

    def heard(self, holds: Iterable[tuple[str, int]]) -> None:
        """Holders, as (execution id, attempt), have just reported."""
        with self._lock:
            for execution_id, attempt in holds:
                newest, _ = self._seen.get(execution_id, (0, 0.0))
                if attempt >= newest:
                    self._seen[execution_id] = (attempt, self._clock_s)

    def expired(self, held: Iterable[str]) -> list[str]:
        """Which of the held runs have not reported for a whole lease; others are forgotten."""
        with self._lock:
            self._seen = {execution_id: self._seen.get(execution_id, (0, self._clock_s)) for execution_id in held}
            return [execution_id for execution_id, (_, at) in self._seen.items() if self._clock_s - at > self._lease_s]
