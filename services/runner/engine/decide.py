"""What to do next in a run: a pure function of the plan, the state, the ledger's verdict and the time.

It is asked again after everything that happens, and says only what is not under way already. `live` names the tasks
that this holder has in hand; a task that the history calls running and that is not live was begun by a predecessor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.runner.task_protocol import Effect
from shared.contracts.history import Status
from shared.contracts.runs import Directive
from shared.contracts.texts import counted
from shared.grammar.plan import Plan, StagePlan, TaskPlan
from shared.grammar.states import RunState, StageState, TaskState

from .actions import (
    Abandon,
    Action,
    AnswerTask,
    CancelTask,
    EndRun,
    EndStage,
    EndTask,
    ObserveTask,
    Park,
    Place,
    RetryTask,
    StartRollback,
    StartRun,
    StartStage,
    StartTask,
)

PARK_AFTER_S = 15.0
"""What is due later than this is worth giving the run's place back."""

CLOCK_SLACK_S = 1.0
"""So far may the ledger's clock and this one differ before an expiry needs a second look."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the next step depends on."""

    plan: Plan
    state: RunState
    verdict: Directive
    now: float
    effect: Callable[[TaskPlan, TaskState], Effect]
    live: frozenset[Place] = frozenset()
    ending: frozenset[Place] = frozenset()
    """Live ones whose cancellation is under way."""
    seen_at: float = 0.0
    """When the history was read: answers given later are known to the ledger only."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and when to ask again if nothing happens before."""

    actions: tuple[Action, ...] = ()
    wake_at: float | None = None


@dataclass
class _Tally:
    """What one look over a group or a run found."""

    actions: list[Action] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)
    dues: list[float] = field(default_factory=list)
    far: bool = False
    """Somebody else's answer is waited for, which only the ledger hears."""
    busy: bool = False
    """Something is in hand, or is about to be."""


def decide(view: View) -> Decision:
    """The next actions; empty means that nothing is to be done before `wake_at` or the next news."""
    state = view.state
    if view.verdict is Directive.FENCED:
        return Decision((Abandon(),))
    if state.status.ended:
        return Decision()
    if state.status is Status.NOT_STARTED:
        return Decision((StartRun(),))
    if view.verdict is Directive.CANCEL:
        return _end_all(view, Status.CANCELED, "Execution Canceled.", "canceled")
    due = _due(state.started_at, view.plan.timeout_s)
    late = f"The run took longer than its timeout of {_minutes(view.plan.timeout_s)}."
    if due is not None and due <= view.now and not any(map(_went_wrong, state.stages.values())):
        return _end_all(view, Status.FAILED, late, "the run's time is up")
    tally = _Tally(wakes=[due] if due is not None else [])
    for stage in view.plan.stages:
        stage_state = state.stages[stage.name]
        if _went_wrong(stage_state):
            in_time = due is None or (stage_state.ended_at or view.now) < due
            return _end_run(view, stage_state.status, _run_message(stage, stage_state) if in_time else late)
        if stage_state.status.ended:
            continue
        ended = _stage(view, stage, stage_state, tally)
        if not ended:
            return _settle(view, tally)
        return Decision(tuple(tally.actions))
    return Decision((EndRun(Status.COMPLETED, "Execution Completed."),))


def _settle(view: View, tally: _Tally) -> Decision:
    """Act, or wait in hand, or park."""
    if tally.actions or tally.busy or view.live:
        return Decision(tuple(tally.actions), min(tally.wakes, default=None))
    if view.verdict is Directive.PAUSE:
        return Decision((Park("paused"),))
    due = min((*tally.dues, *tally.wakes), default=None)
    if due is not None and not tally.far and due - view.now <= PARK_AFTER_S:
        return Decision((), due)
    return Decision((Park("waiting", due),))


def _stage(view: View, stage: StagePlan, stage_state: StageState, tally: _Tally) -> bool:
    """Look at a stage that has not ended; true when its end is among the actions."""
    if stage_state.status is Status.NOT_STARTED:
        if view.verdict is not Directive.PAUSE:
            tally.actions.append(StartStage(stage.name))
        return False
    due = _due(stage_state.started_at, stage.timeout_s)
    if due is not None and due <= view.now:
        return _time_out_stage(view, stage, stage_state, tally)
    if due is not None:
        tally.wakes.append(due)
    for group in stage.groups:
        settled = [_task(view, stage, task, stage_state.tasks[task.name], tally) for task in group]
        if not all(settled):
            return False
        if _roll_back(
            view, [(stage.name, task.name) for task in group if _failed(stage_state.tasks[task.name])], tally
        ):
            return False
        failed = [
            (task, stage_state.tasks[task.name])
            for task in group
            if _counts_as_failure(task, stage_state.tasks[task.name])
        ]
        if failed:
            task, how = failed[0]
            status = (
                Status.CANCELED
                if all(task_state.status is Status.CANCELED for _, task_state in failed)
                else Status.FAILED
            )
            tally.actions.append(EndStage(stage.name, status, f"{task.name}: {how.message}"))
            return True
    tally.actions.append(EndStage(stage.name, Status.COMPLETED, f"stage {stage.name} Execution Completed."))
    return True


