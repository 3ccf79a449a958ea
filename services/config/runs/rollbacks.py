"""Rollbacks: the run that undoes something is started as the ledger accepts that it has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.config.model.triggers import RunnablePipeline
from services.config.store import Reading, executions
from services.config.store.executions import Run
from shared.contracts.base import Json
from shared.contracts.history import Recorded, RollbackStarted, Status
from shared.contracts.problems import Code, Refused, refuse
from shared.grammar.inputs import run_inputs
from shared.grammar.malformed import Malformed

from . import admission, protocol
from .batch import RunBatch

Find = Callable[[Reading, str, str], RunnablePipeline | None]
"""The pipeline of a project and a name."""


def begin(movement: RunBatch, run: Run, accepted: Iterable[Recorded], find: Find) -> None:
    """Start the rollbacks that a run asks for; one that cannot be started is answered at once."""
    for event in (record.event for record in accepted):
        if isinstance(event, RollbackStarted) and not event.problem:
            try:
                _start(movement, run, event, find)
            except (Refused, Malformed) as error:
                _answer(movement, run, event, str(error))


def _start(movement: RunBatch, run: Run, event: RollbackStarted, find: Find) -> None:
    pipeline = find(movement.uow, run.project, event.pipeline)
    if pipeline is None:
        raise refuse(Code.NOT_FOUND, f"project {run.project} has no pipeline {event.pipeline}")
    if not pipeline.enabled:
        raise refuse(Code.CONFLICT, f"pipeline {event.pipeline} is disabled")
    ready = admission.compiled(pipeline)
    inputs, flaws = run_inputs(ready.spec, event.input)
    if flaws:
        raise refuse(Code.INVALID, "; ".join(flaw.with_hint for flaw in flaws))
    admission.demand_room(movement.uow, run.id)
    facts = executions.facts_of(movement.uow, [run.id])[run.id]
    order = admission.RunRequest(
        execution_id=event.execution_id,
        requested_by=facts.requested_by,
        inputs=inputs,
        sealed=event.sealed,
        order_at=movement.uow.now,
        comments=f"Rollback of {run.pipeline} #{run.index}{_place(event)}",
        source="rollback",
        rollback=True,
        parent=run.id,
        parent_stage=event.stage,
        parent_task=event.task,
    )
    admission.start(movement, pipeline, ready, order)


def _answer(movement: RunBatch, run: Run, event: RollbackStarted, why: str) -> None:
    """As if the rollback's run had ended badly before it began."""
    now = movement.run(run.id)
    assert now is not None
    answer: Json = {
        "executionId": event.execution_id,
        "executionStatus": Status.FAILED.value,
        "statusMessage": f"It was not started: {why}.",
    }
    movement.apply(now, protocol.answer(now.holding, event.stage, event.task, answer, movement.uow.now))


def _place(event: RollbackStarted) -> str:
    place = ".".join(part for part in (event.stage, event.task) if part)
    return f", {place}" if place else ""
