"""How much one token may send: more than others wait for goes behind them, and past a hard cap nothing is taken.

A delivery with a good token is never refused for its address: Docker Hub calls for everybody from shared ones.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shared.contracts.pushes import HooksRefused

from .limits import Limiter

BURST, PER_S = 1_000, 50.0
"""What a token sends beyond this goes to a queue of its own, so that no webhook waits for another's flood."""
TELL_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What becomes of one delivery: `wait_s` above 0 refuses it; `refused` is to be reported to config."""

    in_bulk: bool = False
    wait_s: float = 0.0
    refused: HooksRefused | None = None


NORMAL, IN_BULK = Rate(), Rate(in_bulk=True)


class Rates:
    """The rates of every token in this process."""

    def __init__(self, cap_per_minute: int) -> None:
        self._cap_per_minute = cap_per_minute
        self._quick = Limiter(burst=BURST, per_s=PER_S)
        self._cap = Limiter(burst=cap_per_minute, per_s=cap_per_minute / 60)
        self._lock = threading.Lock()
        self._refused: dict[str, tuple[int, float, float]] = {}
        """By webhook: how many since when, and when that was last told."""

    def take(self, token_hash: str, webhook_id: str, at: float, wall: float) -> Rate:
        """Count one delivery; `at` only grows, `wall` is the time of day."""
        if wait_s := self._cap.take(token_hash, at):
            return Rate(wait_s=wait_s, refused=self._refuse(webhook_id, at, wall))
        return IN_BULK if self._quick.take(token_hash, at) else NORMAL

    def _refuse(self, webhook_id: str, at: float, wall: float) -> HooksRefused | None:
        """The first is reported at once, those that follow once a minute."""
        with self._lock:
            count, since, told_at = self._refused.get(webhook_id, (0, wall, -TELL_EVERY_S))
            count += 1
            if at - told_at < TELL_EVERY_S:
                self._refused[webhook_id] = (count, since, told_at)
                return None
            self._refused[webhook_id] = (0, wall, at)
            return HooksRefused(webhook_id=webhook_id, count=count, since=since, cap_per_minute=self._cap_per_minute)
