"""Whether this gateway should get requests, for a load balancer or an orchestrator to ask."""

from __future__ import annotations

from typing import Protocol

MOST_USED = 0.9
"""Past this part of its spool a gateway is not ready: others take webhook calls while this one still can."""


class SpoolState(Protocol):
    """What of the spool counts here."""

    @property
    def used(self) -> float: ...
    @property
    def usable(self) -> bool: ...


def readiness(*, connected: bool, spool: SpoolState | None) -> tuple[bool, dict[str, object]]:
    """Ready when the broker or the spool takes a delivery and the spool is not nearly full; and the probe's document.

    `spool` is None in a gateway that serves no webhook calls: it is ready while the broker is there.
    """
    document: dict[str, object] = {"broker": "connected" if connected else "away"}
    ready = connected
    if spool is not None:
        used, usable = spool.used, spool.usable
        document |= {"spool": "usable" if usable else "unusable", "spoolUsed": round(used, 3)}
        ready = (connected or usable) and used < MOST_USED
    return ready, {"status": "ready" if ready else "not ready", **document}
