"""Whole runs without threads, processes or time: `decide` asked again and again, its actions carried out by a script.

What a task does is said by its input: `fail` (as many tries fail), `output`, `ask` (it waits for an answer), `takes_s`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.runner.engine import actions as a
from services.runner.engine import decide as d
from services.runner.engine.prepare import NotStarted, outputs, prepare
from services.runner.task_protocol import Effect
from shared.contracts import history as h
from shared.contracts.history import Output, Recorded, Status
from shared.contracts.runs import Directive, Started
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import fold
from shared.grammar.resolving import Scope, about_run
from shared.grammar.states import RunState, facts

START = 1000.0
ABOUT = Started(
    execution_id="e1",
    project="default",
    pipeline="Deploy web",
    pipeline_id="p1",
    index=7,
    requested_by="ann",
    comments="by hand",
    description="Deploys the shop",
    execution_url="https://portside.example.com/executions/e1",
)


@dataclass
class Play:
    """One run. `go` plays until nothing more happens by itself."""

    tree: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    restricted: str = ""
    """An endpoint that only administrators may use."""
    now: float = START
    verdict: Directive = Directive.GO
    began: list[str] = field(default_factory=list)
    """Tasks and, with `~`, rollbacks, in the order in which they began."""
    events: list[Recorded] = field(default_factory=list)
    parked: bool = False
    ends: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the tasks in hand will be done."""

    def __post_init__(self) -> None:
        self.plan: Plan = compile_plan(read_pipeline({"name": "Deploy web", **self.tree}))

    @property
    def state(self) -> RunState:
        return fold(self.plan, self.events)

    def status(self, task: str) -> str:
        return next(one.status.value for _, one in self.state.tasks if one.name == task)

    def said(self, task: str) -> str:
        return next(one.message for _, one in self.state.tasks if one.name == task)

    def given(self, task: str) -> Any:
        return next(one.input for _, one in self.state.tasks if one.name == task)

    def note(self, kind: type[Any], **fields: Any) -> Play:
        self.events.append(Recorded(attempt=1, event=kind(seq=len(self.events) + 1, at=self.now, **fields)))
        return self

    def answer(self, stage: str, task: str, **said: Any) -> Play:
        return self.note(h.TaskAnswered, stage=stage, task=task, answer=said)

    def rolled_back(self, stage: str = "", task: str = "", status: str = "COMPLETED", message: str = "") -> Play:
        """The rollback of that place has ended."""
        run = self.state.rollbacks[stage, task].execution_id
        said = {"executionId": run, "executionIndex": 3, "executionStatus": status, "statusMessage": message}
        return self.answer(stage, task, **said)

    def go(self, until_s: float = 1e6) -> Play:
        """Play on; time jumps to whatever is due next."""
        self.parked = False
        limit = self.now + until_s
        for _ in range(1000):
            decided = d.decide(self._view())
            for action in decided.actions:
                self._do[type(action)](action)
            if self.parked or self.state.status.ended:
                return self
            if not decided.actions:
                due = [one for one in (decided.wake_at, *self.ends.values()) if one is not None]
                if not due or min(due) > limit:
                    return self
                self.now = max(self.now, min(due))
                for place in [place for place, at in self.ends.items() if at <= self.now]:
                    self._over(place)
        raise AssertionError("the run never comes to rest")

    def _view(self) -> d.View:
        return d.View(
            plan=self.plan,
            state=self.state,
            verdict=self.verdict,
            now=self.now,
            effect=lambda _plan, _state: Effect.ONCE,
            live=frozenset(self.ends),
            seen_at=self.now,
        )

    @property
    def _do(self) -> dict[type, Callable[[Any], Any]]:
        return {
            a.StartRun: lambda _: self.note(h.RunStarted),
            a.StartStage: lambda do: self.note(h.StageStarted, stage=do.stage),
            a.StartTask: self._start,
            a.AnswerTask: self._answered,
            a.CancelTask: self._cancelled,
            a.RetryTask: lambda do: self.note(
                h.TaskWaiting,
                stage=do.stage,
                task=do.task,
                try_number=self.state.task(do.stage, do.task).try_number,
                reason="retry",
                message=do.message,
                due_at=do.due_at,
            ),
            a.EndTask: lambda do: self._end(do.stage, do.task, do.status, do.message),
            a.StartRollback: self._roll_back,
            a.EndStage: lambda do: self.note(h.StageEnded, stage=do.stage, status=do.status, message=do.message),
            a.EndRun: self._end_run,
            a.Park: self._park,
        }

    def scope(self) -> Any:
        state = self.state
        about = about_run(ABOUT, status=state.status.value, statusMessage=state.message)
        return Scope(self.inputs, self.variables, facts(state), about)

    def _start(self, action: a.StartTask) -> None:
        task = self.plan.task(action.stage, action.task)
        ready = prepare(task, self.scope(), weigh=action.weigh)
        if isinstance(ready, NotStarted):
            self._end(action.stage, action.task, ready.status, ready.message, number=action.try_number)
            return
        found = self.state.task(action.stage, action.task)
        if self.restricted in ready.roles.values() and not found.cleared:
            place = {"stage": action.stage, "task": action.task, "try_number": action.try_number}
            self.note(h.TaskWaiting, **place, reason="restricted", message="Waits for an administrator")
            return
        self.began.append(action.task)
        place = {"stage": action.stage, "task": action.task, "try_number": action.try_number}
        self.note(h.TaskStarted, **place, input=ready.input)
        if "ask" in ready.input:
            due = ready.input.get("expires_s")
            due_at = None if due is None else self.now + due
            ask = {"executionId": ready.input["ask"]} if ready.input.get("nested") else {}
            reason = "nested" if ask else "approval"
            self.note(h.TaskWaiting, **place, reason=reason, message="Waits", due_at=due_at, ask=ask)
        else:
            self.ends[action.stage, action.task] = self.now + float(ready.input.get("takes_s", 0))

    def _over(self, place: tuple[str, str]) -> None:
        del self.ends[place]
        task = self.state.task(*place)
        if task.try_number <= int(task.input.get("fail", 0)):
            self._end(*place, Status.FAILED, str(task.input.get("why", "it did not work")))
        else:
            self._end(*place, Status.COMPLETED, "", task.input.get("output"))

    def _answered(self, action: a.AnswerTask) -> None:
        said = self.state.task(action.stage, action.task).answers[-1]
        if said.get("status") in ("Approved", None) and said.get("executionStatus") in ("COMPLETED", None):
            self._end(action.stage, action.task, Status.COMPLETED, "", said)
        else:
            self._end(action.stage, action.task, Status.FAILED, f"Rejected by {said.get('by', 'somebody')}")

    def _cancelled(self, action: a.CancelTask) -> None:
        self.ends.pop((action.stage, action.task), None)
        self._end(action.stage, action.task, action.status, action.message)

    def _end(
        self, stage: str, task: str, status: Status, message: str, output: Any = None, number: int | None = None
    ) -> None:
        number = number or max(self.state.task(stage, task).try_number, 1)
        place = {"stage": stage, "task": task, "try_number": number}
        self.note(h.TaskEnded, **place, status=status, message=message, output=Output(view=output or {}))

    def _roll_back(self, action: a.StartRollback) -> None:
        rollback = self.plan.rollback(action.stage, action.task)
        assert rollback is not None
        self.began.append(f"~{rollback.name}")
        run = f"rollback of {action.stage}.{action.task}"
        self.note(
            h.RollbackStarted,
            stage=action.stage,
            task=action.task,
            pipeline=rollback.name,
            execution_id=run,
            input=rollback.inputs,
        )

    def _end_run(self, action: a.EndRun) -> None:
        values, _ = outputs(self.plan.outputs, self.scope())
        self.note(h.RunEnded, status=action.status, message=action.message, output=values)

    def _park(self, action: a.Park) -> None:
        self.note(h.RunParked, reason=action.reason, due_at=action.due_at)
        self.parked = True
