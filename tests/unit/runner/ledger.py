"""A ledger in memory for tests of the engine: the real protocol of config, without a broker or a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from services.config.model.claims import RunClaim, State
from services.config.runs import protocol
from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Document
from shared.contracts.history import Recorded, TaskEnded, TaskStarted
from shared.contracts.runs import (
    Held,
    HeldAnswer,
    LogChunk,
    NestedStarted,
    Released,
    Report,
    ReportAnswer,
    ResolvedEndpoint,
    ResolvedVariable,
    Started,
    StartNested,
    Take,
    TakeAnswer,
)
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import fold
from shared.grammar.states import RunState


class Away(Exception):
    """The ledger cannot be reached."""


class MemoryLedger:
    """One run, dispatched and taken as config would do it."""

    def __init__(
        self,
        pipeline: dict[str, Any],
        *,
        inputs: dict[str, Any] | None = None,
        endpoints: dict[str, ResolvedEndpoint] | None = None,
        variables: dict[str, ResolvedVariable] | None = None,
        sealed_inputs: dict[str, Sealed] | None = None,
        about: dict[str, Any] | None = None,
        start: int = 1,
    ) -> None:
        self.plan: Plan = compile_plan(read_pipeline({"name": "demo", **pipeline}))
        self.inputs = inputs or {}
        self.endpoints = endpoints or {}
        self.variables = variables or {}
        self.sealed_inputs = sealed_inputs or {}
        known = {"execution_id": "e1", "project": "default", "pipeline": "demo", "pipeline_id": "p1", "index": 7}
        self.about = Started.model_validate({**known, "requested_by": "ada", **(about or {})})
        self.away = False
        self.history: list[Recorded] = []
        self.lines: list[str] = []
        self.reports: list[Report] = []
        self.acts: list[tuple[Act, str, str]] = []
        self.answer_act: Callable[[Act], Document] = lambda act: Document()
        self.nested: list[tuple[StartNested, str]] = []
        self.answer_nested: Callable[[StartNested], NestedStarted] = lambda ask: NestedStarted(
            execution_id=ask.execution_id, execution_index=4
        )
        self.before_answer: Callable[[Report], None] = lambda said: None
        self.is_lost: Callable[[Report], bool] = lambda said: False
        """Confirmed by the broker, and gone with its queue."""
        self.answer_is_lost: Callable[[Report], bool] = lambda said: False
        self.kept_back: list[tuple[Future[ReportAnswer], ReportAnswer]] = []
        """Answers that are late, of a ledger that is behind."""
        self.answer_is_late: Callable[[Report], bool] = lambda said: False
        self._lock = threading.RLock()
        self.holding = protocol.admit(RunClaim(self.about.execution_id), start).holding

    def start_nested(self, ask: StartNested, user: str) -> NestedStarted:
        self.nested.append((ask, user))
        return self.answer_nested(ask)

    # ------------------------------------------------------------------------------------------------------- the port

    def take(self, ask: Take) -> Future[TakeAnswer]:
        with self._lock:
            self.holding, decided = protocol.take(self.holding, ask)
            if not decided.taken:
                return _done(TakeAnswer(taken=False, reason=decided.reason))
            return _done(
                TakeAnswer(
                    taken=True,
                    attempt=decided.attempt,
                    start_number=decided.start_number,
                    verdict=decided.verdict,
                    plan=self.plan.to_json(),
                    inputs=self.inputs,
                    sealed_inputs=self.sealed_inputs,
                    endpoints=self.endpoints,
                    variables=self.variables,
                    history=tuple(self.history),
                    about=self.about,
                )
            )

    def report(self, said: Report) -> Future[ReportAnswer]:
        with self._lock:
            if self.away:
                return _failed(Away("no answer"))
            self.before_answer(said)
            self.reports.append(said)
            step, answer = protocol.report(self.holding, said, time.time())
            self._make(step)
            if self.answer_is_late(said):
                self.kept_back.append((Future(), answer))
                return self.kept_back[-1][0]
            return _failed(Away("no answer")) if self.answer_is_lost(said) else _done(answer)

    def send_report(self, said: Report) -> Future[None]:
        with self._lock:
            if self.away:
                return _failed(Away("not confirmed"))
            if not self.is_lost(said):
                self.reports.append(said)
                self._make(protocol.report(self.holding, said, time.time())[0])
            return _done(None)

    def held(self, ask: Held) -> Future[HeldAnswer]:
        with self._lock:
            return (
                _failed(Away("no answer"))
                if self.away
                else _done(protocol.held({self.holding.execution_id: self.holding}, ask))
            )

    def released(self, said: Released) -> Future[None]:
        with self._lock:
            self._make(protocol.release(self.holding, said.runner, said.attempt, time.time()))
            return _done(None)

    def log(self, chunk: LogChunk) -> None:
        self.lines += chunk.lines

    def act(self, act: Act, user: str, command_id: str) -> Document:
        self.acts.append((act, user, command_id))
        return self.answer_act(act)

    # ------------------------------------------------------------------------------------------------- what tests ask

    @property
    def state(self) -> RunState:
        """The history as the ledger has it."""
        with self._lock:
            return fold(self.plan, list(self.history))

    def intend(self, intent: protocol.Intent) -> None:
        """Somebody wants the run cancelled, paused or resumed."""
        with self._lock:
            self._make(protocol.intend(self.holding, intent, time.time()))
            self._admit()

    def answer(self, stage: str, task: str, said: dict[str, Any]) -> None:
        """What a task waits for has come."""
        with self._lock:
            self._make(protocol.answer(self.holding, stage, task, said, time.time()))
            self._admit()

    def due(self) -> None:
        """The run's timer fires."""
        with self._lock:
            self._make(protocol.due(self.holding, self.holding.due_at or 0.0))
            self._admit()

    def expire(self) -> None:
        """The lease runs out."""
        with self._lock:
            self._make(protocol.expire(self.holding, time.time()))

    def started(self) -> list[tuple[str, int]]:
        """Every start on record: task and attempt."""
        return [(one.event.task, one.attempt) for one in self.history if isinstance(one.event, TaskStarted)]

    def ended(self) -> dict[str, str]:
        """How each task ended."""
        return {one.event.task: one.event.status.value for one in self.history if isinstance(one.event, TaskEnded)}

    def _make(self, step: protocol.Transition) -> None:
        self.holding = step.holding
        self.history += step.accepted

    def _admit(self) -> None:
        if self.holding.state is State.QUEUED:
            self._make(protocol.admit(self.holding, 1))


def _done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future
