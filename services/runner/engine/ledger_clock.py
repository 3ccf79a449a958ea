"""The ledger's time on a machine whose own may be wrong: all runners write events and due times in one time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from shared.process.clock import now

_SAMPLES = 10
_AGREES_S = 1.0
"""Below this the machine's own clock is used: answers travel, so that nothing finer is known."""


class LedgerClock:
    """Follows the times in the ledger's answers."""

    def __init__(self, own: Callable[[], float] = now) -> None:
        self._own = own
        self._ahead: deque[float] = deque(maxlen=_SAMPLES)
        """By how much the ledger was ahead of this machine in each of its last answers, less their way here."""

    def heard(self, at: float) -> None:
        """An answer tells the ledger's time; 0 tells none."""
        if at:
            self._ahead.append(at - self._own())

    def now(self) -> float:
        """Seconds since the epoch, by the ledger's clock."""
        # The way here only makes a sample smaller, so the largest is the nearest.
        ahead = max(self._ahead, default=0.0)
        return self._own() + (ahead if abs(ahead) > _AGREES_S else 0.0)
