"""When the waiting after the last push may end: all is done, or nothing has moved for long. Pure."""

from __future__ import annotations

SETTLED_S = 3.0
"""So long nothing may be pending or new."""
STUCK_S = 180.0
"""Runs of a pipeline that runs one at a time may wait for many others: they are waited for while any of them ends."""


class Quiet:
    """Told what is pending and how far all has come, at moments in seconds."""

    def __init__(self, at: float) -> None:
        self._busy_at = self._moved_at = at
        self._pending, self._progress = 1, tuple[int, ...]()

    def look(self, at: float, *, pending: int, progress: tuple[int, ...]) -> None:
        """`progress` are numbers that only grow: of events, of runs, of those that have ended."""
        moved = progress != self._progress
        if moved:
            self._moved_at, self._progress = at, progress
        if moved or pending:
            self._busy_at = at
        self._pending = pending

    def is_over(self, at: float) -> bool:
        return (not self._pending and at - self._busy_at > SETTLED_S) or at - self._moved_at > STUCK_S
