"""The hot path of the product: a delivery comes in, each push of it becomes an event, and the right ones start a run.

Every delivery that the gateway accepted is recorded and gets a verdict with its reason, in the transaction that admits
its run: a crash leaves both or neither, and a message that is delivered twice finds its events recorded. What is known
about a push is read once (`facts`), judged by a pure function (`decision`), and written in one place (`_write`).

A push that cannot be judged yet waits in a state: for the registry, which says what image a tag is (`resolving`, then
`retrying` while the registry does not have it); for an earlier push whose answer is still due (`answered`), since runs
of one repository start in the order of their pushes; for pushes that were received before it and are late (`ordering`);
or for further tags of the same image (`gathering`). A timer ends
each wait, so that no push is forgotten when an answer never comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.config import metrics
from services.config.model.push_events import (
    ANSWERED,
    GATHERING,
    JUDGED,
    ORDERING,
    RECEIVED,
    RESOLVING,
    RETRYING,
    PushEvent,
)
from services.config.model.triggers import MatchWebhook
from services.config.runs import admission
from services.config.runs.batch import RunBatch
from services.config.store import UnitOfWork, deliveries
from services.config.store.definitions import webhooks
from shared.contracts.pushes import DeliveryChanged, HookReceived, Push, TagResolve, TagResolved
from shared.contracts.topics import DELIVERY_CHANGED, TAG_RESOLVE
from shared.process import tracing

from . import batching, decision, facts, push_traces, records
from .case import Case, Decision, Start, Wait
from .facts import Definitions
from .verdicts import Judgement

RESOLVE_DEADLINE = "delivery.resolve-deadline"
RESOLVE_AGAIN = "delivery.resolve-again"
GATHER = "delivery.gather"
ORDERED_AT_ONCE = 100
"""Late pushes that one transaction judges: the writer is never held for long."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The use cases of deliveries, within a batch that the caller opened."""

    definitions: Definitions

    def receive(self, batch: RunBatch, hook: HookReceived) -> list[PushEvent]:
        """Record each push of a delivery once, and judge it or ask the registry first."""
        webhook = self.definitions.webhook(batch.uow, token_hash=hook.token_hash)
        pushes: tuple[Push | None, ...] = hook.pushes or (None,)
        recorded = []
        for ordinal, push in enumerate(pushes):
            event_id = records.row_id(hook.delivery_id, ordinal)
            if not deliveries.is_recorded(batch.uow, event_id):
                event = records.received(hook, webhook, push, event_id, ordinal, batch.uow.now)
                recorded.append(self._judge(batch, facts.read(batch, self.definitions, event, webhook, hook)))
        return recorded

    def rerun(self, batch: RunBatch, event: PushEvent, by: str, *, anyway: bool = False) -> PushEvent:
        """A new event for the same push, as of today: age and repeats no longer count, with `anyway` nor does order."""
        webhook = facts.webhook_of(batch.uow, self.definitions, event)
        repeated = records.again(event, by, batch.uow.now, anyway=anyway)
        return self._judge(batch, facts.read(batch, self.definitions, repeated, webhook))

    def resolved(self, batch: RunBatch, answer: TagResolved) -> None:
        """The registry's answer; one that arrives after the deadline changes nothing."""
        event = deliveries.find_push(batch.uow, answer.delivery_id, answer.push_ordinal)
        if event is not None and event.state == RESOLVING:
            batch.uow.cancel_timer(RESOLVE_DEADLINE, event.id)
            self._judge_and_release(batch, records.answered(event, answer), answer)

    def on_deadline(self, uow: UnitOfWork, event_id: str) -> None:
        """Handle the timer RESOLVE_DEADLINE: the run starts without a digest, and its event says why."""
        event = deliveries.find_one(uow, event_id)
        if event is not None and event.state == RESOLVING:
            with RunBatch(uow) as batch:
                self._judge_and_release(batch, records.unanswered(event, decision.ANSWER_WITHIN_S))

    def on_again(self, uow: UnitOfWork, event_id: str) -> None:
        """Handle the timer RESOLVE_AGAIN: another question to the registry."""
        event = deliveries.find_one(uow, event_id)
        if event is not None and event.state == RETRYING:
            with RunBatch(uow) as batch:
                self._judge(batch, self._facts(batch, event))

    def on_ordered(self, uow: UnitOfWork, subject: str) -> None:
        """Handle the timer ORDER: judge what is there in the order in which it was received.

        A long outage leaves many: some at a time, and until all are judged those that arrive wait behind them.
        """
        webhook_id, _, repository = subject.partition("/")
        waiting = deliveries.ordering(uow, webhook_id, repository, ORDERED_AT_ONCE)
        webhook = self.definitions.webhook(uow, webhook_id=webhook_id)
        with RunBatch(uow) as batch:
            for event in waiting:
                self._judge(batch, facts.read(batch, self.definitions, event, webhook))
        if len(waiting) == ORDERED_AT_ONCE:
            uow.timer(facts.ORDER, subject, uow.now)

    def on_quiet(self, uow: UnitOfWork, subject: str) -> None:
        """Handle the timer GATHER: nothing more came for the quiet period of a webhook's repository."""
        webhook_id, _, repository = subject.partition("/")
        waiting = {event.id: event for event in deliveries.gathering(uow, webhook_id, repository)}
        webhook = self.definitions.webhook(uow, webhook_id=webhook_id)
        members = [
            batching.GroupMember(event.id, event.push.tag or "", event.push.digest, event.received_at)
            for event in waiting.values()
            if event.push is not None
        ]
        with RunBatch(uow) as batch:
            for group in batching.group(members, webhook.tag_pattern if webhook is not None else ""):
                winner = waiting[group.winner]
                self._judge(batch, facts.read(batch, self.definitions, winner, webhook, tags=group.tags))
                for event_id in group.others:
                    case = Case(event=waiting[event_id], now=uow.now)
                    _write(batch, case, decision.batched(winner))

    def _facts(self, batch: RunBatch, event: PushEvent, answer: TagResolved | None = None) -> Case:
        webhook = facts.webhook_of(batch.uow, self.definitions, event)
        return facts.read(batch, self.definitions, event, webhook, answer=answer)

    def _judge(self, batch: RunBatch, case: Case) -> PushEvent:
        return _write(batch, case, decision.decide(case))

    def _judge_and_release(self, batch: RunBatch, event: PushEvent, answer: TagResolved | None = None) -> None:
        """Judge what the registry has answered, and then those that waited only for it, in their order."""
        judged = self._judge(batch, self._facts(batch, event, answer))
        if judged.state == ANSWERED:
            return
        for following in deliveries.answered(batch.uow, event):
            case = self._facts(batch, following)
            if case.awaits_earlier:
                return
            self._judge(batch, case)


