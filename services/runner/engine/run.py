"""One run in a holder's hands: asks `decide`, does what it says, reports it. Lives in the holder's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.runner.task_protocol import Effect
from shared.contracts.runs import Directive, ReportAnswer, TakeAnswer
from shared.grammar.plan import TaskPlan
from shared.grammar.states import TaskState
from shared.process.logging import get_logger

from . import actions as a
from . import decide as d
from .active_task import ActiveTask
from .active_tasks import ActiveTasks
from .events import EventReporter
from .ports import Host
from .prepare import outputs
from .reports import Reporter
from .run_state import FoldedRun
from .secrets import RunSecrets
from .task_calls import TaskCalls

_MAX_ROUNDS = 10_000
_READ_PATIENCE_S = 5.0
"""So long a process that ends waits for calls that only read; a successor makes them again."""

log = get_logger()


class ActiveRun:
    """What is wanted comes in here, from the ledger and from its own tasks; what is decided goes out to the parts."""

    def __init__(self, host: Host, answer: TakeAnswer) -> None:
        if answer.about is None:
            raise ValueError("the take's answer does not say what the run is about")
        self.execution_id = answer.about.execution_id
        self.attempt = answer.attempt
        self.verdict = answer.verdict
        self.over = False
        self.letting_go = False
        self._host = host
        self._seen_at = host.now()
        self._wake: Callable[[], None] | None = None
        secrets = RunSecrets(answer.endpoints, answer.variables, host.opener, host.sealer, answer.sealed_inputs)
        self._folded = FoldedRun(answer.about, answer, secrets)
        self._reporter = Reporter(host, self.execution_id, answer.attempt, self._heard)
        self._events = EventReporter(host, self._folded, secrets, self._reporter)
        self._active = ActiveTasks(host, self._folded, secrets)
        self._work = TaskCalls(self, host, self._folded, self._active, self._events, self._reporter)
        self._does: dict[type, Callable[[Any], None]] = {
            a.StartRun: lambda _: self._events.run_started(),
            a.StartStage: lambda action: self._events.stage_started(action.stage),
            a.StartTask: self._work.start,
            a.ObserveTask: self._work.observe,
            a.AnswerTask: self._work.answer,
            a.CancelTask: self._work.cancel,
            a.RetryTask: self._retry_task,
            a.EndTask: self._end_task,
            a.StartRollback: self._start_rollback,
            a.EndStage: lambda action: self._events.stage_ended(action.stage, action.status, action.message),
            a.EndRun: self._end_run,
            a.Park: self._park,
            a.Abandon: lambda _: self.abandon(),
        }

    # ------------------------------------------------------------------------------------------------ what comes in

    def step(self) -> None:
        """Do all that can be done now. A run that cannot be gone on with is let go rather than held for ever: its lease
        runs out, and after three times the ledger fails it."""
        try:
            self._go_on()
        except Exception:
            log.exception("run.failed", execution=self.execution_id)
            self.abandon()

    def _go_on(self) -> None:
        for _ in range(_MAX_ROUNDS):
            if self.over or self.letting_go:
                return
            decision = d.decide(self._view())
            if not decision.actions:
                self._sleep_until(decision.wake_at)
                return
            for action in decision.actions:
                if not self.over and not self.letting_go:
                    self._does[type(action)](action)
        raise RuntimeError(f"run {self.execution_id} decides without end")

    def take_directive(self, verdict: Directive) -> None:
        """The ledger's word on this run."""
        if verdict is Directive.FENCED:
            self.abandon()
        elif verdict is not self.verdict and not self.over:
            self.verdict = verdict
            self.step()

    def abandon(self) -> None:
        """The run is somebody else's. Calls under way come back to nobody."""
        if not self.over:
            log.info("run.abandoned", execution=self.execution_id, attempt=self.attempt)
            self._close()

    def let_go(self, then: Callable[[], None]) -> None:
        """The process ends in order: wait for calls under way, say what is known, start nothing."""
        self.letting_go = True
        impatient_at = self._host.monotonic() + _READ_PATIENCE_S

        def when_quiet() -> None:
            if self.over:
                then()
            elif any(self._is_awaited(live, impatient_at) for live in self._active):
                self._host.later(0.05, when_quiet)
            else:
                self.send_logs()
                self._reporter.pass_on(then)

        when_quiet()

    def _is_awaited(self, live: ActiveTask, impatient_at: float) -> bool:
        return live.changes_outside or (live.phase == "working" and self._host.monotonic() < impatient_at)

    def send_logs(self) -> None:
        """Pass on what was printed."""
        for live in self._active:
            self._active.send_logs(live)

    def _heard(self, answer: ReportAnswer) -> None:
        """Every report's answer carries a verdict; acting on it waits for the end of the report's own handling."""
        if answer.verdict is Directive.FENCED:
            self.abandon()
        elif answer.verdict is not self.verdict:
            self.verdict = answer.verdict
            self._host.post(self.step)

    # ---------------------------------------------------------------------------------------------- what is decided

    def _view(self) -> d.View:
        return d.View(
            plan=self._folded.plan,
            state=self._folded.state,
            verdict=self.verdict,
            now=self._host.now(),
            effect=self._effect,
            live=frozenset(live.place for live in self._active),
            ending=frozenset(live.place for live in self._active if live.ending is not None),
            seen_at=self._seen_at,
        )

    def _effect(self, task: TaskPlan, task_state: TaskState) -> Effect:
        task_type = self._host.types.get(task.type)
        return Effect.REPEATABLE if task_type is None else task_type.effect({**task.input, **task_state.input})

    def _sleep_until(self, wake_at: float | None) -> None:
        if self._wake is not None:
            self._wake()
            self._wake = None
        if wake_at is not None:
            self._wake = self._host.later(max(wake_at - self._host.now(), 0.01), self.step)

    def _retry_task(self, action: a.RetryTask) -> None:
        task_state = self._folded.task(action.stage, action.task)
        self._events.task_retries(action.stage, action.task, task_state.try_number, action.message, action.due_at)

    def _end_task(self, action: a.EndTask) -> None:
        try_number = max(self._folded.task(action.stage, action.task).try_number, 1)
        self._events.task_ended(action.stage, action.task, try_number, action.status, action.message, {})

    def _start_rollback(self, action: a.StartRollback) -> None:
        planned = self._folded.plan.rollback(action.stage, action.task)
        assert planned is not None
        scope = self._folded.scope()
        values, _ = outputs(self._folded.plan.outputs, scope)
        self._events.rollback_started(planned, replace(scope, outputs=values))

    def _end_run(self, action: a.EndRun) -> None:
        values, missing = outputs(self._folded.plan.outputs, self._folded.scope())
        if missing:
            log.info("output.dropped", execution=self.execution_id, reason=missing)
        self._events.run_ended(action.status, action.message, values)
        self._finish()

    def _park(self, action: a.Park) -> None:
        self._events.run_parked(action.reason, action.due_at)
        self._finish()

    def _finish(self) -> None:
        self.letting_go = True
        self._reporter.finish(self._close)

    def _close(self) -> None:
        self.over = True
        self._reporter.close()
        self._sleep_until(None)
        self._active.stop()
        self._host.drop(self.execution_id, self.attempt)
