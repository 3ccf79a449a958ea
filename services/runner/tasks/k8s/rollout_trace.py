"""A span for each workload that a task changed: from the apply until its pods are ready."""

from __future__ import annotations

from collections.abc import Iterable

from services.runner.task_protocol import TaskRequest
from shared.contracts.base import Json
from shared.process import tracing
from shared.process.tracing import CLIENT, SpanRecord

from .manifests import Object, pod_template
from .rollout import readiness


def rolled_out(request: TaskRequest, handle: Json, objects: Iterable[Object]) -> None:
    """Send the spans of what is ready now; of what was live already there is none."""
    if not request.traceparent or not tracing.is_on():
        return
    changed = {(ref["kind"], ref["namespace"], ref["name"]) for ref in handle.get("changed", ())}
    ended_at = request.tools.now()
    for obj in objects:
        meta, kind = obj["metadata"], obj["kind"]
        namespace = meta.get("namespace", "")
        if (kind, namespace, meta["name"]) not in changed or pod_template(obj) is None:
            continue
        tracing.emit(
            SpanRecord(
                f"roll out {kind}",
                handle["began"],
                ended_at,
                CLIENT,
                parent=request.traceparent,
                attributes={
                    "k8s.namespace.name": namespace,
                    f"k8s.{kind.lower()}.name": meta["name"],
                    f"k8s.{kind.lower()}.uid": meta.get("uid", ""),
                    "portside.rollout.pods": readiness(obj).message,
                },
            )
        )
