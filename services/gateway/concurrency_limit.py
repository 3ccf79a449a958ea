"""How many requests may be in hand at once, so that slow pages and streams always leave threads for hooks."""

from __future__ import annotations

import threading


class ConcurrencyLimit:
    """A bounded count. `enter` never waits."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Take a place; False when there is none."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._left += 1

    @property
    def left(self) -> int:
        """How many places there are now."""
        return self._left
