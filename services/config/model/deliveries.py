"""What is remembered of an earlier push of the same repository."""

from __future__ import annotations

from dataclasses import dataclass

SENDER_REFUSED = ("ignored: network", "ignored: signature")
"""Verdicts on calls that may be a stranger's: no later call is a repeat of one of these."""


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
