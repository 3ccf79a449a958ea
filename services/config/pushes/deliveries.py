"""From a delivery to its verdict, and to a run: received, resolving, judged.

Every delivery is recorded and gets a verdict with its reason, in the transaction that admits the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from services.config.model import lineage
from services.config.model.lineage import Cause
from services.config.model.triggers import MatchWebhook, RunnablePipeline
from services.config.runs import admission
from services.config.runs.batch import Movement
from services.config.store import Reading, UnitOfWork, deliveries, pushed_images
from services.config.store.definitions import webhooks
from services.config.store.deliveries import ANSWERED, GATHERING, JUDGED, RESOLVING, RETRYING, Delivery
from shared.contracts.pushes import DeliveryChanged, Found, HookReceived, Push, TagResolve, TagResolved
from shared.contracts.topics import DELIVERY_CHANGED, TAG_RESOLVE
from shared.grammar.inputs import blank, docker_inputs, run_inputs
from shared.grammar.malformed import Malformed
from shared.grammar.repositories import HUB_HOST
from shared.grammar.spec import Supersede
from shared.process.ids import new_id

from . import batching, matching, records
from .matching import Case
from .verdicts import Judgement, Verdict, judge

RESOLVE_DEADLINE = "delivery.resolve-deadline"
RESOLVE_AGAIN = "delivery.resolve-again"
GATHER = "delivery.gather"
ANSWER_WITHIN_S = 10.0
FOUND_WITHIN_S = 600.0
_AGAIN_AFTER_S = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_LATE = ("spool", "look")


class Catalog(Protocol):
    """What matching asks of the definitions."""

    def webhook(self, uow: Reading, *, token_hash: str = "", webhook_id: str = "") -> MatchWebhook | None:
        """The webhook that has this token, or this id."""
        ...

    def pipeline(self, uow: Reading, project: str, name: str) -> RunnablePipeline | None:
        """The pipeline of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Receiver:
    """The use cases of deliveries, within a movement that the caller opened."""

    catalog: Catalog

    def receive(self, movement: Movement, hook: HookReceived) -> list[Delivery]:
        """Record each push of a delivery once, and judge it or ask the registry first."""
        uow = movement.uow
        webhook = self.catalog.webhook(uow, token_hash=hook.token_hash)
        pushes: tuple[Push | None, ...] = hook.pushes or (None,)
        recorded = []
        for ordinal, push in enumerate(pushes):
            number = records.row_id(hook.delivery_id, ordinal)
            if not deliveries.known(uow, number):
                one = records.delivery(hook, webhook, push, number, ordinal, uow.now)
                recorded.append(self._first(movement, one, webhook, hook.problem))
        return recorded

    def _first(self, movement: Movement, one: Delivery, webhook: MatchWebhook | None, problem: str | None) -> Delivery:
        uow = movement.uow
        pipeline = self._pipeline(uow, webhook)
        case = _case(one, webhook, pipeline, uow.now, problem)
        judgement = matching.first_look(case) or (None if case.rerun else self._repeat(uow, one))
        if judgement is not None:
            one = _judged(one, judgement)
        elif _wants_registry(one, webhook):
            why = f"Asking the registry which image {matching.wording(one.push)} is." if one.push else ""
            one = replace(_judged(one, judge(Verdict.WAITING, why=why)), state=RESOLVING)
            self._ask(uow, one, webhook)
        else:
            one = self._gather_or_decide(movement, one, webhook, pipeline)
        deliveries.add(uow, one)
        _tell(movement, one)
        return one

    def _ask(self, uow: UnitOfWork, one: Delivery, webhook: MatchWebhook | None) -> None:
        if one.push is None or one.push.tag is None:
            return
        question = TagResolve(
            delivery_id=one.delivery_id,
            push_ordinal=one.ordinal,
            repository=one.push.repository,
            tag=one.push.tag,
            access=webhook.access if webhook is not None else None,
            digest=one.push.digest,
            platforms=webhook.platforms if webhook is not None else (),
        )
        uow.outbox(TAG_RESOLVE, question, one.id)
        uow.timer(RESOLVE_DEADLINE, one.id, uow.now + ANSWER_WITHIN_S)

    def resolved(self, movement: Movement, answer: TagResolved) -> None:
        """The registry's answer; one that comes after the deadline changes nothing."""
        uow = movement.uow
        one = deliveries.find_push(uow, answer.delivery_id, answer.push_ordinal)
        if one is None or one.state != RESOLVING or one.push is None:
            return
        uow.cancel_timer(RESOLVE_DEADLINE, one.id)
        if answer.outcome is Found.FOUND:
            kind = answer.kind if one.push.kind == "image" else one.push.kind
            media_type = answer.media_type or one.push.media_type
            update = {"digest": answer.digest, "media_type": media_type, "kind": kind}
            self._go_on(movement, replace(one, push=one.push.model_copy(update=update)))
        elif answer.outcome is Found.UNAVAILABLE:
            self._go_on(movement, replace(one, digest_note=_unasked(one.push, answer.detail)))
        elif one.push.digest and not self._demands_platforms(uow, one):
            # The push itself names the image; only what it is of was to be read.
            self._go_on(movement, replace(one, digest_note=_unasked(one.push, answer.detail)))
        else:
            self._not_found(movement, one, answer.detail)

    def _not_found(self, movement: Movement, one: Delivery, detail: str) -> None:
        uow = movement.uow
        name = matching.wording(one.push) if one.push else one.id
        asked_for_s = uow.now - one.recorded_at
        if asked_for_s >= FOUND_WITHIN_S:
            one = _judged(one, judge(Verdict.NOT_FOUND, image=name, detail=detail))
        else:
            wait_s = next((one for one in _AGAIN_AFTER_S if one > asked_for_s / 2), _AGAIN_AFTER_S[-1])
            why = f"The registry does not have {name} yet; it is asked again for up to ten minutes. {detail}"
            one = replace(_judged(one, judge(Verdict.WAITING, why=why)), state=RETRYING)
            uow.timer(RESOLVE_AGAIN, one.id, uow.now + wait_s)
        deliveries.save(uow, one)
        _tell(movement, one)
        self._let_follow(movement, one)

    def on_again(self, uow: UnitOfWork, number: str) -> None:
        """Handle the timer RESOLVE_AGAIN: another question to the registry."""
        one = deliveries.find_one(uow, number)
        if one is not None and one.state == RETRYING:
            one = replace(one, state=RESOLVING)
            deliveries.save(uow, one)
            self._ask(uow, one, self._webhook(uow, one))

    def on_deadline(self, uow: UnitOfWork, number: str) -> None:
        """Handle the timer RESOLVE_DEADLINE: the run starts without a digest, and its event says why."""
        one = deliveries.find_one(uow, number)
        if one is not None and one.state == RESOLVING:
            what = "what was pushed" if one.push is not None and one.push.digest else "which digest the tag has"
            note = f"The registry did not say within {ANSWER_WITHIN_S:.0f} seconds {what}."
            with Movement(uow) as movement:
                self._go_on(movement, replace(one, digest_note=note))

    def _go_on(self, movement: Movement, one: Delivery) -> None:
        """The answers come in any order; pushes of one repository are judged in the order in which they came."""
        if deliveries.overtakes(movement.uow, one):
            deliveries.save(movement.uow, replace(one, state=ANSWERED))
            return
        self._settle(movement, one)
        self._let_follow(movement, one)

    def _let_follow(self, movement: Movement, one: Delivery) -> None:
        for following in deliveries.answered(movement.uow, one):
            if deliveries.overtakes(movement.uow, following):
                return
            self._settle(movement, following)

    def _settle(self, movement: Movement, one: Delivery) -> None:
        webhook = self._webhook(movement.uow, one)
        if not _rerun(one) and (repeated := self._repeat(movement.uow, one)) is not None:
            one = _judged(one, repeated)
        else:
            one = self._gather_or_decide(movement, one, webhook, self._pipeline(movement.uow, webhook))
        deliveries.save(movement.uow, one)
        _tell(movement, one)

    def _gather_or_decide(
        self, movement: Movement, one: Delivery, webhook: MatchWebhook | None, pipeline: RunnablePipeline | None
    ) -> Delivery:
        alone = _rerun(one) or one.via == "test" or (one.push is not None and one.push.kind != "image")
        if webhook is None or webhook.gather_s <= 0 or one.push is None or alone:
            return self._decide(movement, one, webhook, pipeline)
        uow = movement.uow
        waiting = deliveries.gathering(uow, webhook.id, one.push.repository)
        first_at = min((other.updated_at for other in waiting), default=uow.now)
        due_at = batching.due_at(uow.now, webhook.gather_s, first_at)
        uow.timer(GATHER, f"{webhook.id}/{one.push.repository}", due_at)
        why = f"Waits {due_at - uow.now:.0f} seconds for further tags of the same push."
        return replace(_judged(one, judge(Verdict.GATHERED, why=why)), state=GATHERING)

    def on_quiet(self, uow: UnitOfWork, subject: str) -> None:
        """Handle the timer GATHER: nothing more came for the quiet period of a webhook's repository."""
        webhook_id, _, repository = subject.partition("/")
        waiting = {one.id: one for one in deliveries.gathering(uow, webhook_id, repository)}
        webhook = self.catalog.webhook(uow, webhook_id=webhook_id)
        members = [
            batching.Member(one.id, one.push.tag or "", one.push.digest, one.received_at)
            for one in waiting.values()
            if one.push is not None
        ]
        with Movement(uow) as movement:
            for found in batching.group(members, webhook.tag_pattern if webhook is not None else ""):
                winner = waiting[found.winner]
                decided = self._decide(movement, winner, webhook, self._pipeline(uow, webhook), tags=found.tags)
                name = matching.wording(winner.push) if winner.push is not None else winner.id
                why = f"Pushed together with {name}, whose event decides for all of them."
                others = [_judged(waiting[other], judge(Verdict.GATHERED, why=why)) for other in found.others]
                for one in (decided, *others):
                    deliveries.save(uow, one)
                    _tell(movement, one)

    def rerun(self, movement: Movement, old: Delivery, by: str, *, anyway: bool = False) -> Delivery:
        """A new event for the same push, as of today: age and repeats count no more, with `anyway` nor does order."""
        uow = movement.uow
        number = new_id()
        one = replace(
            old,
            id=number,
            delivery_id=number,
            ordinal=0,
            received_at=uow.now,
            recorded_at=uow.now,
            via="manual",
            rerun_of=old.id,
            order_at=uow.now if anyway else old.order_at,
            forced=anyway,
            digest_note="",
            next_step="",
            execution_id=None,
            execution_index=None,
            execution_status="",
            execution_message="",
            user_agent=f"rerun by {by}",
        )
        return self._first(movement, one, self._webhook(uow, old), None)

    def _decide(
        self,
        movement: Movement,
        one: Delivery,
        webhook: MatchWebhook | None,
        pipeline: RunnablePipeline | None,
        tags: tuple[str, ...] = (),
    ) -> Delivery:
        uow = movement.uow
        case = _case(one, webhook, pipeline, uow.now, None)
        judgement = matching.last_look(case)
        if judgement is None and webhook is not None and pipeline is not None and one.push is not None:
            one = self._start(movement, one, webhook, pipeline, one.push, tags)
        elif judgement is not None:
            one = _judged(one, judgement)
        return one

    def _start(
        self,
        movement: Movement,
        one: Delivery,
        webhook: MatchWebhook,
        pipeline: RunnablePipeline,
        push: Push,
        tags: tuple[str, ...],
    ) -> Delivery:
        try:
            ready = admission.compiled(pipeline)
        except Malformed as error:
            problem = "; ".join(flaw.message for flaw in error.flaws)
            why = f"pipeline {pipeline.name} cannot be read: {problem}"
            return _judged(one, judge(Verdict.INCOMPLETE, webhook=webhook.name, why=why))
        behind = self._behind(movement.uow, push)
        if behind:
            one = replace(one, pushed_by=lineage.wording(behind[:1]), pushed_by_id=behind[0].execution_id)
        if not one.forced and (looped := matching.loop(push, pipeline, behind)) is not None:
            return _judged(one, looped)
        if (late := self._older(movement.uow, one, ready.policy)) is not None:
            return _judged(one, late)
        inputs, missing = _inputs(ready, webhook, push, tags)
        if missing:
            words = {"pipeline": pipeline.name, "webhook": webhook.name, "why": missing}
            return _judged(one, judge(Verdict.INPUT_MISSING, **words))
        if one.via == "test":
            return _judged(one, judge(Verdict.TESTED, pipeline=pipeline.name))
        order = admission.Order(
            execution_id=admission.run_id(webhook.id, one.delivery_id, one.ordinal),
            requested_by=webhook.actor.user,
            inputs=inputs,
            order_at=one.received_at,
            comments=f"Push of {matching.wording(push)}",
            push=push,
            delivery=one.id,
            webhook_id=webhook.id,
            source=f"webhook {webhook.name}",
        )
        return _admitted(movement.uow, one, admission.start(movement, pipeline, ready, order))

    def _older(self, uow: Reading, one: Delivery, policy: Supersede) -> Judgement | None:
        came_late = one.via in _LATE or _rerun(one)
        if one.forced or (policy is Supersede.PARALLEL and not came_late):
            return None
        newer = deliveries.started_later(uow, one)
        if newer is None and one.via == "look" and one.push is not None and one.push.pushed_at is None:
            newer = self._higher_version(uow, one)
        return None if newer is None or newer.push is None else matching.older(newer.push.tag or newer.push.image)

    def _behind(self, uow: Reading, push: Push) -> tuple[Cause, ...]:
        """The runs of ours that stand behind a push, newest first; none when somebody else pushed."""
        if not push.tag or not push.digest:
            return ()
        pushed = pushed_images.pusher(uow, push.repository, push.tag, push.digest)
        return pushed.causes if pushed is not None else ()

    def _higher_version(self, uow: Reading, one: Delivery) -> Delivery | None:
        """Where the registry does not say when a tag was pushed, versions say which is the newer."""
        live = deliveries.last_started(uow, one)
        if live is None or live.push is None or one.push is None:
            return None
        return live if matching.is_higher(live.push.tag, one.push.tag) else None

    def _repeat(self, uow: Reading, one: Delivery) -> Judgement | None:
        if one.push is None or one.webhook_id is None:
            return None
        earlier = deliveries.earlier(uow, one.webhook_id, one.push, one.id)
        other = matching.repeats(one.push, one.received_at, earlier, via=one.via)
        return None if other is None else matching.duplicate(other)

    def _webhook(self, uow: Reading, one: Delivery) -> MatchWebhook | None:
        if one.webhook_id is not None:
            return self.catalog.webhook(uow, webhook_id=one.webhook_id)
        return self.catalog.webhook(uow, token_hash=one.token_hash)

    def _demands_platforms(self, uow: Reading, one: Delivery) -> bool:
        webhook = self._webhook(uow, one)
        return webhook is not None and bool(webhook.platforms)

    def _pipeline(self, uow: Reading, webhook: MatchWebhook | None) -> RunnablePipeline | None:
        if webhook is None or not webhook.pipeline:
            return None
        return self.catalog.pipeline(uow, webhook.project, webhook.pipeline)


