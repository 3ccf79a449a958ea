"""The first span of a push's trace: the webhook call that reported it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.process import tracing
from shared.process.clock import now
from shared.process.tracing import SERVER, SpanRecord


@contextmanager
def hook_span(delivery_id: str, route: str, began: float, caller: str) -> Iterator[None]:
    """A span of a call that began then, with a link to the trace that its `traceparent` header names, if any.

    The trace is the push's own: a caller could name any.
    """
    if not tracing.is_on():
        yield
        return
    error = ""
    try:
        yield
    except Exception as failure:
        error = type(failure).__name__
        raise
    finally:
        tracing.emit(
            SpanRecord(
                f"POST {route}",
                began,
                now(),
                SERVER,
                own=tracing.of_push(delivery_id),
                links=(caller,) if caller else (),
                attributes={
                    "http.request.method": "POST",
                    "http.route": route,
                    "http.response.status_code": 503 if error else 202,
                    "portside.delivery.id": delivery_id,
                },
                error=error,
            )
        )
