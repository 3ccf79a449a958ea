"""One run in a holder's hands: asks `decide`, does what it says, reports it. Lives in the holder's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.contracts import history as h
from shared.contracts.base import Json
from shared.contracts.runs import LogChunk, ReportAnswer, TakeAnswer, Verdict
from shared.grammar.expressions import Scope, about_run
from shared.grammar.plan import Plan, TaskPlan
from shared.grammar.progress import RunState, TaskState, advance, facts, fold
from shared.process.logging import get_logger

from . import decide as d
from . import results
from .live import CANCEL_PATIENCE_S, Call, Live, Stale, TaskTools, called
from .logs import LogBuffer
from .ports import Host
from .prepare import Not, Ready, outputs, prepare
from .reporting import Ask, Reporter
from .tasks.protocol import Asked, Done, Effect, Running, Step, TaskFailed, TaskType, Waiting
from .vault import Vault

_NEVER = 1e12
_MAX_ROUNDS = 10_000

log = get_logger()


class Run:
    """What this holder knows of one run, folded from the history and from what it has reported itself."""

    def __init__(self, host: Host, answer: TakeAnswer) -> None:
        if answer.about is None:
            raise ValueError("the take's answer does not say what the run is about")
        self.about = answer.about
        self.attempt = answer.attempt
        self.verdict = answer.verdict
        self.over = False
        self._host = host
        self._inputs: Json = answer.inputs
        self._start_number = answer.start_number
        self._plan = Plan.from_json(answer.plan)
        self._state = _folded(self._plan, answer)
        self._seen_at = host.now()
        self._vault = Vault(answer.endpoints, answer.variables, host.opener, host.sealer)
        self._exact: dict[tuple[str, str], dict[str, Any]] = {}
        self._live: dict[d.Place, Live] = {}
        self._reporter = Reporter(host, self.about.execution_id, answer.attempt, self._heard)
        self._wake: Callable[[], None] | None = None
        self._letting_go = False

    # ------------------------------------------------------------------------------------------------ what comes in

    def step(self) -> None:
        """Do all that can be done now."""
        for _ in range(_MAX_ROUNDS):
            if self.over or self._letting_go:
                return
            decision = d.decide(self._view())
            if not decision.actions:
                self._sleep_until(decision.wake_at)
                return
            for action in decision.actions:
                if not self.over and not self._letting_go:
                    _DOES[type(action)](self, action)
        raise RuntimeError(f"run {self.about.execution_id} decides without end")

    def told(self, verdict: Verdict) -> None:
        """The ledger's word on this run."""
        if verdict is Verdict.FENCED:
            self.abandon()
        elif verdict is not self.verdict and not self.over:
            self.verdict = verdict
            self.step()

    def abandon(self) -> None:
        """The run is somebody else's. Calls under way come back to nobody."""
        if not self.over:
            log.info("run abandoned", execution=self.about.execution_id, attempt=self.attempt)
            self._close()

    def let_go(self, then: Callable[[], None]) -> None:
        """The process ends in order: wait for calls under way, say what is known, start nothing."""
        self._letting_go = True

        def when_quiet() -> None:
            if self.over:
                then()
            elif any(live.phase == "working" for live in self._live.values()):
                self._host.later(0.05, when_quiet)
            else:
                self.send_logs()
                self._reporter.finish(then)

        when_quiet()

    def send_logs(self, live: Live | None = None, *, last: bool = False) -> None:
        """Pass on what was printed."""
        for one in [live] if live is not None else list(self._live.values()):
            first, lines = one.logs.take(last=last)
            if lines:
                self._host.ledger.log(
                    LogChunk(
                        execution_id=self.about.execution_id,
                        attempt=self.attempt,
                        stage=one.stage,
                        task=one.task,
                        try_number=one.try_number,
                        first_line=first,
                        lines=lines,
                        at=self._host.now(),
                    )
                )

    def _heard(self, answer: ReportAnswer) -> None:
        """Every report's answer carries a verdict; acting on it waits for the end of the report's own handling."""
        if answer.verdict is Verdict.FENCED:
            self.abandon()
        elif answer.verdict is not self.verdict:
            self.verdict = answer.verdict
            self._host.post(self.step)

    # ------------------------------------------------------------------------------------------------ what it knows

    def _view(self) -> d.View:
        return d.View(
            plan=self._plan,
            state=self._state,
            verdict=self.verdict,
            now=self._host.now(),
            effect=self._effect,
            live=frozenset(self._live),
            ending=frozenset(place for place, live in self._live.items() if live.ending is not None),
            seen_at=self._seen_at,
        )

    def _effect(self, task: TaskPlan, found: TaskState) -> Effect:
        known = self._host.types.get(task.type)
        return Effect.REPEATABLE if known is None else known.effect({**task.input, **found.input})

    def _scope(self, stage: str = "", task: str = "", kind: str = "") -> Scope:
        speaking: Mapping[str, Any] = {"stageName": stage, "taskName": task, "type": kind} if task else {}
        about = about_run(self.about, status=self._state.status.value, statusMessage=self._state.message, **speaking)
        return Scope(self._inputs, self._vault.variables, facts(self._state, self._known_exactly()), about)

    def _known_exactly(self) -> dict[tuple[str, str], dict[str, Any]]:
        for stage, task in self._state.tasks:
            place = (stage.name, task.name)
            if task.output.sealed is not None and "output" not in self._exact.get(place, {}):
                self._exact.setdefault(place, {})["output"] = self._vault.reveal(task.output.sealed)
        return self._exact

    def _sleep_until(self, wake_at: float | None) -> None:
        if self._wake is not None:
            self._wake()
            self._wake = None
        if wake_at is not None:
            self._wake = self._host.later(max(wake_at - self._host.now(), 0.01), self.step)

    def _stamp(self) -> dict[str, Any]:
        return {"seq": self._reporter.next_seq(), "at": self._host.now()}

    def _emit(self, event: h.Event) -> None:
        self._know(event)
        self._reporter.add(event)

    def _know(self, event: h.Event) -> None:
        # Leave that comes late is folded after later events of other tasks, as if it had been said last.
        fresh = replace(self._state, last=(0, 0))
        self._state = advance(fresh, [h.Recorded(attempt=self.attempt, event=event)])

    # -------------------------------------------------------------------------------------------- what decide wants

    def _start_run(self, action: d.StartRun) -> None:
        self._emit(h.RunStarted(**self._stamp()))

    def _start_stage(self, action: d.StartStage) -> None:
        self._emit(h.StageStarted(**self._stamp(), stage=action.stage))

    def _start_task(self, action: d.StartTask) -> None:
        live = self._take_up(action.stage, action.task, action.try_number, weigh=action.weigh)
        if live is None:
            return
        effect = live.type.effect(live.asked.input)
        if live.type.inline or effect is Effect.PURE:
            self._emit(self._begin(live))
            self._call(live, "start")
        else:
            self._ask_leave(live, "start", repeat=action.again and effect is not Effect.ONCE)

    def _observe_task(self, action: d.ObserveTask) -> None:
        found = self._state.task(action.stage, action.task)
        live = self._take_up(action.stage, action.task, found.try_number)
        if live is not None:
            live.handle = found.handle
            self._observe(live)

    def _answer_task(self, action: d.AnswerTask) -> None:
        found = self._state.task(action.stage, action.task)
        live = self._take_up(action.stage, action.task, found.try_number)
        if live is not None and found.waiting is not None:
            ask, said = found.waiting.ask, found.answers[-1]
            self._stepped(live, _attempt(lambda: live.type.answered(live.asked, ask, said)), step_on=False)

    def _cancel_task(self, action: d.CancelTask) -> None:
        place = (action.stage, action.task)
        live = self._live.get(place)
        if live is None:
            found = self._state.task(*place)
            live = self._take_up(action.stage, action.task, found.try_number)
            if live is None:
                return
            live.handle = found.handle
        live.ending = (action.status, action.message)
        live.stop_asked.append(True)
        if live.phase == "resting":
            live.rest()
            self._end_outside(live)
        else:
            self._host.later(CANCEL_PATIENCE_S, lambda: self._end_impatiently(live))

    def _retry_task(self, action: d.RetryTask) -> None:
        found = self._state.task(action.stage, action.task)
        self._emit(
            h.TaskWaiting(
                **self._stamp(),
                stage=action.stage,
                task=action.task,
                try_number=found.try_number,
                reason="retry",
                message=results.message(action.message, self._vault.masker),
                due_at=action.due_at,
            )
        )

    def _end_task(self, action: d.EndTask) -> None:
        found = self._state.task(action.stage, action.task)
        self._say_ended(action.stage, action.task, max(found.try_number, 1), action.status, action.message, {})

    def _end_stage(self, action: d.EndStage) -> None:
        message = results.message(action.message, self._vault.masker)
        self._emit(h.StageEnded(**self._stamp(), stage=action.stage, status=action.status, message=message))

    def _end_run(self, action: d.EndRun) -> None:
        values, missing = outputs(self._plan.outputs, self._scope())
        if missing:
            log.info("output left out", execution=self.about.execution_id, reason=missing)
        masker = self._vault.masker
        view = masker.mask(results.shown(values))
        message = results.message(action.message, masker)
        self._emit(h.RunEnded(**self._stamp(), status=action.status, message=message, output=view))
        self._finish()

    def _park(self, action: d.Park) -> None:
        reason: Any = action.reason
        self._emit(h.RunParked(**self._stamp(), reason=reason, due_at=action.due_at))
        self._finish()

    def _abandon(self, action: d.Abandon) -> None:
        self.abandon()

    def _finish(self) -> None:
        self._letting_go = True
        self._reporter.finish(self._close)

    def _close(self) -> None:
        self.over = True
        self._reporter.close()
        self._sleep_until(None)
        for live in self._live.values():
            live.stop_asked.append(True)
            live.rest()
        self._live.clear()
        self._host.drop(self.about.execution_id, self.attempt)

    # -------------------------------------------------------------------------------------------------- tasks in hand

    def _take_up(self, stage: str, task: str, number: int, *, weigh: bool = False) -> Live | None:
        """Put a task in hand; None when it ended before it could begin."""
        plan = self._plan.task(stage, task)
        kind = self._host.types.get(plan.type)
        if kind is None:
            known = ", ".join(sorted(self._host.types))
            self._say_ended(
                stage, task, number, h.Status.FAILED, f"There is no task type {plan.type}; this runner has {known}.", {}
            )
            return None
        try:
            scope = self._scope(stage, task, plan.type)
            ready = prepare(plan, scope, weigh=weigh, raw=kind.raw)
        except TaskFailed as error:
            ready = Not(h.Status.FAILED, error.message)
        if isinstance(ready, Not):
            self._say_ended(stage, task, number, ready.status, ready.message, {})
            return None
        live = self._in_hand(plan, kind, stage, number, ready, scope)
        self._live[stage, task] = live
        return live

    def _in_hand(self, plan: TaskPlan, kind: TaskType, stage: str, number: int, ready: Ready, scope: Scope) -> Live:
        logs, stopping = LogBuffer(), list[bool]()
        tools = TaskTools(self._host, self._vault, logs, self.about.requested_by, scope, (stage, plan.name), stopping)
        asked = Asked(
            type=plan.type,
            stage=stage,
            task=plan.name,
            try_number=number,
            attempt=self.attempt,
            start_number=self._start_number,
            input=ready.input,
            roles=ready.roles,
            about=self.about,
            inputs=self._inputs,
            tools=tools,
            memory={},
        )
        usable = results.shown(ready.input)
        self._exact.setdefault((stage, plan.name), {})["input"] = usable
        return Live(plan, kind, asked, logs, input_shown=self._vault.masker.mask(usable), stop_asked=stopping)

    def _begin(self, live: Live) -> h.TaskStarted:
        live.started = h.TaskStarted(
            **self._stamp(),
            stage=live.stage,
            task=live.task,
            try_number=live.try_number,
            input=live.input_shown,
        )
        return live.started

    def _ask_leave(self, live: Live, call: Call, *, repeat: bool) -> None:
        """Nothing is done outside before the ledger has said yes and has the start on record."""
        fresh = live.started is None
        started = live.started or self._begin(live)
        live.phase = "asking"
        asked_at = self._host.monotonic()

        def then(answer: ReportAnswer) -> None:
            self._answered_leave(live, call, answer, fresh, asked_at)

        self._reporter.ask(Ask(started, repeat, then))

    def _answered_leave(self, live: Live, call: Call, answer: ReportAnswer, fresh: bool, asked_at: float) -> None:
        if self._live.get((live.stage, live.task)) is not live:
            return
        live.rest()
        if self._letting_go:
            self._put_off(live, answer, fresh)
            return
        began = live.handle is not None or not fresh
        # A pause lets what has begun come to its end; the answer shows that the run is still ours.
        if answer.granted or (began and answer.verdict is Verdict.PAUSE):
            live.leave_at = asked_at
            if answer.granted and fresh and live.started is not None:
                self._know(live.started)
            if live.ending is not None:
                self._end_outside(live)
            else:
                self._call(live, call)
            return
        if fresh:
            live.started = None
        if began and answer.verdict is Verdict.CANCEL:
            if live.ending is not None:
                self._end_outside(live)
            return
        self._live.pop((live.stage, live.task), None)
        if answer.verdict is Verdict.GO:
            self._say_ended(live.stage, live.task, live.try_number, h.Status.FAILED, answer.reason or "No leave.", {})
        self._host.post(self.step)

    def _put_off(self, live: Live, answer: ReportAnswer, fresh: bool) -> None:
        """Leave came while the process ends: a successor begins, as another try because this one is on record."""
        if answer.granted and fresh and live.started is not None and live.handle is None:
            self._know(live.started)
            waiting = h.TaskWaiting(
                **self._stamp(),
                **_place(live),
                reason="retry",
                message="The runner stopped before the task began.",
                due_at=self._host.now(),
            )
            self._emit(waiting)
        self._live.pop((live.stage, live.task), None)

    def _observe(self, live: Live) -> None:
        live.call_off = None
        if self._letting_go:
            return
        if live.handle is not None and live.handle.get("effect_next"):
            self._ask_leave(live, "observe", repeat=True)
        else:
            self._call(live, "observe")

    def _call(self, live: Live, what: Call) -> None:
        live.phase = "working"
        needs_leave = live.leave_at > 0 and not live.type.inline
        if live.type.inline:
            self._stepped(live, _attempt(lambda: called(live, what, self._host, needs_leave=False)), step_on=False)
            return

        def then(answer: Any) -> None:
            if self._live.get((live.stage, live.task)) is not live or self.over:
                return
            if isinstance(answer, Stale):
                self._ask_leave(live, what, repeat=True)
            else:
                self._stepped(live, answer)

        self._host.work(lambda: called(live, what, self._host, needs_leave=needs_leave), then)

    def _stepped(self, live: Live, step: Any, *, step_on: bool = True) -> None:
        """What the type's call brought: a step, or the exception that it raised."""
        live.rest()
        live.leave_at = 0.0
        if isinstance(step, Running):
            self._runs_on(live, step)
        elif isinstance(step, Waiting):
            self._waits(live, step)
        else:
            status, message, output = _outcome(step, live)
            self._ended(live, status, message, output)
        if step_on and not self._letting_go:
            self.step()

    def _runs_on(self, live: Live, step: Running) -> None:
        handle = {**step.handle, "effect_next": True} if step.effect_next else step.handle
        if handle != live.handle:
            live.handle = handle
            self._emit(h.TaskHandle(**self._stamp(), **_place(live), handle=handle))
        if step.message and step.message != live.said:
            live.said = step.message
            message = results.message(step.message, self._vault.masker)
            self._emit(h.TaskProgress(**self._stamp(), **_place(live), message=message))
        if live.ending is not None:
            self._end_outside(live)
        elif not self._letting_go:
            live.call_off = self._host.later(step.again_after_s, lambda: self._observe(live))

    def _waits(self, live: Live, step: Waiting) -> None:
        self.send_logs(live, last=True)
        self._live.pop((live.stage, live.task), None)
        masker = self._vault.masker
        self._emit(
            h.TaskWaiting(
                **self._stamp(),
                **_place(live),
                reason=step.reason,
                message=results.message(step.message, masker),
                due_at=step.due_at,
                ask=masker.mask(step.ask),
            )
        )

    def _end_outside(self, live: Live) -> None:
        """A cancelled task: its type ends what goes on outside, then the task ends."""
        if live.handle is None:
            self._end_cancelled(live, "")
            return
        live.phase = "working"

        def then(answer: Any) -> None:
            if self._live.get((live.stage, live.task)) is live and not self.over:
                self._end_cancelled(live, _complaint(answer))

        self._host.work(lambda: called(live, "cancel", self._host, needs_leave=False), then)

    def _end_cancelled(self, live: Live, complaint: str) -> None:
        status, message = live.ending or (h.Status.CANCELED, "Canceled.")
        self._ended(live, status, f"{message} {complaint}".strip(), {})
        self.step()

    def _end_impatiently(self, live: Live) -> None:
        if self._live.get((live.stage, live.task)) is live and not self.over:
            self._end_cancelled(live, "Its last call had not come back yet.")

    def _ended(self, live: Live, status: h.Status, message: str, output: Json) -> None:
        self.send_logs(live, last=True)
        self._live.pop((live.stage, live.task), None)
        if live.ending is not None and status is not h.Status.COMPLETED:
            status, message = live.ending[0], message if live.ending[1] in message else f"{live.ending[1]} {message}"
        self._say_ended(live.stage, live.task, live.try_number, status, message, output)

    def _say_ended(self, stage: str, task: str, number: int, status: h.Status, message: str, output: Json) -> None:
        packed, usable = results.packed(output, self._vault.masker, self._host.sealer)
        if packed.sealed is not None:
            self._exact.setdefault((stage, task), {})["output"] = usable
        self._emit(
            h.TaskEnded(
                **self._stamp(),
                stage=stage,
                task=task,
                try_number=number,
                status=status,
                message=results.message(message, self._vault.masker),
                output=packed,
            )
        )


