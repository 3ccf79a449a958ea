"""When a call was received, by config's clock: gateways whose own clocks differ agree on which push came first."""

from __future__ import annotations

from shared.process.clock import now

TOLERANCE_S = 0.5


def ahead_s(asked_at: float, answered_at: float, heard_at: float) -> float:
    """How far config's clock is ahead of ours; 0 where the time that its answer took may be all of it. Pure."""
    difference_s = answered_at - (asked_at + heard_at) / 2
    uncertain_s = (heard_at - asked_at) / 2 + TOLERANCE_S
    return difference_s if abs(difference_s) > uncertain_s else 0.0


class ReceptionClock:
    """Our clock, put right by what config's last answer said; kept while config is away."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def compare(self, asked_at: float, answered_at: float | None) -> None:
        """Learn from an answer that has just come, to a question asked at `asked_at` by our clock."""
        if answered_at is not None:
            self._ahead_s = ahead_s(asked_at, answered_at, now())

    def now(self) -> float:
        """Seconds since the epoch."""
        return now() + self._ahead_s
