"""What `decide` may want done: values that the run carries out."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.history import Status

Place = tuple[str, str]
"""(stage, task)."""


@dataclass(frozen=True, slots=True)
class StartRun:
    pass


@dataclass(frozen=True, slots=True)
class StartStage:
    stage: str


@dataclass(frozen=True, slots=True)
class StartTask:
    """Begin a try. `weigh`: its preCondition decides first whether it runs at all."""

    stage: str
    task: str
    try_number: int
    weigh: bool = False
    again: bool = False
    """A predecessor may have begun this very try; its type says that repeating it is harmless."""


@dataclass(frozen=True, slots=True)
class ObserveTask:
    """Take up what a predecessor started, by its recorded handle."""

    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """What the task waited for has come."""

    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class CancelTask:
    """End the outside work, then the task with that status."""

    stage: str
    task: str
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class RetryTask:
    """The failed try is followed by another at `due_at`."""

    stage: str
    task: str
    due_at: float
    message: str


@dataclass(frozen=True, slots=True)
class EndTask:
    """End a task that has nothing outside."""

    stage: str
    task: str
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class StartRollback:
    """The place failed for good, and its pipeline undoes it before anything else happens there."""

    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class EndStage:
    stage: str
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class EndRun:
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class Park:
    """Give the run's place back until somebody answers or `due_at`."""

    reason: str
    due_at: float | None = None


@dataclass(frozen=True, slots=True)
class Abandon:
    """The run is somebody else's: stop, say nothing."""


Action = (
    StartRun
    | StartStage
    | StartTask
    | ObserveTask
    | AnswerTask
    | CancelTask
    | RetryTask
    | EndTask
    | StartRollback
    | EndStage
    | EndRun
    | Park
    | Abandon
)
