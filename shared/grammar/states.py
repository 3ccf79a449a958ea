"""The state of a run, of its stages and tasks, as a history leaves them: values that `progress` folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.contracts.base import Json, Sealed
from shared.contracts.history import Output, Status, TaskAnswered

from .plan import Plan

Key = tuple[int, int]
"""(attempt, seq): an event's place in the history."""

NO_OUTPUT = Output()


@dataclass(frozen=True, slots=True)
class WaitingState:
    """What a task waits for, as its last `task.waiting` said."""

    reason: str
    message: str = ""
    due_at: float | None = None
    ask: Json = field(default_factory=dict)
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """A try that is over because a later one followed."""

    number: int
    status: Status
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True)
class TaskState:
    name: str
    index: int
    type: str
    status: Status = Status.NOT_STARTED
    message: str = ""
    try_number: int = 0
    """0 before the first start."""
    input: Json = field(default_factory=dict)
    sealed_input: Sealed | None = None
    """The input with its secrets, where it has any."""
    output: Output = NO_OUTPUT
    """`view` for people, `sealed` where the exact one differs."""
    handle: Json | None = None
    """Where this try's outside work is found again; None when none was recorded."""
    progress: Json = field(default_factory=dict)
    waiting: WaitingState | None = None
    answered: tuple[TaskAnswered, ...] = ()
    """Everything that was ever answered to this task, in order."""
    started_at: float | None = None
    """Start of the first try."""
    try_started_at: float | None = None
    ended_at: float | None = None
    earlier: tuple[Try, ...] = ()
    kept_from: str = ""
    """The earlier run that did this task, where it was not done again."""

    @property
    def cleared(self) -> bool:
        """An administrator let this task use what is restricted."""
        return any(record.answer.get("cleared") for record in self.answered)

    @property
    def answers(self) -> tuple[Json, ...]:
        """What was answered to this try, or to whichever asks, in order; of runs that a task waits for only its own."""
        run = self.waiting.ask.get("executionId") if self.waiting is not None else None
        return tuple(
            record.answer
            for record in self.answered
            if record.try_number in (None, self.try_number) and run in (None, record.answer.get("executionId"))
        )


@dataclass(frozen=True)
class StageState:
    name: str
    index: int
    tasks: Mapping[str, TaskState]
    status: Status = Status.NOT_STARTED
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class RollbackState:
    """A rollback of a task, a stage or the run, as far as it is known here."""

    pipeline: str
    execution_id: str
    status: Status = Status.RUNNING
    message: str = ""
    index: int | None = None
    """The number of its run, known from its end on."""
    output: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parked:
    reason: str
    due_at: float | None = None
    since: float | None = None


@dataclass(frozen=True)
class RunState:
    stages: Mapping[str, StageState]
    """In the plan's order."""
    status: Status = Status.NOT_STARTED
    said: str = ""
    """What the end of the run said."""
    output: Json = field(default_factory=dict)
    parked: Parked | None = None
    started_at: float | None = None
    ended_at: float | None = None
    last: Key = (0, 0)
    """Place of the last event of a runner that was folded in."""
    own_seq: int = 0
    """Place of the last event of the ledger's own that was folded in."""
    rollbacks: Mapping[tuple[str, str], RollbackState] = field(default_factory=dict)
    """By stage and task; a stage's has no task, the run's neither."""

    def task(self, stage: str, task: str) -> TaskState:
        """The task of that name; KeyError when the plan has none."""
        return self.stages[stage].tasks[task]

    @property
    def tasks(self) -> Iterable[tuple[StageState, TaskState]]:
        """All tasks with their stages, in the plan's order."""
        return ((stage, task) for stage in self.stages.values() for task in stage.tasks.values())

    @property
    def message(self) -> str:
        """The run's status message in Code Stream's forms."""
        if self.status.ended:
            return self.said or ("Execution Completed." if self.status is Status.COMPLETED else "")
        for rollback in self.rollbacks.values():
            if not rollback.status.ended:
                return f"Rolling back with {rollback.pipeline}"
        for stage, task in self.tasks:
            if task.status is Status.WAITING and task.waiting is not None:
                return f"{stage.name}.{task.name}: {task.waiting.message or f'waits for {task.waiting.reason}'}"
        running = [stage.name for stage in self.stages.values() if stage.status is Status.RUNNING]
        return f"Executing {running[-1]}" if running else ""


def initial(plan: Plan) -> RunState:
    """The state before anything has happened."""
    return RunState(
        {
            stage.name: StageState(
                stage.name,
                stage.index,
                {task.name: TaskState(task.name, task.index, task.type) for task in stage.tasks},
            )
            for stage in plan.stages
        }
    )


def facts(state: RunState) -> dict[str, dict[str, Json]]:
    """What references of the form `${Stage.Task.…}` can name, as people may see it."""
    return {
        stage.name: {
            task.name: {
                "status": task.status.value,
                "message": task.message,
                "input": task.input,
                "output": task.output.view,
            }
            for task in stage.tasks.values()
        }
        for stage in state.stages.values()
    }
