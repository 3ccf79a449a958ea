"""What follows from a step of a run, in the transaction that makes it: messages, timers, questions, records.

A table says for each effect of the protocol, and for each event that the ledger accepted, what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.contracts.history import RunEnded, StageEnded, Status, TaskEnded, TaskHandle, TaskWaiting
from shared.contracts.runs import ExecutionOver, IntentChanged, RunExecution, StageOver
from shared.contracts.topics import EXECUTION_OVER, EXECUTION_STAGE_OVER, RUN_EXECUTION, RUN_INTENT

from . import protocol
from .catalog.documents import micros
from .store import deployments, executions, operations, pushed_images
from .store.executions import Run

if TYPE_CHECKING:
    from .moving import Movement

DUE = "run.due"
"""The timer of a parked run, by execution id."""


def of_step(movement: Movement, run: Run, step: protocol.Step) -> None:
    """Do what follows from a step, whose events and holding the movement has taken over already."""
    for recorded in step.accepted:
        if (told := _TOLD.get(type(recorded.event))) is not None:
            told(movement, run, recorded.event)
    for effect in step.effects:
        _EFFECTS[type(effect)](movement, run, effect)


def _dispatch(movement: Movement, run: Run, effect: protocol.Dispatch) -> None:
    movement.sent(run)
    movement.uow.outbox(RUN_EXECUTION, RunExecution(execution_id=run.id, dispatch=effect.number), run.id)


def _want_place(movement: Movement, run: Run, _effect: object) -> None:
    movement.want_place(run)


def _set_timer(movement: Movement, run: Run, effect: protocol.SetTimer) -> None:
    movement.uow.timer(DUE, run.id, effect.due_at)


def _cancel_timer(movement: Movement, run: Run, _effect: object) -> None:
    movement.uow.cancel_timer(DUE, run.id)


def _tell_holder(movement: Movement, run: Run, _effect: object) -> None:
    movement.uow.broadcast(RUN_INTENT, IntentChanged(execution_id=run.id), run.id)


def _over(movement: Movement, run: Run, _effect: object) -> None:
    """The run has ended: say so reliably, close its questions, and answer the run that waits for it."""
    ended_at = run.ended_at or movement.uow.now
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
    movement.uow.outbox(EXECUTION_OVER, over, run.id)
    movement.ended(run)
    if run.status is not Status.COMPLETED:
        movement.cancel_children(run.id)
    if run.parent is not None:
        _answer_parent(movement, run, run.parent)


def _answer_parent(movement: Movement, run: Run, parent_id: str) -> None:
    parent = movement.run(parent_id)
    if parent is None or parent.holding.state is protocol.State.ENDED:
        return
    ends = (one for one in reversed(movement.said_of(run)) if isinstance(one, RunEnded))
    brought = next((one for one in ends if one.output), None)
    said = {
        "executionId": run.id,
        "executionIndex": run.index,
        "executionStatus": run.status.value,
        "statusMessage": run.status_message,
        "outputProperties": brought.output if brought else {},
        "sealedProperties": {name: box.model_dump() for name, box in brought.sealed.items()} if brought else {},
    }
    step = protocol.answer(parent.holding, run.parent_stage, run.parent_task, said, movement.uow.now)
    movement.apply(parent, step)


def _stage_over(movement: Movement, run: Run, event: StageEnded) -> None:
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
    movement.uow.outbox(EXECUTION_STAGE_OVER, over, run.id)


def _run_ended(movement: Movement, run: Run, event: RunEnded) -> None:
    if event.output:
        executions.set_output(movement.uow, run.id, event.output)


def _task_waits(movement: Movement, run: Run, event: TaskWaiting) -> None:
    if event.reason != "approval":
        return
    uow = movement.uow
    operations.ask(uow, run, event)
    if event.ask.get("cancelPreviousPendingUserOp"):
        for one in operations.earlier_askers(uow, run, event.stage, event.task):
            if (earlier := movement.run(one)) is not None:
                executions.set_reason(uow, one, f"#{run.index} asks the same.")
                movement.apply(earlier, protocol.intend(earlier.holding, protocol.Intent.CANCEL, uow.now))


def _task_handle(movement: Movement, run: Run, event: TaskHandle) -> None:
    for one in event.pushing:
        pushed_images.record(movement.uow, run, event, one)


def _task_ended(movement: Movement, run: Run, event: TaskEnded) -> None:
    if event.status in (Status.CANCELED, Status.FAILED):
        operations.close_of_task(movement.uow, run.id, event.stage, event.task)
        movement.cancel_children(run.id, (event.stage, event.task))
    for one in event.deployed:
        deployments.record(movement.uow, run, event, one)


_EFFECTS: dict[type, Callable[[Movement, Run, Any], None]] = {
    protocol.Dispatch: _dispatch,
    protocol.Enqueue: _want_place,
    protocol.FreePlace: _want_place,
    protocol.SetTimer: _set_timer,
    protocol.CancelTimer: _cancel_timer,
    protocol.TellHolder: _tell_holder,
    protocol.Over: _over,
}
_TOLD: dict[type, Callable[[Movement, Run, Any], None]] = {
    StageEnded: _stage_over,
    RunEnded: _run_ended,
    TaskWaiting: _task_waits,
    TaskHandle: _task_handle,
    TaskEnded: _task_ended,
}
