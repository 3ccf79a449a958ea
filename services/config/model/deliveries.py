"""What is remembered of an earlier push of the same repository."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another delivery of the same webhook, as far as repeating it is concerned."""

    id: str
    received_at: float
    tag: str | None
    digest: str | None
    pushed_at: float | None
    pusher: str | None
    provider_delivery_id: str | None
    verdict: str
