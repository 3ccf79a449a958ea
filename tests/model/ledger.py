"""The ledger's shell, as small as it can be, with a notary who checks every decision as it is committed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from services.config.runs import protocol as p
from services.config.runs.heartbeats import Leases
from shared.contracts import history as h
from shared.contracts.runs import (
    Directive,
    Held,
    HeldAnswer,
    Released,
    Report,
    ReportAnswer,
    RunExecution,
    Take,
    TakeAnswer,
)

from .outside import Broken

Key = tuple[str, str, str, int]
LEASE_S = 20.0


@dataclass
class Ledger:
    """Durable state of config. Every method that changes it is one transaction."""

    rules: SimpleNamespace
    """The functions of `services.config.runs.protocol`, or a mutation of them."""
    places: int = 2
    now: float = 0.0
    holdings: dict[str, p.RunClaim] = field(default_factory=dict)
    histories: dict[str, list[h.Recorded]] = field(default_factory=lambda: defaultdict(list))
    timers: dict[str, float] = field(default_factory=dict)
    outbox: list[RunExecution] = field(default_factory=list)
    sent: dict[str, tuple[int, float]] = field(default_factory=dict)
    newest_taken_sent_at: float = 0.0
    last_take_at: float = 0.0
    starts: int = 0
    over: dict[str, p.AnnounceRunEnd] = field(default_factory=dict)
    deaths: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    leases: Leases = field(default_factory=lambda: Leases(lease_s=LEASE_S))
    grants: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(list))
    askers: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Take id → the name and life of the runner that asks."""
    owners: dict[tuple[str, int], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def create(self, execution_id: str) -> None:
        """A delivery was judged: one more run in the queue."""
        self.holdings[execution_id] = p.RunClaim(execution_id=execution_id)
        self._admit()

    def handle(self, said: Take | Report | Released) -> TakeAnswer | ReportAnswer | None:
        """One message of the ordered queue."""
        if isinstance(said, Take):
            return self._take(said)
        if isinstance(said, Report):
            return self._report(said)
        known = self.holdings[said.execution_id]
        self.commit(known, self.rules.release(known, said.runner, said.attempt, self.now))
        return None

    def held(self, ask: Held) -> HeldAnswer:
        """Reads only."""
        answer: HeldAnswer = self.rules.held(self.holdings, ask)
        return answer

    def _take(self, ask: Take) -> TakeAnswer:
        known = self.holdings[ask.execution_id]
        after, decision = self.rules.take(known, ask)
        self._notarise_take(known, ask, decision)
        self._store(known, after)
        if not decision.taken:
            return TakeAnswer(taken=False, reason=decision.reason)
        sent = self.sent.get(ask.execution_id)
        if sent is not None and sent[0] == ask.dispatch:
            self.newest_taken_sent_at = max(self.newest_taken_sent_at, sent[1])
        self.last_take_at = self.now
        self.leases.heard([(ask.execution_id, decision.attempt)])
        return TakeAnswer(
            taken=True,
            attempt=decision.attempt,
            start_number=decision.start_number,
            verdict=decision.verdict,
            history=tuple(self.histories[ask.execution_id]),
        )

    def _notarise_take(self, known: p.RunClaim, ask: Take, decision: p.TakeDecision) -> None:
        dispatch = (ask.execution_id, ask.dispatch)
        mine = (ask.runner, ask.take_id)
        if decision.taken:
            self.owners[dispatch].add(mine)
        if len(self.owners[dispatch]) > 1:
            raise Broken(f"dispatch {dispatch} has two owners")
        is_newest = known.state in (p.State.HELD, p.State.DISPATCHED) and (known.runner, known.take_id) == mine
        if not decision.taken and is_newest:
            raise Broken("the same take asked again got another answer")

    def _report(self, said: Report) -> ReportAnswer:
        known = self.holdings[said.execution_id]
        step, answer = self.rules.report(known, said, self.now)
        ask = said.grant
        for grant in step.holding.grants:
            if any(self._same(grant, old) for old in known.grants):
                continue
            key = (said.execution_id, *grant.key)
            if known.cancel or known.pause:
                raise Broken(f"{key} was granted although the run was to stop")
            if self.grants[key] and not (ask and ask.repeat):
                raise Broken(f"{key} was granted twice and may not be repeated")
            self.grants[key].append(grant.attempt)
        for recorded in step.accepted:
            mine = [one for one in step.holding.open_work if one.attempt == said.attempt]
            if isinstance(recorded.event, h.RunParked) and mine:
                raise Broken(f"{said.execution_id} parked in the middle of {mine}")
        self.commit(known, step)
        if answer.verdict is not Directive.FENCED:
            self.leases.heard([(said.execution_id, said.attempt)])
        return answer  # type: ignore[no-any-return]

    @staticmethod
    def _same(one: p.Permit, other: p.Permit) -> bool:
        return (one.key, one.attempt, one.seq) == (other.key, other.attempt, other.seq)

    def had_leave(self, execution_id: str, stage: str, task: str, try_number: int, attempt: int) -> bool:
        """Whether that attempt was ever given leave for that try."""
        return attempt in self.grants[execution_id, stage, task, try_number]

    def commit(self, known: p.RunClaim, step: p.Transition) -> None:
        """Store a step and carry out its effects, in one transaction."""
        execution_id = known.execution_id
        if known.state is p.State.ENDED and (step.accepted or step.effects):
            raise Broken(f"{execution_id} went on after its end")
        self.histories[execution_id].extend(step.accepted)
        for effect in step.effects:
            self._carry_out(execution_id, effect)
        self._store(known, step.holding)
        self._admit()

    def _carry_out(self, execution_id: str, effect: p.Effect) -> None:
        if isinstance(effect, p.Dispatch):
            self.outbox.append(RunExecution(execution_id=execution_id, dispatch=effect.number))
            self.sent[execution_id] = (effect.number, self.now)
        elif isinstance(effect, p.SetTimer):
            self.timers[execution_id] = effect.due_at
        elif isinstance(effect, p.CancelTimer):
            self.timers.pop(execution_id, None)
        elif isinstance(effect, p.AnnounceRunEnd):
            self.over[execution_id] = effect

    def _store(self, known: p.RunClaim, after: p.RunClaim) -> None:
        if p.from_json(p.to_json(after)) != after:
            raise Broken("a holding does not survive its row")
        self.holdings[known.execution_id] = after

    def _admit(self) -> None:
        for holding in [one for one in self.holdings.values() if one.state is p.State.QUEUED]:
            placed = sum(one.state in (p.State.DISPATCHED, p.State.HELD) for one in self.holdings.values())
            if placed >= self.places:
                return
            step = self.rules.admit(holding, self.starts + 1)
            self.starts = max(self.starts, step.holding.start)
            for effect in step.effects:
                self._carry_out(holding.execution_id, effect)
            self._store(holding, step.holding)

    def expire(self, execution_id: str) -> None:
        """Its holder was in no list for the length of a lease."""
        known = self.holdings[execution_id]
        self.deaths[execution_id] += known.state is p.State.HELD
        self.commit(known, self.rules.expire(known, self.now))

    def happen(self, execution_id: str, function: str, *arguments: Any) -> p.Transition:
        """Anything else that the protocol decides."""
        known = self.holdings[execution_id]
        step: p.Transition = getattr(self.rules, function)(known, *arguments)
        self.commit(known, step)
        return step

    def resend_lost(self) -> None:
        """The sweep for messages that no longer are."""
        untaken = [(key, self.sent[key][1]) for key, one in self.holdings.items() if one.state is p.State.DISPATCHED]
        for execution_id in self.rules.overdue(
            untaken, newest_taken_sent_at=self.newest_taken_sent_at, last_take_at=self.last_take_at, now=self.now
        ):
            self.happen(execution_id, "resend")
