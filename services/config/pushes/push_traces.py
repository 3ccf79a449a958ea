"""The span of a verdict: from the webhook call to the decision what becomes of the push."""

from __future__ import annotations

from services.config.model.push_events import PushEvent
from shared.process import tracing
from shared.process.tracing import SpanRecord


def judged(event: PushEvent, now: float) -> None:
    """Send it. The further pushes of one call have traces of their own, linked with the call's."""
    if not tracing.is_on():
        return
    own_call = event.ordinal == 0
    parent = tracing.of_push(event.id)
    tracing.emit(
        SpanRecord(
            "judge push",
            event.received_at,
            now,
            parent=parent if own_call else "",
            own="" if own_call else parent,
            links=() if own_call else (tracing.of_push(event.delivery_id),),
            attributes={
                "portside.project": event.project,
                "portside.event.id": event.id,
                "portside.verdict": event.verdict,
                "portside.repository": event.push.repository if event.push is not None else "",
                "portside.tag": (event.push.tag or "") if event.push is not None else "",
                "cicd.pipeline.run.id": event.execution_id or "",
            },
        )
    )
