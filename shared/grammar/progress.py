"""What a history means: the fold of recorded events over a plan.

The state is a function of the set of events: they are taken in the order of (attempt, seq), the ledger's own (attempt
0: answers, an end that it decides) after the runners', repeated ones count once, and what names a stage or task that
the plan does not have changes nothing. The first end of a try, of a stage and of the run is the one that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from shared.contracts.history import (
    Recorded,
    RollbackStarted,
    RunEnded,
    RunParked,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    TaskAnswered,
    TaskEnded,
    TaskHandle,
    TaskKept,
    TaskProgress,
    TaskStarted,
    TaskWaiting,
)

from .plan import Plan
from .states import Key, Parked, RollbackState, RunState, StageState, TaskState, Try, WaitingState, initial

LEDGER_ATTEMPT = 0
"""The attempt under which the ledger's own events are recorded."""

HELD_WAITS = frozenset({"nested", "registry"})
"""Waits for work that continues elsewhere: the task counts as running."""


T = TypeVar("T")


def _changed(value: T, **changes: Any) -> T:
    """`dataclasses.replace` without its checks: this is the hottest line of the ledger."""
    new = object.__new__(type(value))
    new.__dict__.update(value.__dict__)
    new.__dict__.update(changes)
    return new


def fold(plan: Plan, recorded: Iterable[Recorded]) -> RunState:
    """The state that a history describes; order and repetition of `recorded` make no difference."""
    return advance(initial(plan), recorded)


def advance(state: RunState, recorded: Iterable[Recorded]) -> RunState:
    """Fold further events into a state. Those not later than `last` and `own_seq` count as already folded in.

    Events of runners must come in their order from one call to the next; answers may come whenever they come.
    """
    distinct = _distinct(recorded)
    for key in sorted(key for key in distinct if key[0] != LEDGER_ATTEMPT and key > state.last):
        state = _changed(_apply(state, distinct[key]), last=key)
    for key in sorted(key for key in distinct if key[0] == LEDGER_ATTEMPT and key[1] > state.own_seq):
        state = _changed(_apply(state, distinct[key]), own_seq=key[1])
    return state


def _distinct(recorded: Iterable[Recorded]) -> dict[Key, Recorded]:
    """One event a place. Two that differ in one place cannot be; if they are, the choice must not depend on order."""
    distinct: dict[Key, Recorded] = {}
    for record in recorded:
        key = (record.attempt, record.event.seq)
        other = distinct.get(key)
        if other is None or (other != record and record.model_dump_json() < other.model_dump_json()):
            distinct[key] = record
    return distinct


def _apply(state: RunState, recorded: Recorded) -> RunState:
    event = recorded.event
    if isinstance(event, TaskAnswered):
        return _answer(state, event)
    if isinstance(event, TaskKept):
        return _keep(state, event)
    if state.status.ended:
        return state
    if state.parked is not None:
        state = _changed(state, parked=None, status=Status.RUNNING)
    if state.status is Status.NOT_STARTED and not isinstance(event, RunEnded):
        state = _changed(state, status=Status.RUNNING, started_at=event.at)
    match event:
        case RunStarted():
            return state
        case RunParked():
            status = Status.PAUSED if event.reason == "paused" else Status.WAITING
            return _changed(state, status=status, parked=Parked(event.reason, event.due_at, event.at))
        case RunEnded():
            return _end_run(state, event)
        case StageStarted() | StageEnded():
            return _apply_to_stage(state, event)
        case RollbackStarted():
            return _roll_back(state, event)
        case _:
            return _apply_to_task(state, event)


def _answer(state: RunState, event: TaskAnswered) -> RunState:
    """Only noted: what an answer means is for the task that asked. So it makes no difference when it comes."""
    rollback = state.rollbacks.get((event.stage, event.task))
    if rollback is not None and event.answer.get("executionId") == rollback.execution_id:
        return _rolled_back(state, event, rollback)
    stage, task = _named(state, event)
    if stage is None or task is None:
        return state
    return _with_task(state, stage, _changed(task, answered=(*task.answered, event)))


def _keep(state: RunState, event: TaskKept) -> RunState:
    """Done in an earlier run: the task has ended before this run begins, which it therefore does not."""
    stage, task = _named(state, event)
    if stage is None or task is None or task.status is not Status.NOT_STARTED:
        return state
    kept = _changed(
        task,
        status=event.status,
        message=event.message,
        try_number=event.try_number,
        input=event.input,
        sealed_input=event.sealed,
        output=event.output,
        started_at=event.started_at,
        try_started_at=event.started_at,
        ended_at=event.ended_at,
        kept_from=event.execution_id,
    )
    return _with_task(state, stage, kept)


def _roll_back(state: RunState, event: RollbackStarted) -> RunState:
    place = (event.stage, event.task)
    if place in state.rollbacks:
        return state
    status = Status.FAILED if event.problem else Status.RUNNING
    begun = RollbackState(event.pipeline, event.execution_id, status, event.problem)
    return _changed(state, rollbacks={**state.rollbacks, place: begun})


def _rolled_back(state: RunState, event: TaskAnswered, begun: RollbackState) -> RunState:
    answer = event.answer
    over = replace(
        begun,
        status=Status(answer.get("executionStatus", Status.FAILED)),
        message=str(answer.get("statusMessage") or ""),
        index=answer.get("executionIndex"),
        output=answer.get("outputProperties") or {},
    )
    return _changed(state, rollbacks={**state.rollbacks, (event.stage, event.task): over})


