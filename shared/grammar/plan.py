"""The plan of a run: a pipeline compiled into what is to be done, in order; travels as JSON and outlives versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import Field

from shared.contracts.base import Json, Message

from .expressions import references
from .resolving import Scope, resolve_known
from .spec import PipelineSpec, RetrySpec, StageSpec, Supersede, TaskSpec, split_group
from .task_schemas import ENDPOINT_INPUTS

MAX_RETRY_DELAY_S = 30 * 86_400.0


class Retries(Message):
    """How often a failed task is tried; `attempts` counts the first try too."""

    attempts: int = 1
    delay_s: float = 5.0
    backoff: float = 1.0

    def delay_before(self, try_number: int) -> float:
        """Seconds to wait before try number 2, 3, …"""
        return min(self.delay_s * self.backoff ** max(try_number - 2, 0), MAX_RETRY_DELAY_S)


class TaskPlan(Message):
    name: str
    index: int
    """Place within the stage, all groups counted through: the second half of the wire's task id."""
    type: str
    input: Json = Field(default_factory=dict)
    endpoints: dict[str, str] = Field(default_factory=dict)
    pre_condition: str = ""
    ignore_failure: bool = False
    retries: Retries = Retries()
    timeout_s: float | None = None
    tags: tuple[str, ...] = ()


class StagePlan(Message):
    name: str
    index: int
    groups: tuple[tuple[TaskPlan, ...], ...] = ()
    """In order; the tasks of one group run in parallel."""
    timeout_s: float | None = None
    tags: tuple[str, ...] = ()

    @property
    def tasks(self) -> Iterator[TaskPlan]:
        return (task for group in self.groups for task in group)


class RollbackPlan(Message):
    """Pipeline `name` runs when that task, that stage, or (both blank) the run fails."""

    name: str
    stage: str = ""
    task: str = ""
    inputs: Json = Field(default_factory=dict)


class Notification(Message):
    """`stage` and `task` blank: about the run; `event` is STARTED, WAITING, SUCCESS, FAILURE or CANCELED."""

    kind: str
    """`email`, `jira`, `webhook`, `slack`."""
    event: str
    stage: str = ""
    task: str = ""
    endpoint: str = ""
    body: Json = Field(default_factory=dict)
    """The entry as written, its expressions unresolved."""


class Needs(NamedTuple):
    """What config must resolve for a take, by name, sorted."""

    endpoints: tuple[str, ...]
    variables: tuple[str, ...]


class Plan(Message):
    pipeline: str
    stages: tuple[StagePlan, ...] = ()
    outputs: Json = Field(default_factory=dict)
    output_meta: Json = Field(default_factory=dict)
    rollbacks: tuple[RollbackPlan, ...] = ()
    notifications: tuple[Notification, ...] = ()
    workspace: Json = Field(default_factory=dict)
    timeout_s: float | None = None

    def to_json(self) -> Json:
        """For messages and the ledger; what equals its default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Plan:
        return cls.model_validate(tree)

    @cached_property
    def _tasks(self) -> dict[tuple[str, str], TaskPlan]:
        return {(stage.name, task.name): task for stage in self.stages for task in stage.tasks}

    def task(self, stage: str, task: str) -> TaskPlan:
        """The task of that name; KeyError when there is none."""
        return self._tasks[stage, task]

    @cached_property
    def _rollbacks(self) -> dict[tuple[str, str], RollbackPlan]:
        return {(rollback.stage, rollback.task): rollback for rollback in self.rollbacks}

    def rollback(self, stage: str = "", task: str = "") -> RollbackPlan | None:
        """What undoes that task, that stage (no task) or the run (neither)."""
        return self._rollbacks.get((stage, task))

    def needs(self, inputs: Mapping[str, Any] | None = None) -> Needs:
        """Which endpoints and variables the run may use.

        An endpoint's name may be an expression over inputs: with `inputs` it is resolved, and what cannot be resolved
        before the run (an output of a task) is left out.
        """
        scope = Scope(inputs=inputs or {})
        texts: list[Any] = [self.outputs, self.workspace, *(r.inputs for r in self.rollbacks)]
        named: list[Any] = [self.workspace.get("endpoint"), self.workspace.get("registry")]
        for task in self._tasks.values():
            texts += [task.input, task.pre_condition, task.endpoints]
            named += task.endpoints.values()
            named += [task.input.get(field) for field in ENDPOINT_INPUTS.get(task.type, ())]
        for notification in self.notifications:
            texts.append(notification.body)
            named.append(notification.endpoint)
        variables = {r.steps[1] for r in references(texts) if r.root == "var"}
        endpoints = {_name(expression, scope) for expression in named} - {""}
        return Needs(tuple(sorted(endpoints)), tuple(sorted(map(str, variables))))


def compile_plan(spec: PipelineSpec) -> Plan:
    """Compile a checked pipeline; of one that was not checked, what its orders do not name is left out."""
    return Plan(
        pipeline=spec.name,
        stages=tuple(
            _stage(name, index, spec.stages[name]) for index, name in enumerate(spec.stage_order) if name in spec.stages
        ),
        outputs=spec.output,
        output_meta=spec.output_meta,
        rollbacks=tuple(RollbackPlan(name=r.name, stage=r.stage, task=r.task, inputs=r.inputs) for r in spec.rollbacks),
        notifications=tuple(
            Notification(
                kind=kind,
                event=str(entry.get("event") or "").upper(),
                stage=str(entry.get("stage") or ""),
                task=str(entry.get("task") or ""),
                endpoint=str(entry.get("endpoint") or ""),
                body=entry,
            )
            for kind, entries in spec.notifications.items()
            for entry in entries
        ),
        workspace=spec.workspace,
        timeout_s=_seconds(spec.timeout_minutes),
    )


def supersede_of(spec: PipelineSpec) -> Supersede:
    """The policy in force: what the document says, else parallel runs up to `concurrency`, as in Code Stream."""
    return spec.supersede or Supersede.PARALLEL


def _stage(name: str, index: int, stage: StageSpec) -> StagePlan:
    placed: set[str] = set()
    groups: list[tuple[TaskPlan, ...]] = []
    for item in stage.task_order:
        names = [
            task_name
            for task_name in dict.fromkeys(split_group(item))
            if task_name in stage.tasks and task_name not in placed
        ]
        if names:
            groups.append(
                tuple(
                    _task(task_name, len(placed) + place, stage.tasks[task_name])
                    for place, task_name in enumerate(names)
                )
            )
            placed.update(names)
    return StagePlan(
        name=name, index=index, groups=tuple(groups), timeout_s=_seconds(stage.timeout_minutes), tags=stage.tags
    )


def _task(name: str, index: int, task: TaskSpec) -> TaskPlan:
    return TaskPlan(
        name=name,
        index=index,
        type=task.type,
        input=task.input,
        endpoints={role: str(name) for role, name in task.endpoints.items() if name},
        pre_condition=task.pre_condition.strip(),
        ignore_failure=task.ignore_failure,
        retries=_retries(task.retries),
        timeout_s=_seconds(task.timeout_minutes),
        tags=task.tags,
    )


def _retries(retries: RetrySpec | None) -> Retries:
    if retries is None:
        return Retries()
    return Retries(attempts=retries.attempts, delay_s=retries.delay_seconds, backoff=retries.backoff)


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def _name(expression: Any, scope: Scope) -> str:
    resolved, missing = resolve_known(expression, scope)
    return "" if missing or not isinstance(resolved, str) else resolved.strip()
