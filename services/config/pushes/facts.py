"""Reads every fact about a push once, into the value that is judged."""

from __future__ import annotations

from typing import Protocol

from services.config.model.lineage import Cause
from services.config.model.push_events import RECEIVED, PushEvent
from services.config.model.triggers import MatchWebhook, RunnablePipeline
from services.config.runs import admission
from services.config.runs.batch import RunBatch
from services.config.store import Reading, deliveries, executions, pushed_images
from services.config.store.timers import is_set
from shared.contracts.pushes import HookReceived, Push, TagResolved
from shared.grammar.malformed import Malformed
from shared.grammar.spec import Supersede

from .case import Case

ORDER = "delivery.order"
"""The timer that ends the wait for late pushes of a webhook and repository."""


class Definitions(Protocol):
    """The webhooks and pipelines that people defined."""

    def webhook(self, uow: Reading, *, token_hash: str = "", webhook_id: str = "") -> MatchWebhook | None:
        """The webhook that has this token, or this id."""
        ...

    def pipeline(self, uow: Reading, project: str, name: str) -> RunnablePipeline | None:
        """The pipeline of that name."""
        ...


def by_repository(event: PushEvent) -> str:
    """The subject of the timers that are for all pushes of a webhook and repository."""
    return f"{event.webhook_id}/{event.push.repository if event.push is not None else ''}"


def webhook_of(uow: Reading, definitions: Definitions, event: PushEvent) -> MatchWebhook | None:
    """The webhook that an event was received for, as it is now."""
    if event.webhook_id is not None:
        return definitions.webhook(uow, webhook_id=event.webhook_id)
    return definitions.webhook(uow, token_hash=event.token_hash)


def read(
    batch: RunBatch,
    definitions: Definitions,
    event: PushEvent,
    webhook: MatchWebhook | None,
    call: HookReceived | None = None,
    *,
    answer: TagResolved | None = None,
    tags: tuple[str, ...] = (),
) -> Case:
    """Everything that `decision.decide` may ask about an event of `webhook`."""
    uow, push = batch.uow, event.push
    pipeline = definitions.pipeline(uow, webhook.project, webhook.pipeline) if webhook and webhook.pipeline else None
    if push is None or webhook is None or pipeline is None:
        return Case(event=event, now=uow.now, call=call, webhook=webhook, pipeline=pipeline)
    compiled, plan_problem = _compiled(pipeline)
    in_parallel = compiled is not None and compiled.policy is Supersede.PARALLEL
    waiting = deliveries.gathering(uow, webhook.id, push.repository) if webhook.gather_s > 0 else []
    causes = _causes(uow, push)
    return Case(
        event=event,
        now=uow.now,
        call=call,
        webhook=webhook,
        pipeline=pipeline,
        compiled=compiled,
        plan_problem=plan_problem,
        answer=answer,
        earlier=tuple(deliveries.earlier(uow, webhook.id, push, event.id)),
        causes=causes,
        multiplies=bool(causes) and admission.has_too_many(uow, executions.root_of(uow, causes[0].execution_id)),
        started_later=_push_of(deliveries.started_later(uow, event, of_same_tag=in_parallel)),
        last_started=_push_of(deliveries.last_started(uow, event)) if event.via == "look" else None,
        awaits_earlier=deliveries.overtakes(uow, event),
        ordering=event.state == RECEIVED and is_set(uow, ORDER, by_repository(event)),
        gathering_since=min((other.updated_at for other in waiting), default=None),
        skipped=compiled is not None and _is_skipped(batch, event, webhook, pipeline, compiled, push),
        tags=tags,
    )


def _compiled(pipeline: RunnablePipeline) -> tuple[admission.Compiled | None, str]:
    try:
        return admission.compiled(pipeline), ""
    except Malformed as error:
        return None, "; ".join(flaw.message for flaw in error.flaws)


def _causes(uow: Reading, push: Push) -> tuple[Cause, ...]:
    if not push.tag or not push.digest:
        return ()
    pushed = pushed_images.pusher(uow, push.repository, push.tag, push.digest)
    return pushed.causes if pushed is not None else ()


def _push_of(event: PushEvent | None) -> Push | None:
    return event.push if event is not None else None


def _is_skipped(
    batch: RunBatch,
    event: PushEvent,
    webhook: MatchWebhook,
    pipeline: RunnablePipeline,
    compiled: admission.Compiled,
    push: Push,
) -> bool:
    execution_id = admission.run_id(webhook.id, event.delivery_id, event.ordinal)
    return admission.skips(batch, pipeline, compiled.policy, source=push.image, execution_id=execution_id)