def _write(batch: RunBatch, case: Case, decided: Decision) -> PushEvent:
    """Carry out what was decided: the run, the question and the timer, the event's row, and who must hear of it."""
    match decided:
        case Judgement():
            event = records.judged(case.event, decided)
        case Wait():
            event = _waiting(batch.uow, case, decided)
        case Start():
            event = _started(batch, case, decided)
    event = records.caused_by(event, case.causes)
    if case.event.state == RECEIVED:
        deliveries.add(batch.uow, event)
    else:
        deliveries.save(batch.uow, event)
    _tell(batch, event)
    return event


def _waiting(uow: UnitOfWork, case: Case, wait: Wait) -> PushEvent:
    event = case.event if wait.judgement is None else records.judged(case.event, wait.judgement)
    if wait.state == RESOLVING:
        _ask_registry(uow, event, case.webhook)
    if wait.due_at is not None:
        kind, subject = _TIMERS[wait.state]
        uow.timer(kind, subject(event), wait.due_at)
    return replace(event, state=wait.state)


def _ask_registry(uow: UnitOfWork, event: PushEvent, webhook: MatchWebhook | None) -> None:
    if event.push is None or event.push.tag is None:
        return
    question = TagResolve(
        delivery_id=event.delivery_id,
        push_ordinal=event.ordinal,
        repository=event.push.repository,
        tag=event.push.tag,
        access=webhook.access if webhook is not None else None,
        digest=event.push.digest,
        platforms=webhook.platforms if webhook is not None else (),
    )
    uow.outbox(TAG_RESOLVE, question, event.id, traceparent=tracing.of_push(event.id))


def _started(batch: RunBatch, case: Case, start: Start) -> PushEvent:
    admitted = admission.start(batch, start.pipeline, start.compiled, start.order)
    for run in admitted.superseded:
        if run.delivery is not None:
            deliveries.save_reason(batch.uow, run.delivery, run.status_message)
    run = admitted.run
    event = records.judged(case.event, decision.started(case, admitted))
    return replace(event, execution_id=run.id, execution_index=run.index, pipeline=run.pipeline)


def _tell(batch: RunBatch, event: PushEvent) -> None:
    webhook_id, token_hash = event.webhook_id, event.token_hash
    if event.state == JUDGED:
        _count(batch.uow, event)
    if webhook_id is not None and event.state == JUDGED and event.via != "test":
        batch.at_last(
            f"last push of {webhook_id}",
            lambda uow: webhooks.note_push(uow, webhook_id, event.received_at, event.verdict),
        )
    if token_hash and event.via in ("hook", "spool"):
        batch.at_last(f"use of {token_hash}", lambda uow: webhooks.note_use(uow, token_hash, event.received_at))
    changed = DeliveryChanged(delivery_id=event.id, project=event.project, webhook_id=webhook_id)
    batch.uow.broadcast(DELIVERY_CHANGED, changed, event.id)


def _count(uow: UnitOfWork, event: PushEvent) -> None:
    project, verdict = event.project, event.verdict
    waited_s = max(0.0, uow.now - event.received_at)

    def count() -> None:
        metrics.DELIVERIES.labels(project, verdict).inc()
        metrics.VERDICT.observe(waited_s)
        push_traces.judged(event, uow.now)

    uow.observe(count)


_TIMERS: dict[str, tuple[str, Callable[[PushEvent], str]]] = {
    RESOLVING: (RESOLVE_DEADLINE, lambda event: event.id),
    RETRYING: (RESOLVE_AGAIN, lambda event: event.id),
    GATHERING: (GATHER, facts.by_repository),
    ORDERING: (facts.ORDER, facts.by_repository),
}