def _place(live: Live) -> dict[str, Any]:
    return {"stage": live.stage, "task": live.task, "try_number": live.try_number}


def _attempt(call: Callable[[], Step]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


def _outcome(step: Any, live: Live) -> tuple[h.Status, str, Json]:
    """How a task ended; what nobody foresaw is logged in full and told in one sentence."""
    if isinstance(step, Done):
        return step.status, step.message, step.output
    if isinstance(step, TaskFailed):
        return h.Status.FAILED, step.message, step.output
    if step is None and live.ending is not None:
        return live.ending[0], live.ending[1], {}
    if isinstance(step, BaseException):
        log.error("task crashed", task=f"{live.stage}.{live.task}", type=live.plan.type, exc_info=step)
        return h.Status.FAILED, _crash(live, step), {}
    return h.Status.FAILED, f"The {live.plan.type} task answered with {type(step).__name__}, which is no step.", {}


def _crash(live: Live, error: BaseException) -> str:
    what = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {what[0]}" if what else type(error).__name__
    return f"The {live.plan.type} task met something it does not know ({detail}); the runner's log has more."


def _complaint(answer: Any) -> str:
    if isinstance(answer, TaskFailed):
        return f"What it had started could not be ended: {answer.message}"
    if isinstance(answer, BaseException):
        log.error("cancel crashed", exc_info=answer)
        return f"What it had started could not be ended ({type(answer).__name__})."
    return ""


def _folded(plan: Plan, answer: TakeAnswer) -> RunState:
    return fold(plan, answer.history)


_DOES: dict[type, Callable[[Run, Any], None]] = {
    d.StartRun: Run._start_run,
    d.StartStage: Run._start_stage,
    d.StartTask: Run._start_task,
    d.ObserveTask: Run._observe_task,
    d.AnswerTask: Run._answer_task,
    d.CancelTask: Run._cancel_task,
    d.RetryTask: Run._retry_task,
    d.EndTask: Run._end_task,
    d.EndStage: Run._end_stage,
    d.EndRun: Run._end_run,
    d.Park: Run._park,
    d.Abandon: Run._abandon,
}
