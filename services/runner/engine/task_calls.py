"""Tasks at work: begun with the ledger's leave, called in worker threads, observed until they end or are ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from services.runner.task_protocol import Done, Effect, Running, Step, Waiting
from shared.contracts import history as h
from shared.contracts.base import Json
from shared.contracts.runs import ReportAnswer
from shared.outbound.cancel_scope import CancelScope

from . import actions as a
from . import permits
from .active_task import CANCEL_PATIENCE_S, END_PATIENCE_S, ActiveTask, Call, StaleLeave, called
from .active_tasks import ActiveTasks
from .events import EventReporter, EventTooLarge
from .outcomes import complaint, outcome
from .ports import Host
from .prepare import Barred, NotStarted
from .reports import Ask, Reporter
from .run_state import FoldedRun
from .workers import Withdrawn


class Owner(Protocol):
    """The run that the tasks belong to."""

    over: bool
    """It is somebody else's, or has ended."""
    letting_go: bool
    """Begin nothing more."""

    def step(self) -> None:
        """Something has happened: do all that can be done now."""


class TaskCalls:
    """Does what `decide` wants of tasks. Everything but the calls themselves happens in the holder's thread."""

    def __init__(
        self,
        owner: Owner,
        host: Host,
        folded: FoldedRun,
        active: ActiveTasks,
        events: EventReporter,
        reporter: Reporter,
    ) -> None:
        self._owner = owner
        self._host = host
        self._folded = folded
        self._active = active
        self._events = events
        self._reporter = reporter

    # -------------------------------------------------------------------------------------------- what decide wants

    def start(self, action: a.StartTask) -> None:
        live = self._take_up(action.stage, action.task, action.try_number, weigh=action.weigh, begins=True)
        if live is None:
            return
        effect = live.type.effect(live.request.input)
        if live.type.inline or effect is Effect.PURE:
            live.started = self._events.task_begins(live)
            self._events.task_started(live.started)
            self._call(live, "start")
        else:
            self._ask_leave(live, "start", repeat=action.again and effect is not Effect.ONCE)

    def observe(self, action: a.ObserveTask) -> None:
        live = self._inherit(action.stage, action.task)
        if live is not None:
            self._observe(live)

    def answer(self, action: a.AnswerTask) -> None:
        task_state = self._folded.task(action.stage, action.task)
        live = self._inherit(action.stage, action.task)
        if live is not None and task_state.waiting is not None:
            ask, answer = task_state.waiting.ask, task_state.answers[-1]
            self._came_back(live, _attempt(lambda: live.type.answered(live.request, ask, answer)), step_on=False)

    def cancel(self, action: a.CancelTask) -> None:
        live = self._active.get((action.stage, action.task)) or self._inherit(action.stage, action.task)
        if live is None:
            return
        live.ending = (action.status, action.message)
        live.stop_asked.append(True)
        if live.phase == "resting":
            live.rest()
            self._end_outside(live)
        else:
            if live.scope is not None:
                self._host.later(live.type.interrupt_after_s, live.scope.cancel)
            self._host.later(CANCEL_PATIENCE_S, lambda: self._end_impatiently(live))

    def _inherit(self, stage: str, task: str) -> ActiveTask | None:
        """A predecessor began this try."""
        task_state = self._folded.task(stage, task)
        live = self._take_up(stage, task, task_state.try_number)
        if live is not None:
            live.handle = task_state.handle
        return live

    def _take_up(
        self, stage: str, task: str, try_number: int, *, weigh: bool = False, begins: bool = False
    ) -> ActiveTask | None:
        live = self._active.take_up(stage, task, try_number, weigh=weigh, begins=begins)
        if isinstance(live, Barred):
            self._events.task_barred(stage, task, try_number, live)
            return None
        if isinstance(live, NotStarted):
            self._events.task_ended(stage, task, try_number, live.status, live.message, {})
            return None
        return live

    # ---------------------------------------------------------------------------------------------------------- leave

    def _ask_leave(self, live: ActiveTask, call: Call, *, repeat: bool) -> None:
        """Nothing is done outside before the ledger has said yes and has the start on record."""
        fresh = live.started is None
        if live.started is None:
            live.started = self._events.task_begins(live)
        live.phase = "asking"
        asked_at = self._host.monotonic()
        self._reporter.ask(
            Ask(live.started, repeat, lambda answer: self._answered(live, call, answer, fresh, asked_at))
        )

    def _answered(self, live: ActiveTask, call: Call, answer: ReportAnswer, fresh: bool, asked_at: float) -> None:
        if live not in self._active:
            return
        live.rest()
        begun = live.handle is not None or not fresh
        if fresh and answer.granted and live.started is not None:
            self._folded.learn(live.started.event)
        elif fresh:
            live.started = None
        ending, letting_go = live.ending is not None, self._owner.letting_go
        match permits.after(answer, begun=begun, ending=ending, letting_go=letting_go):
            case permits.Next.ACT:
                live.leave_at = asked_at
                self._call(live, call)
                # `decide` has not seen it begin: its timeout counts from now.
            case permits.Next.PUT_OFF:
                self._put_off(live, on_record=fresh and answer.granted)
            case permits.Next.END if ending:
                self._end_outside(live)
            case permits.Next.END:
                pass  # `decide` says how: the answer has brought the verdict.
            case permits.Next.FAIL:
                self._end(live, h.Status.FAILED, answer.reason, {})
            case permits.Next.AGAIN:
                self._active.let_fall(live)
        self._host.post(self._owner.step)

    def _put_off(self, live: ActiveTask, *, on_record: bool) -> None:
        """A try that is on record and did nothing is followed by another; else a `once` task "may have run"."""
        if on_record and live.handle is None:
            message = "The runner stopped before the task began."
            self._events.task_retries(live.stage, live.task, live.try_number, message, self._host.now())
        self._active.let_fall(live)

    # ---------------------------------------------------------------------------------------------------------- calls

    def _observe(self, live: ActiveTask) -> None:
        live.call_off = None
        if self._owner.letting_go:
            return
        if live.handle is not None and live.handle.get("effect_next"):
            self._ask_leave(live, "observe", repeat=True)
        else:
            self._call(live, "observe")

    def _call(self, live: ActiveTask, call: Call) -> None:
        live.phase = "working"
        if live.type.inline:
            with CancelScope() as scope:
                answer = _attempt(lambda: called(live, call, self._host, scope, needs_leave=False))
            self._came_back(live, answer, step_on=False)
            return

        def then(answer: Any) -> None:
            if live not in self._active or self._owner.over:
                return
            if isinstance(answer, Withdrawn):
                self._put_off(live, on_record=call == "start" and live.started is not None)
            elif isinstance(answer, StaleLeave):
                self._ask_leave(live, call, repeat=True)
            else:
                self._came_back(live, answer)

        needs_leave = live.leave_at > 0
        project = self._folded.about.project
        self._host.work(project, lambda scope: called(live, call, self._host, scope, needs_leave=needs_leave), then)

    def _came_back(self, live: ActiveTask, step: Any, *, step_on: bool = True) -> None:
        """What the type's call brought: a step, or the exception that it raised."""
        live.rest()
        live.leave_at = 0.0
        if isinstance(step, Running):
            self._runs_on(live, step)
        elif isinstance(step, Waiting):
            self._waits(live, step)
        else:
            self._end(live, *outcome(step, live), step.deployed if isinstance(step, Done) else ())
        if step_on and not self._owner.letting_go:
            self._owner.step()

    def _runs_on(self, live: ActiveTask, step: Running) -> None:
        handle = {key: value for key, value in step.handle.items() if key != "effect_next"}
        if step.effect_next:
            handle["effect_next"] = True
        if handle != live.handle:
            try:
                self._events.task_handle(live, handle, step.pushing)
            except EventTooLarge as error:
                self._fail(live, f"What the task must remember to continue is {error}: do less in one task.")
                return
            live.handle = handle
        if step.message and step.message != live.last_message:
            live.last_message = step.message
            self._events.task_progress(live, step.message)
        if live.ending is not None:
            self._end_outside(live)
        elif not self._owner.letting_go:
            live.call_off = self._host.later(step.again_after_s, lambda: self._observe(live))

    def _waits(self, live: ActiveTask, step: Waiting) -> None:
        try:
            self._events.task_waits(live, step)
        except EventTooLarge as error:
            self._fail(live, f"What the task asks for is {error}.")
        else:
            self._active.let_fall(live)

    # --------------------------------------------------------------------------------------------------------- endings

    def _fail(self, live: ActiveTask, message: str) -> None:
        """End a task that cannot be recorded; what it has begun outside is ended first."""
        if live.handle is None:
            self._end(live, h.Status.FAILED, message, {})
        else:
            live.ending = (h.Status.FAILED, message)
            self._end_outside(live)

    def _end_outside(self, live: ActiveTask) -> None:
        """A cancelled task: its type ends what runs outside, then the task ends."""
        if live.handle is None:
            self._end_cancelled(live, "")
            return
        live.phase = "working"

        def then(answer: Any) -> None:
            if live not in self._active or self._owner.over:
                return
            if isinstance(answer, Withdrawn):
                self._active.let_fall(live)  # The successor ends it.
            else:
                self._end_cancelled(live, complaint(answer))

        def impatient() -> None:
            live.interrupt()
            self._end_impatiently(live)

        project = self._folded.about.project
        self._host.work(project, lambda scope: called(live, "cancel", self._host, scope, needs_leave=False), then)
        self._host.later(END_PATIENCE_S, impatient)

    def _end_impatiently(self, live: ActiveTask) -> None:
        if live in self._active and not self._owner.over:
            self._end_cancelled(live, "Its last call had not come back yet.")

    def _end_cancelled(self, live: ActiveTask, complaint: str) -> None:
        status, message = live.ending or (h.Status.CANCELED, "Canceled.")
        self._end(live, status, f"{message} {complaint}".strip(), {})
        self._owner.step()

    def _end(
        self, live: ActiveTask, status: h.Status, message: str, output: Json, deployed: tuple[h.Deployed, ...] = ()
    ) -> None:
        self._active.let_fall(live)
        if live.ending is not None and status is not h.Status.COMPLETED:
            status, message = live.ending[0], message if live.ending[1] in message else f"{live.ending[1]} {message}"
        self._events.task_ended(live.stage, live.task, live.try_number, status, message, output, deployed)


def _attempt(call: Callable[[], Step]) -> Any:
    try:
        return call()
    except Exception as error:
        return error
