"""The ledger: what runners ask and report about runs, applied to batches of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.config import metrics
from services.config.model.histories import MAX_HISTORY_BYTES
from services.config.model.people import SYSTEM
from services.config.model.rights import Right
from services.config.model.triggers import RunnablePipeline
from services.config.store import Reading, Store, UnitOfWork, Work, events, executions
from services.config.store.definitions import people
from services.config.store.executions import Run
from shared.contracts.base import Message
from shared.contracts.bounds import MAX_MESSAGE_BYTES
from shared.contracts.history import Status
from shared.contracts.runs import (
    Directive,
    Held,
    HeldAnswer,
    Released,
    Report,
    ReportAnswer,
    ResolvedEndpoint,
    ResolvedVariable,
    Started,
    Take,
    TakeAnswer,
)
from shared.grammar.cutting import cut_deep
from shared.grammar.plan import Plan

from . import protocol, rollbacks, traces
from .batch import RunBatch
from .heartbeats import Leases
from .plans import read_plan

_QUIET_PAGE = 50

PipelineNamed = Callable[[Reading, str, str], RunnablePipeline | None]
"""The pipeline of a project by its name, as a run would use it now."""


class RunResources(Protocol):
    """What the ledger asks of the catalog."""

    def resolve(
        self, uow: Reading, project: str, plan: Plan, inputs: Mapping[str, Any]
    ) -> tuple[dict[str, ResolvedEndpoint], dict[str, ResolvedVariable]]:
        """Endpoints and variables that the plan may use, resolved now, secrets sealed."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A take that was granted in this batch; its answer is filled in once all of the batch is written."""

    run: Run
    decision: protocol.TakeDecision
    traceparent: str


