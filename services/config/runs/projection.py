"""From accepted events to what people see: status at a glance while events arrive, and the API's JSON of a whole run.

Pure. The meaning of a history is `shared.grammar.progress`; here it gets the shape of Code Stream's answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from services.config.catalog.documents import link
from shared.contracts.base import Json
from shared.contracts.history import (
    Event,
    RollbackStarted,
    RunEnded,
    RunParked,
    StageStarted,
    Status,
    TaskAnswered,
    TaskKept,
    TaskWaiting,
    task_id,
)
from shared.contracts.times import micros
from shared.grammar.manifests import shown_input
from shared.grammar.plan import Plan, TaskPlan
from shared.grammar.progress import HELD_WAITS
from shared.grammar.states import RunState, StageState, TaskState

COMPLETED = "Execution Completed."


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list shows of a run, without folding its history."""

    status: Status = Status.NOT_STARTED
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None


def summarize(glance: RunSummary, event: Event, now: float) -> RunSummary:
    """The glance after one more event; the first end is the one that counts."""
    if glance.status.ended:
        return glance
    if isinstance(event, TaskKept):
        return glance
    if isinstance(event, RunEnded):
        message = event.message or (COMPLETED if event.status is Status.COMPLETED else glance.message)
        return _changed(glance, status=event.status, message=message, ended_at=now)
    if glance.started_at is None:
        glance = _changed(glance, started_at=now)
    if isinstance(event, RunParked):
        paused = event.reason == "paused"
        message = "Paused." if paused else glance.message
        return _changed(glance, status=Status.PAUSED if paused else Status.WAITING, message=message)
    if isinstance(event, TaskAnswered):
        return glance
    glance = _changed(glance, status=Status.RUNNING)
    if isinstance(event, TaskWaiting) and event.reason not in HELD_WAITS:
        return _changed(glance, message=f"{event.stage}.{event.task}: {event.message or f'waits for {event.reason}'}")
    if isinstance(event, RollbackStarted):
        return _changed(glance, message=f"Rolling back with {event.pipeline}")
    stage = event.stage if isinstance(event, StageStarted) else getattr(event, "stage", "")
    return _changed(glance, message=f"Executing {stage}") if stage else glance


def _changed(glance: RunSummary, **change: Any) -> RunSummary:
    """Most events change nothing at a glance, and a copy costs more than a look."""
    return (
        glance if all(getattr(glance, name) == value for name, value in change.items()) else replace(glance, **change)
    )


def stages(execution_id: str, plan: Plan, state: RunState, now: float, *, values: bool = True) -> Json:
    """`stages` of an execution: a map by name, in the plan's order; with the tasks' inputs and outputs, or without."""
    planned = {stage.name: stage for stage in plan.stages}
    result: Json = {}
    for name, stage in state.stages.items():
        tasks = {task.name: task for task in planned[name].tasks}
        result[name] = {
            "id": f"{execution_id}~{stage.index}",
            "name": name,
            "status": stage.status.value,
            "statusMessage": _stage_message(stage),
            "taskOrder": [",".join(task.name for task in group) for group in planned[name].groups],
            "tasks": {
                task.name: _task(execution_id, stage, task, tasks[task.name], plan, state, now, values=values)
                for task in stage.tasks.values()
            },
            **_times(stage.started_at, stage.ended_at, now),
            "notifications": [],
            **rollback(plan, state, name),
            "tags": list(planned[name].tags),
        }
    return result


def _stage_message(stage: StageState) -> str:
    if stage.message:
        return stage.message
    if stage.status is Status.COMPLETED:
        return f"stage {stage.name} {COMPLETED}"
    failed = next((task for task in stage.tasks.values() if task.status is Status.FAILED), None)
    return f"{failed.name}: {failed.message}" if failed is not None else ""


def _task(
    execution_id: str,
    stage: StageState,
    task: TaskState,
    planned: TaskPlan,
    plan: Plan,
    state: RunState,
    now: float,
    *,
    values: bool,
) -> Json:
    failed = task.status is Status.FAILED
    document: Json = {
        "id": task_id(execution_id, stage.index, task.index),
        "name": task.name,
        "type": task.type,
        "status": task.status.value,
        "statusMessage": task.message or (COMPLETED if task.status is Status.COMPLETED else ""),
        "failureMessage": task.message if failed else "",
        "preCondition": planned.pre_condition,
        "ignoreFailure": planned.ignore_failure,
        "endpoints": dict(planned.endpoints),
        "input": (task.input or shown_input(planned.type, planned.input)) if values else {},
        "output": task.output.view if values else {},
        **_times(task.started_at, task.ended_at, now),
        "notifications": [],
        **rollback(plan, state, stage.name, task.name),
        "tags": list(planned.tags),
        "_tries": task.try_number,
        "_progress": task.progress,
    }
    if task.kept_from:
        document["_keptFrom"] = task.kept_from
    if task.waiting is not None:
        document["_waiting"] = {
            "reason": task.waiting.reason,
            "message": task.waiting.message,
            "due": None if task.waiting.due_at is None else micros(task.waiting.due_at),
        }
    if task.earlier:
        document["_earlierTries"] = [
            {
                "number": earlier_try.number,
                "status": earlier_try.status.value,
                "message": earlier_try.message,
                **_times(earlier_try.started_at, earlier_try.ended_at, now),
            }
            for earlier_try in task.earlier
        ]
    return document


def _times(started_at: float | None, ended_at: float | None, now: float) -> Json:
    if started_at is None:
        return {"_startTime": 0, "_endTime": 0, "_durationInMicros": 0}
    return {
        "_startTime": micros(started_at),
        "_endTime": 0 if ended_at is None else micros(ended_at),
        "_durationInMicros": max(0, micros((now if ended_at is None else ended_at) - started_at)),
    }


def rollback(plan: Plan, state: RunState, stage: str = "", task: str = "") -> Json:
    """Code Stream's `rollbackConfiguration` and `rollbackResponse` of a task, a stage or the run."""
    planned, begun = plan.rollback(stage, task), state.rollbacks.get((stage, task))
    configuration: Json = {}
    response: Json = {}
    if planned is not None:
        configuration = {"name": planned.name, "stage": stage, "task": task, "inputs": dict(planned.inputs)}
    if begun is not None:
        response = {
            "_link": link("executions", begun.execution_id),
            "index": begun.index,
            "name": begun.pipeline,
            "output": begun.output,
            "status": begun.status.value,
            "statusMessage": begun.message,
        }
    return {"rollbackConfiguration": configuration, "rollbackResponse": response}