def _time_out_stage(view: View, stage: StagePlan, stage_state: StageState, tally: _Tally) -> bool:
    message = f"The stage took longer than its timeout of {_minutes(stage.timeout_s)}."
    tally.actions += _ends(view, [stage_state], Status.FAILED, "the stage's time is up")
    if tally.actions or _under_way([stage_state]):
        tally.busy = True
        return False
    tally.actions.append(EndStage(stage.name, Status.FAILED, message))
    return True


def _task(view: View, stage: StagePlan, task: TaskPlan, task_state: TaskState, tally: _Tally) -> bool:
    """Look at one task; true when it is settled."""
    place = (stage.name, task.name)
    if task_state.status.ended:
        if task_state.kept_from or not _will_be_retried(task, task_state):
            return True
        tally.actions.append(_retry(stage, task, task_state, view.now))
        return False
    if place in view.live:
        _watch_live(view, stage, task, task_state, tally)
    elif task_state.status is Status.NOT_STARTED:
        if view.verdict is not Directive.PAUSE:
            tally.actions.append(StartTask(stage.name, task.name, max(task_state.try_number, 1), weigh=True))
    elif task_state.waiting is not None:
        _watch_waiting(view, stage, task, task_state, tally)
    else:
        tally.actions.append(_inherit(view, stage, task, task_state))
    return False


def _watch_live(view: View, stage: StagePlan, task: TaskPlan, task_state: TaskState, tally: _Tally) -> None:
    tally.busy = True
    due = _due(task_state.try_started_at, task.timeout_s)
    if due is None or (stage.name, task.name) in view.ending:
        return
    if due <= view.now:
        message = f"The task took longer than its timeout of {_minutes(task.timeout_s)}."
        tally.actions.append(CancelTask(stage.name, task.name, Status.FAILED, message))
    else:
        tally.wakes.append(due)


def _watch_waiting(view: View, stage: StagePlan, task: TaskPlan, task_state: TaskState, tally: _Tally) -> None:
    waiting = task_state.waiting
    assert waiting is not None
    if waiting.reason == "restricted" and task_state.cleared:
        if view.verdict is not Directive.PAUSE:
            tally.actions.append(StartTask(stage.name, task.name, max(task_state.try_number, 1)))
        return
    if waiting.reason == "retry":
        due = waiting.due_at or 0.0
        if due > view.now:
            tally.dues.append(due)
        elif view.verdict is not Directive.PAUSE:
            tally.actions.append(StartTask(stage.name, task.name, task_state.try_number + 1))
        return
    if task_state.answers and waiting.reason != "restricted":
        tally.actions.append(AnswerTask(stage.name, task.name))
        return
    tally.far = True
    dues = [due for due in (waiting.due_at, _due(task_state.try_started_at, task.timeout_s)) if due is not None]
    if dues and min(dues) <= view.seen_at + CLOCK_SLACK_S:
        message = _NO_ANSWER.get(waiting.reason, "What the task waited for did not come in time.")
        tally.actions.append(EndTask(stage.name, task.name, Status.FAILED, message))
    elif dues:
        tally.dues.append(min(dues))


_NO_ANSWER = {"approval": "Nobody answered before it expired."}


def _inherit(view: View, stage: StagePlan, task: TaskPlan, task_state: TaskState) -> Action:
    """A predecessor began this try and is gone."""
    if task_state.handle is not None:
        return ObserveTask(stage.name, task.name)
    if view.effect(task, task_state) is not Effect.ONCE:
        return StartTask(stage.name, task.name, max(task_state.try_number, 1), again=True)
    return EndTask(
        stage.name,
        task.name,
        Status.FAILED,
        "The runner stopped while the task was on its way, so it may have run. Look at what it changes; then run the "
        "pipeline again, or set `repeatable: true` on the task if doing it twice is harmless.",
    )


