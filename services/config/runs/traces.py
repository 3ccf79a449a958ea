"""A run as spans, from what the ledger has on record: the run, its stages, and each try of its tasks.

A run outlives processes, so that its spans are sent once, when it has ended. Until then others name them as parents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from services.config.store import UnitOfWork, events
from services.config.store.executions import Run
from shared.contracts.history import (
    Recorded,
    StageEnded,
    StageStarted,
    Status,
    TaskEnded,
    TaskStarted,
)
from shared.process import tracing
from shared.process.tracing import SERVER, SpanRecord, run_span, stage_span, task_span

from .ports import BatchPort

_RESULTS = {Status.COMPLETED: "success", Status.FAILED: "failure", Status.CANCELED: "cancellation"}
"""As https://opentelemetry.io/docs/specs/semconv/registry/attributes/cicd/ has them."""
_MOST_NESTED = 60


def of_run(batch: BatchPort, run: Run) -> str:
    """The traceparent of a run's own span, in the trace of the push that is behind it; empty while traces are off."""
    return tracing.named(_origin(batch, run), run_span(run.id)) if tracing.is_on() else ""


def _origin(batch: BatchPort, run: Run) -> str:
    """What the trace is about: the push, or the outermost run where nothing was pushed."""
    outermost: Run = run
    for _ in range(_MOST_NESTED):
        parent = batch.run(outermost.parent) if outermost.parent is not None else None
        if parent is None:
            break
        outermost = parent
    return outermost.delivery or outermost.id


def ended(batch: BatchPort, run: Run) -> None:
    """Send the run's spans once its end is durable."""
    own = of_run(batch, run)
    if not own:
        return
    parent = _parent(run, own)

    def read(uow: UnitOfWork) -> None:
        history = events.without_values(uow, [run.id]).get(run.id)
        recorded = history.events if history is not None else ()
        for span in spans_of(run, own, parent, recorded, uow.now):
            uow.observe(partial(tracing.emit, span))

    batch.at_last(f"trace of {run.id}", read)


def _parent(run: Run, own: str) -> str:
    if run.parent is not None:
        return tracing.beside(own, task_span(run.parent, run.parent_stage, run.parent_task, 1))
    return tracing.of_push(run.delivery) if run.delivery is not None else ""


def spans_of(run: Run, own: str, parent: str, history: Iterable[Recorded], now: float) -> Iterator[SpanRecord]:
    """The spans of a run that has ended. Pure."""
    started_at, ended_at = run.started_at or run.requested_at, run.ended_at or now
    yield SpanRecord(
        f"RUN {run.pipeline}",
        started_at,
        ended_at,
        SERVER,
        parent=parent,
        own=own,
        attributes={
            "cicd.pipeline.name": run.pipeline,
            "cicd.pipeline.run.id": run.id,
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.result": _RESULTS.get(run.status, "error"),
            "portside.project": run.project,
            "portside.execution.index": run.index,
            "portside.run.queued_seconds": round(max(0.0, started_at - run.requested_at), 3),
        },
        error=run.status_message if run.status is Status.FAILED else "",
    )
    stages: dict[str, float] = {}
    tasks: dict[tuple[str, str, int], float] = {}
    for recorded in history:
        match event := recorded.event:
            case StageStarted():
                stages[event.stage] = event.at
            case TaskStarted():
                # Given twice where a successor began again: the first is when it was begun.
                tasks.setdefault((event.stage, event.task, event.try_number), event.at)
            case TaskEnded():
                yield _task(run, own, event, tasks.get((event.stage, event.task, event.try_number), event.at))
            case StageEnded():
                yield SpanRecord(
                    f"stage {event.stage}",
                    stages.get(event.stage, event.at),
                    event.at,
                    parent=own,
                    own=tracing.beside(own, stage_span(run.id, event.stage)),
                    attributes={"portside.stage.name": event.stage, "portside.stage.status": event.status.value},
                    error=event.message if event.status is Status.FAILED else "",
                )


def _task(run: Run, own: str, event: TaskEnded, started_at: float) -> SpanRecord:
    attributes: dict[str, str | int | float | bool] = {
        "cicd.pipeline.task.name": f"{event.stage}.{event.task}",
        "cicd.pipeline.task.run.id": f"{run.id}/{event.stage}/{event.task}/{event.try_number}",
        "cicd.pipeline.task.run.result": _RESULTS.get(event.status, "skip"),
    }
    if event.deployed:
        attributes["cicd.pipeline.task.type"] = "deploy"
    return SpanRecord(
        f"task {event.stage}.{event.task}",
        started_at,
        event.at,
        parent=tracing.beside(own, stage_span(run.id, event.stage)),
        own=tracing.beside(own, task_span(run.id, event.stage, event.task, event.try_number)),
        attributes=attributes,
        error=event.message if event.status is Status.FAILED else "",
    )
