"""Running again from where a run failed: what it brought before that is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from shared.contracts.history import Status, TaskKept
from shared.contracts.problems import Code, Refused, refuse
from shared.grammar.names import nearest
from shared.grammar.plan import Plan, StagePlan, TaskPlan
from shared.grammar.states import RunState, StageState, TaskState

FAILED = "failed"
"""In place of a name: from the first stage that did not end well, keeping the tasks of it that did."""


def kept_tasks(execution_id: str, old: Plan, state: RunState, new: Plan, since: str) -> tuple[TaskKept, ...]:
    """What a new run of `new` need not do again. `since`: `Stage`, `Stage.Task`, or `failed`.

    Raises `Refused` where there is no such place, where something before it did not end well, and where the pipeline is
    no longer the same up to there.
    """
    stage, task = _place(old, state, since)
    result: list[TaskKept] = []
    for planned in old.stages:
        stage_state = state.stages[planned.name]
        if planned.name == stage:
            whole = list(_of_first_stage(planned, stage_state, task, failed=since == FAILED))
            _demand_same(planned, new, stage, [planned_task.name for planned_task in whole])
            return (
                *result,
                *(_kept(execution_id, stage, stage_state.tasks[planned_task.name]) for planned_task in whole),
            )
        for planned_task in planned.tasks:
            if not _well(planned_task, stage_state.tasks[planned_task.name]):
                raise _refused(f"{planned.name}.{planned_task.name} did not end well", "Run again from there.")
            result.append(_kept(execution_id, planned.name, stage_state.tasks[planned_task.name]))
        _demand_same(planned, new, stage, [planned_task.name for planned_task in planned.tasks])
    raise AssertionError(f"the plan has no stage {stage}")


def _place(plan: Plan, state: RunState, since: str) -> tuple[str, str]:
    if since == FAILED:
        for stage in plan.stages:
            if state.stages[stage.name].status is not Status.COMPLETED:
                return stage.name, ""
        raise _refused("Every stage completed", "Run the whole pipeline again.")
    for stage in plan.stages:
        for task in stage.tasks:
            if since == f"{stage.name}.{task.name}":
                return stage.name, task.name
        if since == stage.name:
            return stage.name, ""
    stages = [stage.name for stage in plan.stages]
    tasks = [f"{stage.name}.{task.name}" for stage in plan.stages for task in stage.tasks]
    near = nearest(since, [*stages, *tasks])
    raise refuse(
        Code.INVALID,
        f"The run has no stage or task {since!r}",
        subject="from",
        next_step=f"Write `failed`, a stage or Stage.Task.{f' Did you mean {near}?' if near else ''}",
    )


def _of_first_stage(planned: StagePlan, stage_state: StageState, task: str, *, failed: bool) -> Iterator[TaskPlan]:
    """The tasks of the stage in which the new run begins that are not done again."""
    if not task and not failed:
        return
    for group in planned.groups:
        good = [
            planned_task
            for planned_task in group
            if planned_task.name != task and _well(planned_task, stage_state.tasks[planned_task.name])
        ]
        yield from good
        if len(good) < len(group):
            return


def _well(planned: TaskPlan, task_state: TaskState) -> bool:
    if task_state.status is Status.FAILED:
        return planned.ignore_failure
    return task_state.status in (Status.COMPLETED, Status.SKIPPED)


def _demand_same(planned: StagePlan, new: Plan, until: str, names: list[str]) -> None:
    """What is kept must be, in the pipeline as it is now, the same tasks in the same place."""
    now = next((stage for stage in new.stages if stage.name == planned.name), None)
    # Further tasks of the stage in which the run begins may have changed: they run again.
    whole = planned.name != until
    same = (
        now is not None
        and now.index == planned.index
        and (not whole or _shape(now) == _shape(planned))
        and all(_typed(now, name) == _typed(planned, name) for name in names)
    )
    if not same:
        raise _refused(
            f"Stage {planned.name} of the pipeline is not what it was in that run",
            "Run the whole pipeline again, or from an earlier stage.",
        )


def _shape(stage: StagePlan) -> list[list[tuple[str, str]]]:
    return [sorted((task.name, task.type) for task in group) for group in stage.groups]


def _typed(stage: StagePlan, name: str) -> str | None:
    return next((task.type for task in stage.tasks if task.name == name), None)


def _kept(execution_id: str, stage: str, task: TaskState) -> TaskKept:
    return TaskKept(
        seq=0,
        at=0.0,
        stage=stage,
        task=task.name,
        try_number=max(task.try_number, 1),
        status=task.status,
        message=task.message,
        input=task.input,
        sealed=task.sealed_input,
        output=task.output,
        started_at=task.started_at,
        ended_at=task.ended_at,
        execution_id=task.kept_from or execution_id,
    )


def _refused(message: str, next_step: str) -> Refused:
    return refuse(Code.CONFLICT, f"Cannot run again from there: {message}", subject="from", next_step=next_step)