def _retry(stage: StagePlan, task: TaskPlan, task_state: TaskState, now: float) -> RetryTask:
    following = task_state.try_number + 1
    delay = task.retries.delay_before(following)
    message = (
        f"Try {task_state.try_number} of {task.retries.attempts} failed: {task_state.message} Next try in {delay:g} s."
    )
    return RetryTask(stage.name, task.name, (task_state.ended_at or now) + delay, message)


def _will_be_retried(task: TaskPlan, task_state: TaskState) -> bool:
    return task_state.status is Status.FAILED and task_state.try_number < task.retries.attempts


def _counts_as_failure(task: TaskPlan, task_state: TaskState) -> bool:
    return task_state.status in (Status.FAILED, Status.CANCELED) and not task.ignore_failure


def _end_all(view: View, status: Status, message: str, why: str) -> Decision:
    """End every task under way, then their stages, then the run."""
    open_stages = [stage_state for stage_state in view.state.stages.values() if stage_state.status is Status.RUNNING]
    actions = _ends(view, open_stages, status, why)
    if actions or _under_way(open_stages) or view.live:
        return Decision(tuple(actions))
    stages = [EndStage(stage_state.name, status, message) for stage_state in open_stages]
    if stages and view.plan.rollbacks:
        return Decision(tuple(stages))
    return Decision((*stages, *_end_run(view, status, message).actions))


def _end_run(view: View, status: Status, message: str) -> Decision:
    """The run's end, or what still has to be undone before it: tasks first, then stages, then the run."""
    if status is Status.FAILED:
        stages = view.state.stages.values()
        tasks = [(stage.name, task.name) for stage in stages for task in stage.tasks.values() if _failed(task)]
        failed = [(stage.name, "") for stage in stages if stage.status is Status.FAILED]
        for places in (tasks, failed, [("", "")]):
            tally = _Tally()
            if _roll_back(view, places, tally):
                return _settle(view, tally)
        message = " ".join((message, *_rollbacks_that_failed(view.state)))
    return Decision((EndRun(status, message),))


def _roll_back(view: View, places: Iterable[Place], tally: _Tally) -> bool:
    """Begin the rollbacks of places that failed for good; true while one of them is not over."""
    open_ = False
    for stage, task in places:
        if view.plan.rollback(stage, task) is None:
            continue
        begun = view.state.rollbacks.get((stage, task))
        if begun is None:
            if view.verdict is not Directive.PAUSE:
                tally.actions.append(StartRollback(stage, task))
        elif begun.status.ended:
            continue
        else:
            tally.far = True
        open_ = True
    return open_


def _rollbacks_that_failed(state: RunState) -> list[str]:
    return [
        f"Rollback with {rollback.pipeline} {rollback.status.value.lower()}: {rollback.message}"
        for rollback in state.rollbacks.values()
        if rollback.status is not Status.COMPLETED
    ]


def _failed(task: TaskState) -> bool:
    return task.status is Status.FAILED and not task.kept_from


def _went_wrong(stage: StageState) -> bool:
    return stage.status in (Status.FAILED, Status.CANCELED)


def _ends(view: View, stages: Iterable[StageState], status: Status, why: str) -> list[Action]:
    actions: list[Action] = []
    for stage in stages:
        for task in stage.tasks.values():
            place = (stage.name, task.name)
            if not _is_under_way(task) or place in view.ending:
                continue
            message = "Canceled." if status is Status.CANCELED else f"Stopped: {why}."
            if place in view.live or task.handle is not None:
                actions.append(CancelTask(stage.name, task.name, status, message))
            else:
                actions.append(EndTask(stage.name, task.name, status, message))
    return actions


def _under_way(stages: Iterable[StageState]) -> bool:
    return any(_is_under_way(task) for stage in stages for task in stage.tasks.values())


def _is_under_way(task: TaskState) -> bool:
    return task.status is not Status.NOT_STARTED and not task.status.ended


def _run_message(stage: StagePlan, stage_state: StageState) -> str:
    """`Stage.Task: what happened`, Code Stream's form."""
    if not stage_state.message:
        return f"{stage.name} {stage_state.status.value.lower()}"
    of_a_task = any(stage_state.message.startswith(f"{task.name}: ") for task in stage.tasks)
    return f"{stage.name}{'.' if of_a_task else ': '}{stage_state.message}"


def _due(since: float | None, timeout_s: float | None) -> float | None:
    return None if since is None or timeout_s is None else since + timeout_s


def _minutes(seconds: float | None) -> str:
    return counted((seconds or 0) / 60, "minute")
