"""Looking at registries: instead of a hook where none can reach us, and beside it for pushes whose hook never came.

The same machinery for both. A webhook in the mode `look` is looked at every minute, and whatever was pushed runs; one
in the mode `hook` every few minutes, and only a push whose hook had its time to arrive is recovered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.config.catalog.webhooks.tag_lists import Question, question
from services.config.model.definitions import Webhook
from services.config.runs.batch import RunBatch
from services.config.store import Reading, UnitOfWork
from services.config.store import polls as store
from services.config.store.definitions import webhooks
from services.config.store.polls import PollState
from shared.contracts.pushes import Found, HookReceived, Push, kind_of
from shared.contracts.tag_polls import SeenTag, TagsSeen
from shared.grammar import patterns
from shared.process.ids import new_id

from . import tag_diff
from .deliveries import Deliveries

LOOK = "webhooks.look"
"""The timer; its subject is always `all`."""
SWEEP_S = 5.0
LOST_AFTER_S = 120.0
"""A question without an answer is asked again after that."""
NOTHING_TO_ASK_S = 300.0
_AT_ONCE = 50
MOST_LOOKED, MOST_MISSED = 20, 5
"""This many pushes one look finds: all of a minute where it stands for the hook, a few where hooks should have come."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, in seconds; 0 for `missed_every_s` leaves hooks to themselves."""

    look_every_s: float = 60.0
    missed_every_s: float = 300.0
    patience_s: float = 120.0
    """How long after a push was first seen its hook may still come."""


class TagPolling:
    """The use cases of looking."""

    def __init__(self, receiver: Deliveries, pace: Callable[[Reading], Pace]) -> None:
        self._receiver = receiver
        self._pace = pace

    def start(self, uow: UnitOfWork) -> None:
        """When config becomes active."""
        uow.timer(LOOK, "all", uow.now)

    def on_timer(self, uow: UnitOfWork, _subject: str) -> None:
        """Handle the timer LOOK: ask for every webhook that is due."""
        pace = self._pace(uow)
        modes = ("look", "hook") if pace.missed_every_s > 0 else ("look",)
        for webhook in store.due(uow, modes, _AT_ONCE):
            self._ask(uow, webhook)
        uow.timer(LOOK, "all", uow.now + min(SWEEP_S, pace.look_every_s))

    def _ask(self, uow: UnitOfWork, webhook: Webhook) -> None:
        poll = store.load(uow, webhook.id) or PollState(webhook.id)
        query = question(uow, webhook)
        if query is None:
            store.save(uow, replace(poll, next_at=uow.now + NOTHING_TO_ASK_S, problem=store.NO_REPOSITORY))
            return
        uow.outbox(query.topic, query.ask, webhook.id)
        store.save(uow, replace(poll, looked_at=query.ask.asked_at, next_at=uow.now + LOST_AFTER_S))

    def take_answer(self, movement: RunBatch, answer: TagsSeen) -> None:
        """The answer. One to an earlier question, or for a webhook that was disabled meanwhile, changes nothing."""
        uow = movement.uow
        webhook = webhooks.WEBHOOKS.one(uow, id=answer.webhook_id)
        poll = store.load(uow, answer.webhook_id)
        if webhook is None or poll is None or not webhook.enabled or poll.looked_at != answer.asked_at:
            return
        query = question(uow, webhook)
        looks, pace = webhook.mode == "look", self._pace(uow)
        every_s = pace.look_every_s if looks else pace.missed_every_s
        if answer.outcome is not Found.FOUND or query is None:
            at = max(answer.retry_at or 0.0, uow.now + every_s)
            store.save(uow, replace(poll, next_at=at, problem=answer.detail))
            if answer.detail != poll.problem:
                webhooks.add_history(uow, webhook.id, f"The registry could not be polled. {answer.detail}")
            return
        outcome = tag_diff.compare(
            poll.memory,
            answer.tags,
            about=query.about,
            now=uow.now,
            patience_s=0.0 if looks else pace.patience_s,
            all_tags=looks,
            most=MOST_LOOKED if looks else MOST_MISSED,
            last=lambda tag: store.last_delivered(uow, webhook.id, query.ask.repository, tag),
            wanted=lambda tag: patterns.wants(webhook.tag_pattern, tag, webhook.exclude),
        )
        if outcome.memory.suspects:
            every_s = min(every_s, pace.patience_s)
        store.save(uow, replace(poll, memory=outcome.memory, next_at=uow.now + every_s, problem=""))
        if line := _history(outcome, looks=looks):
            webhooks.add_history(uow, webhook.id, line)
        for place, missed_tag in enumerate(outcome.missed):
            self._receiver.receive(movement, _hook(webhook, query, missed_tag, uow.now + place / 1e3))


def _hook(webhook: Webhook, query: Question, seen_tag: SeenTag, at: float) -> HookReceived:
    """What was seen, as if a hook had reported it. Docker Hub's list is asked again at the registry, by HEAD."""
    push = Push(
        provider="look",
        registry_host=query.host,
        repository=query.ask.repository,
        tag=seen_tag.name,
        digest=None if query.ask.hub_url else seen_tag.digest,
        media_type=seen_tag.media_type,
        pushed_at=seen_tag.pushed_at,
        pusher=seen_tag.pusher,
        kind=kind_of(seen_tag.media_type, seen_tag.name),
    )
    return HookReceived(
        delivery_id=new_id(),
        received_at=at,
        token_hash=webhook.token_hash,
        webhook_id=webhook.id,
        pushes=(push,),
        body={"seen": seen_tag.model_dump(mode="json")},
        via="look",
    )


def _history(outcome: tag_diff.Outcome, *, looks: bool) -> str:
    """What the webhook's history says of a look: what was recovered, and what was not; empty for nothing to say."""
    tags = ", ".join(missed_tag.name for missed_tag in outcome.missed)
    if outcome.dropped:
        pushes = "since the last poll" if looks else "whose hooks never came"
        whole, newest = len(outcome.missed) + outcome.dropped, len(outcome.missed)
        return f"Of {whole} pushes {pushes} the newest {newest} count: {tags}."
    return "" if looks or not tags else f"Recovered a missed push: {tags}."
