"""Who applied last: annotations that make a late start of the same pipeline leave newer work alone."""

from __future__ import annotations

from dataclasses import dataclass

from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.contracts.texts import whole_number

from .manifests import Object, Ref

PIPELINE = "portside.dev/pipeline"
START = "portside.dev/start"
EXECUTION = "portside.dev/execution"
INDEX = "portside.dev/index"
"""The number that people know the execution by."""
TRACE = "portside.dev/traceparent"
"""On workloads: the span of the task that changed them last."""
RESTARTED = "portside.dev/restarted-for"
"""On pod templates: which execution asked for new pods of an unchanged manifest."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What we write on everything that we apply."""

    pipeline_id: str
    start: int
    execution_id: str
    index: int

    def put_on(self, obj: Object) -> None:
        """Write the stamp into an object's annotations."""
        annotations = obj["metadata"].setdefault("annotations", {}) or {}
        annotations.update(
            {
                PIPELINE: self.pipeline_id,
                START: str(self.start),
                EXECUTION: self.execution_id,
                INDEX: str(self.index),
            }
        )
        obj["metadata"]["annotations"] = annotations


def annotations_of(obj: Object | None) -> Json:
    """An object's annotations, where it has any."""
    return ((obj or {}).get("metadata") or {}).get("annotations") or {}


class Superseded(TaskFailed):
    """A later start has applied the object: whatever else happens, it stays as it is."""


def check(live: Object | None, stamp: Stamp, ref: Ref) -> None:
    """Raises `Superseded` where this start may no longer touch the object."""
    if refusal := superseded(live, stamp, ref):
        raise Superseded(refusal)


def superseded(live: Object | None, stamp: Stamp, ref: Ref) -> str | None:
    """Why this start may no longer touch the object: a later start of the same pipeline has."""
    annotations = annotations_of(live)
    if annotations.get(PIPELINE) != stamp.pipeline_id:
        return None
    there = whole_number(annotations.get(START, ""), digits=18)
    if there is None or there <= stamp.start:
        return None
    if annotations.get(EXECUTION) == stamp.execution_id:
        return f"superseded by #{stamp.index}: another runner carries on this execution and has applied {ref}."
    run_number = annotations.get(INDEX) or there
    return f"superseded by #{run_number}: a later start of this pipeline has applied {ref}, so it stays as it is."