def _case(
    one: Delivery, webhook: MatchWebhook | None, pipeline: RunnablePipeline | None, now: float, problem: str | None
) -> Case:
    return Case(
        push=one.push,
        problem=problem,
        received_at=one.received_at,
        now=now,
        via=one.via,
        webhook=webhook,
        pipeline=pipeline,
        rerun=_rerun(one),
    )


def _rerun(one: Delivery) -> bool:
    return one.rerun_of is not None


def _wants_registry(one: Delivery, webhook: MatchWebhook | None) -> bool:
    if one.push is None or webhook is None or webhook.access is None or one.via == "test":
        return False
    # Docker Hub says what was pushed and counts a manifest that is read as a pull; elsewhere only the manifest says it.
    unread = one.push.registry_host != HUB_HOST and one.push.kind == "image"
    return not one.push.digest or bool(webhook.platforms) or unread


def _unasked(push: Push, detail: str) -> str:
    what = "what was pushed" if push.digest else "the digest"
    return f"The registry could not be asked for {what}: {detail.removesuffix('.') or 'it gave no reason'}."


def _inputs(
    ready: admission.Compiled, webhook: MatchWebhook, push: Push, tags: tuple[str, ...]
) -> tuple[Mapping[str, Any], str]:
    own = {name: value for name, value in webhook.input.items() if not blank(value)}
    given = {**docker_inputs(push, tags), **own}
    values, flaws = run_inputs(ready.spec.input, ready.spec.input_meta, given, strict=False)
    return values, "; ".join(flaw.message for flaw in flaws)


