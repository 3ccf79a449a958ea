"""What the gateway counts. Its workers share one port: each writes its values to files, and any of them adds up all.

So a gauge says how the workers\' values become one (`multiprocess_mode`).
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.process.metrics import FAST_S

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ROUTE = "portside.route"
"""Where Flask leaves the pattern of the route that it chose, in the WSGI environment."""

REQUEST_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "From a complete request to its answer's first byte; event streams count until they begin.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=FAST_S,
)
HOOKS = Counter(
    "portside_hooks",
    "Webhook calls, by the webhook's provider and the HTTP status of the answer.",
    ["provider", "answer"],
)
HOOK_ACK = Histogram(
    "portside_hook_ack_seconds", "Until a delivery was safe: confirmed by the broker, or in the spool.", buckets=FAST_S
)
SPOOL_HOOKS = Gauge("portside_spool_hooks", "Deliveries in the spool.", multiprocess_mode="livemax")
SPOOL_BYTES = Gauge("portside_spool_bytes", "Bytes in the spool.", multiprocess_mode="livemax")
SPOOL_OLDEST = Gauge(
    "portside_spool_oldest_seconds",
    "Age of the oldest delivery in the spool; 0 when it is empty.",
    multiprocess_mode="livemax",
)
SPOOL_USED = Gauge(
    "portside_spool_used_ratio",
    "The part of the spool's bounds that is used, 1 being full.",
    multiprocess_mode="livemax",
)
SPOOL_LIMIT = Gauge("portside_spool_limit_bytes", "Bytes that the spool takes.", multiprocess_mode="livemax")
STREAMS = Gauge("portside_streams", "Event streams: open, or free.", ["state"], multiprocess_mode="livesum")


def method_of(method: str) -> str:
    """A method as a label: what nobody knows is one value (OpenTelemetry\'s `_OTHER`)."""
    return method if method in _METHODS else "_OTHER"