def _end_run(state: RunState, event: RunEnded) -> RunState:
    """What was under way when a run failed or was cancelled ended with it."""
    stages = state.stages
    if event.status in (Status.FAILED, Status.CANCELED):
        stages = {name: _end_stage_with_run(stage, event) for name, stage in stages.items()}
    rollbacks = {
        place: rollback if rollback.status.ended else replace(rollback, status=event.status, message=event.message)
        for place, rollback in state.rollbacks.items()
    }
    return _changed(
        state,
        stages=stages,
        status=event.status,
        said=event.message,
        output=event.output,
        parked=None,
        ended_at=event.at,
        rollbacks=rollbacks,
    )


def _end_stage_with_run(stage: StageState, event: RunEnded) -> StageState:
    tasks = {
        name: _changed(
            task, status=event.status, message=_ended_at(task.message, event), waiting=None, ended_at=event.at
        )
        if _under_way(task.status)
        else task
        for name, task in stage.tasks.items()
    }
    if not _under_way(stage.status):
        return _changed(stage, tasks=tasks)
    return _changed(stage, tasks=tasks, status=event.status, message=stage.message or event.message, ended_at=event.at)


def _ended_at(message: str, event: RunEnded) -> str:
    return f"{event.message} Before that: {message}" if message else event.message


def _under_way(status: Status) -> bool:
    return status is not Status.NOT_STARTED and not status.ended


def _apply_to_stage(state: RunState, event: StageStarted | StageEnded) -> RunState:
    stage = state.stages.get(event.stage)
    if stage is None or stage.status.ended:
        return state
    if isinstance(event, StageEnded):
        stage = _changed(stage, status=event.status, message=event.message, ended_at=event.at)
    else:
        started_at = event.at if stage.started_at is None else stage.started_at
        stage = _changed(stage, status=Status.RUNNING, started_at=started_at)
    return _changed(state, stages={**state.stages, stage.name: stage})


TaskEvent = TaskStarted | TaskHandle | TaskProgress | TaskWaiting | TaskEnded


def _apply_to_task(state: RunState, event: TaskEvent) -> RunState:
    stage, task = _named(state, event)
    if stage is None or task is None:
        return state
    if event.try_number < task.try_number:
        return state
    if event.try_number > task.try_number:
        task = _next_try(task, event.try_number)
    elif task.status.ended and not (isinstance(event, TaskWaiting) and event.reason == "retry"):
        return state
    task = _TASK_RULES[type(event)](task, event)
    return _with_task(state, stage, task)


def _named(state: RunState, event: TaskEvent | TaskAnswered | TaskKept) -> tuple[StageState | None, TaskState | None]:
    """What an event is about; None where the plan has no such stage or task."""
    stage = state.stages.get(event.stage)
    return stage, stage.tasks.get(event.task) if stage is not None else None


def _with_task(state: RunState, stage: StageState, task: TaskState) -> RunState:
    return _changed(state, stages={**state.stages, stage.name: _changed(stage, tasks={**stage.tasks, task.name: task})})


def _next_try(task: TaskState, number: int) -> TaskState:
    """A clean slate for the new try; the one before moves into `earlier`."""
    fresh = TaskState(task.name, task.index, task.type, answered=task.answered)
    return _changed(fresh, try_number=number, started_at=task.started_at, earlier=_with_this_try(task))


def _with_this_try(task: TaskState) -> tuple[Try, ...]:
    """The earlier tries and this one, unless it began before 1 or is already there."""
    if not task.try_number or (task.earlier and task.earlier[-1].number == task.try_number):
        return task.earlier
    return (*task.earlier, Try(task.try_number, task.status, task.message, task.try_started_at, task.ended_at))


def _started(task: TaskState, event: TaskStarted) -> TaskState:
    first = event.at if task.started_at is None else task.started_at
    own = event.at if task.try_started_at is None else task.try_started_at
    return _changed(
        task,
        status=Status.RUNNING,
        message="",
        waiting=None,
        input=event.input,
        sealed_input=event.sealed,
        started_at=first,
        try_started_at=own,
    )


def _handle(task: TaskState, event: TaskHandle) -> TaskState:
    return _changed(task, status=_unless_waiting(task), handle=event.handle)


def _progress(task: TaskState, event: TaskProgress) -> TaskState:
    return _changed(task, status=_unless_waiting(task), message=event.message, progress=event.data)


def _waiting(task: TaskState, event: TaskWaiting) -> TaskState:
    status = Status.RUNNING if event.reason in HELD_WAITS else Status.WAITING
    waiting = WaitingState(event.reason, event.message, event.due_at, event.ask, event.at)
    if task.status.ended:  # it failed and is tried again: how it failed is kept
        task = _changed(task, earlier=_with_this_try(task))
    return _changed(task, status=status, message=event.message or task.message, waiting=waiting, ended_at=None)


def _ended(task: TaskState, event: TaskEnded) -> TaskState:
    return _changed(
        task, status=event.status, message=event.message, output=event.output, waiting=None, ended_at=event.at
    )


def _unless_waiting(task: TaskState) -> Status:
    return Status.WAITING if task.status is Status.WAITING else Status.RUNNING


_TASK_RULES: Mapping[type, Callable[[TaskState, Any], TaskState]] = {
    TaskStarted: _started,
    TaskHandle: _handle,
    TaskProgress: _progress,
    TaskWaiting: _waiting,
    TaskEnded: _ended,
}
