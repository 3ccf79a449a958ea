"""What follows from a step of a run, in the transaction that makes it: messages, timers, questions, records.

A table says for each effect of the protocol, and for each event that the ledger accepted, what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.config.store import deployments, executions, operations, pushed_images
from services.config.store.executions import Run
from shared.contracts.history import (
    RunEnded,
    RunStarted,
    StageEnded,
    Status,
    TaskEnded,
    TaskHandle,
    TaskStarted,
    TaskWaiting,
)
from shared.contracts.runs import ExecutionOver, IntentChanged, RunExecution, StageOver
from shared.contracts.times import micros
from shared.contracts.topics import EXECUTION_OVER, EXECUTION_STAGE_OVER, RUN_EXECUTION, RUN_INTENT

from . import figures, protocol, traces
from .ports import BatchPort

DUE = "run.due"
"""The timer of a parked run, by execution id."""


def apply_effects(batch: BatchPort, run: Run, step: protocol.Transition) -> None:
    """Do what follows from a step, whose events and holding the batch has taken over already."""
    for recorded in step.accepted:
        if (follow_up := _TOLD.get(type(recorded.event))) is not None:
            follow_up(batch, run, recorded.event)
    for effect in step.effects:
        _EFFECTS[type(effect)](batch, run, effect)


def _dispatch(batch: BatchPort, run: Run, effect: protocol.Dispatch) -> None:
    batch.sent(run)
    dispatch = RunExecution(execution_id=run.id, dispatch=effect.number)
    batch.uow.outbox(RUN_EXECUTION, dispatch, run.id, traceparent=traces.of_run(batch, run))


def _want_place(batch: BatchPort, run: Run, _effect: object) -> None:
    batch.want_place(run)


def _set_timer(batch: BatchPort, run: Run, effect: protocol.SetTimer) -> None:
    batch.uow.timer(DUE, run.id, effect.due_at)


def _cancel_timer(batch: BatchPort, run: Run, _effect: object) -> None:
    batch.uow.cancel_timer(DUE, run.id)


def _tell_holder(batch: BatchPort, run: Run, _effect: object) -> None:
    batch.uow.broadcast(RUN_INTENT, IntentChanged(execution_id=run.id), run.id)


def _over(batch: BatchPort, run: Run, _effect: object) -> None:
    """The run has ended: say so reliably, close its questions, and answer the run that waits for it."""
    ended_at = run.ended_at or batch.uow.now
    over = ExecutionOver(
        execution_id=run.id,
        revision=run.revision,
        project=run.project,
        pipeline=run.pipeline,
        index=run.index,
        status=run.status.value,
        status_message=run.status_message,
        duration_us=micros(ended_at - (run.started_at or run.requested_at)),
    )
    batch.uow.outbox(EXECUTION_OVER, over, run.id, traceparent=traces.of_run(batch, run))
    batch.ended(run)
    figures.ended(batch.uow, run)
    traces.ended(batch, run)
    if run.status is not Status.COMPLETED:
        batch.cancel_children(run.id)
    if run.parent is not None:
        _answer_parent(batch, run, run.parent)


def _answer_parent(batch: BatchPort, run: Run, parent_id: str) -> None:
    parent = batch.run(parent_id)
    if parent is None or parent.holding.state is protocol.State.ENDED:
        return
    ends = (end for end in reversed(batch.said_of(run)) if isinstance(end, RunEnded))
    last_end = next((end for end in ends if end.output), None)
    answer = {
        "executionId": run.id,
        "executionIndex": run.index,
        "executionStatus": run.status.value,
        "statusMessage": run.status_message,
        "outputProperties": last_end.output if last_end else {},
        "sealedProperties": {name: box.model_dump() for name, box in last_end.sealed.items()} if last_end else {},
    }
    step = protocol.answer(parent.holding, run.parent_stage, run.parent_task, answer, batch.uow.now)
    batch.apply(parent, step)


def _stage_over(batch: BatchPort, run: Run, event: StageEnded) -> None:
    over = StageOver(
        execution_id=run.id,
        revision=run.revision,
        project=run.project,
        pipeline=run.pipeline,
        index=run.index,
        stage=event.stage,
        status=event.status.value,
        status_message=event.message,
    )
    batch.uow.outbox(EXECUTION_STAGE_OVER, over, run.id, traceparent=traces.of_run(batch, run))


def _run_ended(batch: BatchPort, run: Run, event: RunEnded) -> None:
    if event.output:
        executions.set_output(batch.uow, run.id, event.output)


def _task_waits(batch: BatchPort, run: Run, event: TaskWaiting) -> None:
    if event.reason != "approval":
        return
    uow = batch.uow
    operations.ask(uow, run, event)
    if event.ask.get("cancelPreviousPendingUserOp"):
        for asker_id in operations.earlier_askers(uow, run, event.stage, event.task):
            if (earlier := batch.run(asker_id)) is not None:
                executions.set_reason(uow, asker_id, f"#{run.index} asks the same.")
                batch.apply(earlier, protocol.intend(earlier.holding, protocol.Intent.CANCEL, uow.now))


def _task_handle(batch: BatchPort, run: Run, event: TaskHandle) -> None:
    for pushed_image in event.pushing:
        pushed_images.record(batch.uow, run, event, pushed_image)


def _task_ended(batch: BatchPort, run: Run, event: TaskEnded) -> None:
    if event.status in (Status.CANCELED, Status.FAILED):
        operations.close_of_task(batch.uow, run.id, event.stage, event.task)
        batch.cancel_children(run.id, (event.stage, event.task))
    for workload in event.deployed:
        deployments.record(batch.uow, run, event, workload)
    figures.task_ended(batch.uow, run, event)


_EFFECTS: dict[type, Callable[[BatchPort, Run, Any], None]] = {
    protocol.Dispatch: _dispatch,
    protocol.Enqueue: _want_place,
    protocol.FreeSlot: _want_place,
    protocol.SetTimer: _set_timer,
    protocol.CancelTimer: _cancel_timer,
    protocol.NotifyRunner: _tell_holder,
    protocol.AnnounceRunEnd: _over,
}
_TOLD: dict[type, Callable[[BatchPort, Run, Any], None]] = {
    RunStarted: lambda batch, run, _: figures.started(batch.uow, run),
    TaskStarted: lambda batch, run, _: figures.task_started(batch.uow, run),
    StageEnded: _stage_over,
    RunEnded: _run_ended,
    TaskWaiting: _task_waits,
    TaskHandle: _task_handle,
    TaskEnded: _task_ended,
}
