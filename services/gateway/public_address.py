"""Where the world reaches this gateway, as links and examples name it: the address in force.

Administrators may change it while this process runs; config knows it, the environment only what it was at the start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import SYSTEM
from shared.contracts.problems import Refused
from shared.process.clock import monotonic as process_monotonic

from .config_client import TIMEOUT_S, ConfigClient

KEEP_S = 5.0
WITHIN_S = 1.0


class PublicAddress:
    """Without a slash at its end; `from_environment` is what it is until config has answered once."""

    def __init__(
        self, config: ConfigClient, from_environment: str, monotonic: Callable[[], float] = process_monotonic
    ) -> None:
        self._config = config
        self._from_environment = self._last = from_environment
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def in_force(self) -> str:
        """As config has it now. Raises `Refused` while config cannot be asked."""
        return self._ask(TIMEOUT_S)

    def last_known(self) -> str:
        """At most `KEEP_S` old while config answers, else the last one.

        For answers to strangers: while config is away they neither fail nor wait long, and many cost one question.
        """
        if self._monotonic() - self._asked_at >= KEEP_S and self._asking.acquire(blocking=False):
            try:
                self._ask(WITHIN_S)
            except Refused:
                pass
            finally:
                self._asked_at = self._monotonic()
                self._asking.release()
        return self._last

    def _ask(self, timeout_s: float) -> str:
        document = self._config.get(SYSTEM, Get(kind=Kind.SETTINGS), timeout_s=timeout_s).document
        self._last = str(document.get("publicUrl") or self._from_environment)
        return self._last