def _judged(one: Delivery, judgement: Judgement) -> Delivery:
    return replace(
        one,
        state=JUDGED,
        verdict=judgement.verdict.value,
        reason=judgement.reason,
        next_step=judgement.next_step,
    )


def _admitted(uow: UnitOfWork, one: Delivery, admitted: admission.Admitted) -> Delivery:
    run = admitted.run
    if run is None:
        return _judged(one, judge(Verdict.BUSY))
    for old in admitted.superseded:
        if old.delivery is not None:
            deliveries.tell(uow, old.delivery, old.status_message)
    note = f" {one.digest_note}" if one.digest_note else ""
    verdict = Verdict.QUEUED if admitted.waits else Verdict.STARTED
    judgement = judge(verdict, run=f"{run.pipeline} #{run.index}", why=run.status_message, note=note)
    return replace(_judged(one, judgement), execution_id=run.id, execution_index=run.index, pipeline=run.pipeline)


def _tell(movement: Movement, one: Delivery) -> None:
    webhook_id = one.webhook_id
    if webhook_id is not None and one.state == JUDGED and one.via != "test":
        movement.at_last(
            f"last push of {webhook_id}",
            lambda uow: webhooks.note_push(uow, webhook_id, one.received_at, one.verdict),
        )
    token_hash = one.token_hash
    if token_hash and one.via in ("hook", "spool"):
        movement.at_last(f"use of {token_hash}", lambda uow: webhooks.note_use(uow, token_hash, one.received_at))
    news = DeliveryChanged(delivery_id=one.id, project=one.project, webhook_id=webhook_id)
    movement.uow.broadcast(DELIVERY_CHANGED, news, one.id)
