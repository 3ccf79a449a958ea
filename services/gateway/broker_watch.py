"""Looks at the broker now and then, so that each page can say which queue needs somebody without waiting for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from shared.bus import BrokerState
from shared.process.clock import monotonic

EVERY_S = 20.0
FORGOTTEN_AFTER_S = 5 * EVERY_S
LOOKS = 2
"""Two looks must agree: at a restart a queue has no consumer for a moment."""


class BrokerWatch:
    """The newest looks of this process, taken in a thread of its own."""

    def __init__(self, look: Callable[[], BrokerState]) -> None:
        self._look = look
        self._looks: deque[tuple[float, BrokerState]] = deque(maxlen=LOOKS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="broker-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()

    def take(self) -> None:
        """Look now."""
        self._looks.append((monotonic(), self._look()))

    def looks(self) -> tuple[BrokerState, ...]:
        """The last `LOOKS` of them; none while there are fewer, or when they are old."""
        looks = list(self._looks)
        fresh = len(looks) == LOOKS and monotonic() - looks[0][0] <= FORGOTTEN_AFTER_S
        return tuple(state for _, state in looks) if fresh else ()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.take()
