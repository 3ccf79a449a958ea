"""What hubsync counts of its calls to Docker Hub."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from shared.contracts.texts import whole_number

REQUESTS = Counter(
    "portside_hub_requests", "Calls to Docker Hub's API, by HTTP status; `none` where no answer came.", ["status"]
)
RATE_LEFT = Gauge("portside_hub_ratelimit_remaining", "Calls that Docker Hub still allows, as its last answer said.")


def answered(status: int, headers: Mapping[str, str]) -> None:
    """Docker Hub answered."""
    REQUESTS.labels(str(status)).inc()
    remaining = whole_number(headers.get("X-RateLimit-Remaining", ""))
    if remaining is not None:
        RATE_LEFT.set(remaining)


def unanswered() -> None:
    """A call got no answer, or one that broke off."""
    REQUESTS.labels("none").inc()