_MAX_TAKE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""What the envelope needs is left."""

Pending = Message | Taken | None
"""What a message of the batch is answered with: now, once the batch is written, or not at all."""


class Ledger:
    """Takes, holds and moves runs."""

    def __init__(
        self,
        store: Store,
        definitions: RunResources,
        leases: Leases,
        *,
        pipeline_named: PipelineNamed,
        public_url: Callable[[Reading], str],
    ) -> None:
        self.store = store
        self.definitions = definitions
        self.leases = leases
        self.pipeline_named = pipeline_named
        self.public_url = public_url
        self.newest_taken_sent_at = 0.0
        """Of what was taken since this process started, when the newest was sent."""
        self.last_take_at = store.clock()
        """When something was taken last, or could last not be."""

    def handlers(self) -> dict[type[Message], Callable[[RunBatch, Any], Pending]]:
        """What the ledger does with each message that it answers for."""
        return {Take: self._take, Report: self._report, Released: self._released}

    def committed(self, pending: Sequence[Pending]) -> None:
        """The batch is written: the leases of what was taken begin."""
        self.leases.heard((taken.run.id, taken.decision.attempt) for taken in pending if isinstance(taken, Taken))

    def _take(self, movement: RunBatch, ask: Take) -> Pending:
        run = movement.run(ask.execution_id)
        if run is None:
            return TakeAnswer(taken=False, reason=f"There is no execution {ask.execution_id}.")
        holding, decision = protocol.take(run.holding, ask)
        if not decision.taken:
            return TakeAnswer(taken=False, reason=decision.reason)
        if decision.attempt != run.holding.attempt:
            # Asked again, `since` would be the time of its first take, or of a dispatch that nobody has taken.
            self.newest_taken_sent_at = max(self.newest_taken_sent_at, run.since)
            self.last_take_at = movement.uow.now
        return Taken(movement.hold(run, holding), decision, traces.of_run(movement, run))

    def _report(self, movement: RunBatch, report: Report) -> Pending:
        run = movement.run(report.execution_id)
        if run is None:
            return ReportAnswer(verdict=Directive.FENCED, reason=f"There is no execution {report.execution_id}.")
        step, answer = protocol.report(run.holding, report, movement.uow.now)
        moved = movement.apply(run, step)
        rollbacks.begin(movement, moved, step.accepted, self.pipeline_named)
        if answer.verdict is not Directive.FENCED:
            self.leases.heard([(run.id, report.attempt)])
        return answer

    def _released(self, movement: RunBatch, release: Released) -> None:
        run = movement.run(release.execution_id)
        if run is not None:
            movement.apply(run, protocol.release(run.holding, release.runner, release.attempt, movement.uow.now))

    def answers(self, uow: UnitOfWork, pending: Sequence[Pending]) -> list[Message | None]:
        """The batch's answers, with plan, inputs and history for what was taken."""
        taken = [entry for entry in pending if isinstance(entry, Taken)]
        if not taken:
            return [entry for entry in pending if not isinstance(entry, Taken)]
        ids = [entry.run.id for entry in taken]
        facts = executions.facts_of(uow, ids)
        plans = executions.plan_texts(uow, {entry.run.plan_hash for entry in taken})
        return [
            self._take_answer(uow, entry, facts[entry.run.id], plans[entry.run.plan_hash])
            if isinstance(entry, Taken)
            else entry
            for entry in pending
        ]

    def _take_answer(
        self,
        uow: UnitOfWork,
        taken: Taken,
        facts: executions.Facts,
        texts: tuple[str, str],
    ) -> TakeAnswer:
        """Everything that a holder needs, in one message: the largest values of a long history are cut."""
        run, decision = taken.run, taken.decision
        plan, tree, about = read_plan(*texts)
        endpoints, variables = self.definitions.resolve(uow, run.project, plan, facts.input)
        answer = TakeAnswer(
            taken=True,
            attempt=decision.attempt,
            start_number=decision.start_number,
            verdict=decision.verdict,
            plan=tree,
            inputs=cut_deep(dict(facts.input)),
            sealed_inputs=dict(facts.sealed),
            endpoints=endpoints,
            variables=variables,
            at=uow.now,
            about=Started(
                execution_id=run.id,
                project=run.project,
                pipeline=run.pipeline,
                pipeline_id=run.pipeline_id,
                index=run.index,
                requested_by=facts.requested_by,
                comments=facts.comments,
                description=str(about.get("description") or ""),
                execution_url=f"{uow.once('public url', lambda: self.public_url(uow))}/executions/{run.id}",
                push=facts.push,
                nested=run.nested,
                traceparent=taken.traceparent,
                may_use_restricted=_may_use(uow, run.project, facts.requested_by, endpoints, variables),
            ),
        )
        room = _MAX_TAKE_BYTES - len(answer.model_dump_json())
        if room < 0:
            return _unusable(uow, run, "its plan and its inputs are larger than a message may be")
        if not run.events:
            return answer  # A first attempt has no history to look for.
        history = events.whole(uow, [run.id], min(room, MAX_HISTORY_BYTES))[run.id]
        if history.unreadable:
            return _unusable(uow, run, history.unreadable)
        answer = answer.model_copy(update={"history": history.events})
        if len(answer.model_dump_json()) > _MAX_TAKE_BYTES:
            return _unusable(uow, run, "its history is larger than a message may be")
        return answer

    def held(self, ask: Held) -> HeldAnswer:
        """Answer a runner's sign of life; a holder given up in vain gets its run back if nobody has taken it since."""
        ids = [pair.execution_id for pair in ask.holds]
        with self.store.read() as uow:
            holdings = executions.load_holdings(uow, ids)
            now = uow.now
        answer = protocol.held(holdings, ask).model_copy(update={"at": now})
        alive = [
            execution_id
            for execution_id in ids
            if answer.verdicts.get(execution_id, Directive.FENCED) is not Directive.FENCED
        ]
        regained = [
            pair
            for pair in ask.holds
            if pair.execution_id in alive and holdings[pair.execution_id].state is protocol.State.DISPATCHED
        ]
        if regained:
            with self.store.write() as uow, RunBatch(uow) as movement:
                movement.preload(pair.execution_id for pair in regained)
                for pair in regained:
                    if (run := movement.run(pair.execution_id)) is not None:
                        movement.apply(run, protocol.regain(run.holding, ask.runner, pair.attempt))
        return answer

    def heard(self, ask: Held) -> None:
        """A runner's sign of life has come; who is behind it shows when it is answered."""
        self.leases.heard((pair.execution_id, pair.attempt) for pair in ask.holds)

    def watch(self, *, connected: bool) -> None:
        """Give up holders that were not heard of for a lease; send again what nobody seems to have received."""
        if not connected:
            # Nothing can be taken or received, so that silence says nothing; it counts from when the broker is back.
            self.last_take_at = self.store.clock()
            return
        with self.store.read() as uow:
            held = executions.ids_in(uow, protocol.State.HELD)
            untaken = executions.ids_in(uow, protocol.State.DISPATCHED)
            now = uow.now
        expired = self.leases.expired(execution_id for execution_id, _ in held)
        lost = protocol.overdue(
            untaken, newest_taken_sent_at=self.newest_taken_sent_at, last_take_at=self.last_take_at, now=now
        )
        for start in range(0, max(len(expired), len(lost)), _QUIET_PAGE):
            self._give_up(expired[start : start + _QUIET_PAGE], lost[start : start + _QUIET_PAGE])

    def _give_up(self, expired: Sequence[str], lost: Sequence[str]) -> None:
        with self.store.write(Work.LEASES) as uow, RunBatch(uow) as movement:
            movement.preload([*expired, *lost])
            for execution_id in expired:
                if (run := movement.run(execution_id)) is not None:
                    movement.apply(run, protocol.expire(run.holding, uow.now))
                    uow.observe(metrics.LEASES_EXPIRED.inc)
            for execution_id in lost:
                if (run := movement.run(execution_id)) is not None:
                    movement.apply(run, protocol.resend(run.holding))

    def due(self, uow: UnitOfWork, execution_id: str) -> None:
        """A parked run's timer."""
        with RunBatch(uow) as movement:
            if (run := movement.run(execution_id)) is not None:
                movement.apply(run, protocol.due(run.holding, uow.now))


def _unusable(uow: UnitOfWork, run: Run, reason: str) -> TakeAnswer:
    """Fail a run that no runner can ever be given."""
    message = f"No runner can continue with this run: {reason}."
    with RunBatch(uow) as movement:
        if (now := movement.run(run.id)) is not None:
            movement.apply(now, protocol.end(now.holding, Status.FAILED, message, uow.now))
    return TakeAnswer(taken=False, reason=message)


def _may_use(
    uow: Reading,
    project: str,
    user: str,
    endpoints: Mapping[str, ResolvedEndpoint],
    variables: Mapping[str, ResolvedVariable],
) -> bool:
    """Whether a run of that user may use all of these without an administrator."""
    restricted = any(definition.properties.get("isRestricted") for definition in endpoints.values())
    if not restricted and not any(definition.type == "RESTRICTED" for definition in variables.values()):
        return True
    person = SYSTEM if user == SYSTEM.user else people.person(uow, user, None)
    return person is not None and person.may(project, Right.RESTRICTED)


def subjects(messages: Sequence[Message]) -> list[str]:
    """The runs that these messages are about, to load at once."""
    return [message.execution_id for message in messages if isinstance(message, Take | Report | Released)]
