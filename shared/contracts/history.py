"""The events of a run: what a runner reports, what the ledger accepts, what `decide` reads back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .base import Json, Message, Sealed


class Status(StrEnum):
    """Of an execution, a stage or a task; the words are Code Stream's."""

    NOT_STARTED = "NOT_STARTED"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    RESUMING = "RESUMING"
    CANCELING = "CANCELING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    SKIPPED = "SKIPPED"

    @property
    def ended(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.SKIPPED)


class Output(Message):
    """A task's output, twice: for people and, where a secret was masked or something cut, for tasks."""

    view: Json = {}
    """Masked and cut: what ledger, pages and API show."""
    sealed: Sealed | None = None
    """The exact JSON, when it differs from the view."""
    secrets: Sealed | None = None
    """A JSON list of the secrets in it: a reader that opens this one has to hide the others."""


class _Event(Message):
    seq: int
    """1, 2, 3 … within one attempt; unique together with the attempt."""
    at: float
    """Seconds since the epoch by the reporter's clock; for show, orders nothing."""


class RunStarted(_Event):
    type: Literal["run.started"] = "run.started"


class StageStarted(_Event):
    type: Literal["stage.started"] = "stage.started"
    stage: str


class TaskStarted(_Event):
    """A try begins. For every task that is not pure the ledger's grant makes this event durable first."""

    type: Literal["task.started"] = "task.started"
    stage: str
    task: str
    try_number: int = 1
    input: Json = {}
    """The resolved input, masked and cut."""
    sealed: Sealed | None = None
    """The same with its secrets, where there are any, for tasks that refer to it."""


class Pushing(Message):
    """A tag of a registry that is about to name an image."""

    registry_host: str
    """As in an image reference; `docker.io` for Docker Hub."""
    repository: str
    tag: str
    digest: str


class TaskHandle(_Event):
    """Enough to find the outside work again after a crash."""

    type: Literal["task.handle"] = "task.handle"
    stage: str
    task: str
    try_number: int = 1
    handle: Json
    pushing: tuple[Pushing, ...] = ()
    """Tags that the next effect moves: on record before a registry can report the push, so that it is known as ours."""


class TaskProgress(_Event):
    """What a running task would say if asked; only the last one matters."""

    type: Literal["task.progress"] = "task.progress"
    stage: str
    task: str
    try_number: int = 1
    message: str
    data: Json = {}


class TaskWaiting(_Event):
    """The task waits for something that needs no runner: an approval, a far retry, an administrator."""

    type: Literal["task.waiting"] = "task.waiting"
    stage: str
    task: str
    try_number: int = 1
    reason: Literal["approval", "retry", "restricted", "nested", "registry"]
    message: str = ""
    due_at: float | None = None
    ask: Json = {}
    """What is asked: approvers, summary, deadline."""


class TaskAnswered(_Event):
    """The ledger's own event: what was waited for has come."""

    type: Literal["task.answered"] = "task.answered"
    stage: str
    task: str
    try_number: int | None = None
    """The try that asked; None: whichever asks."""
    answer: Json = {}


class Deployed(Message):
    """A workload as a task left it, rolled out: what Portside has deployed to a cluster."""

    endpoint: str
    """The name of the cluster's endpoint."""
    api_version: str
    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]


class TaskEnded(_Event):
    type: Literal["task.ended"] = "task.ended"
    stage: str
    task: str
    try_number: int = 1
    status: Status
    message: str = ""
    output: Output = Output()
    deployed: tuple[Deployed, ...] = ()


class TaskKept(_Event):
    """The ledger's own event: an earlier run of the pipeline brought this, and it is not done again."""

    type: Literal["task.kept"] = "task.kept"
    stage: str
    task: str
    try_number: int = 1
    status: Status
    message: str = ""
    input: Json = {}
    sealed: Sealed | None = None
    """As in `TaskStarted`."""
    output: Output = Output()
    started_at: float | None = None
    ended_at: float | None = None
    execution_id: str
    """The run that did it."""


class StageEnded(_Event):
    type: Literal["stage.ended"] = "stage.ended"
    stage: str
    status: Status
    message: str = ""


class RollbackStarted(_Event):
    """Something failed, and this pipeline undoes it; its end comes as a `task.answered` of the same place.

    `stage` and `task` blank: the run itself is about to fail.
    """

    type: Literal["rollback.started"] = "rollback.started"
    stage: str = ""
    task: str = ""
    pipeline: str
    execution_id: str
    """The rollback's own run, which the ledger starts as it accepts this event."""
    input: Json = {}
    sealed: dict[str, Sealed] = {}
    """Inputs that hold a secret, for the rollback's own runner; `input` has their mask."""
    problem: str = ""
    """Why there can be no rollback: nothing is started."""


class RunParked(_Event):
    """Nothing to do before `due_at` or an answer: the holder lets go."""

    type: Literal["run.parked"] = "run.parked"
    reason: Literal["paused", "waiting"]
    due_at: float | None = None


class RunEnded(_Event):
    type: Literal["run.ended"] = "run.ended"
    status: Status
    message: str = ""
    output: Json = {}
    sealed: dict[str, Sealed] = {}
    """Outputs that hold a secret, for the run that this one is nested in; `output` has their mask."""


Event = Annotated[
    RunStarted
    | StageStarted
    | TaskStarted
    | TaskHandle
    | TaskProgress
    | TaskWaiting
    | TaskAnswered
    | TaskEnded
    | TaskKept
    | StageEnded
    | RollbackStarted
    | RunParked
    | RunEnded,
    Field(discriminator="type"),
]


class Recorded(Message):
    """An accepted event with its place in the history."""

    attempt: int
    event: Event


def task_id(execution_id: str, stage_index: int, task_index: int) -> str:
    """The wire's id of a task, `<execution>~<stage index>.<task index>` (Code Stream's TaskExecution)."""
    return f"{execution_id}~{stage_index}.{task_index}"
