"""From a hook to the rows of its pushes, and what happens to such a row. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.config.model import lineage
from services.config.model.lineage import Cause
from services.config.model.push_events import JUDGED, RECEIVED, PushEvent
from services.config.model.triggers import MatchWebhook
from shared.contracts.pushes import Found, HookReceived, Push, TagResolved
from shared.grammar.repositories import HUB_HOST
from shared.process.ids import derived_id, new_id

from .verdicts import Judgement

_ORDINALS = UUID("0d9a3a5b-7f0f-5b1c-8c52-4b8f1d3f1e77")


def row_id(delivery_id: str, ordinal: int) -> str:
    """The first push of a delivery has the delivery's id, further ones an id made from it."""
    return delivery_id if ordinal == 0 else derived_id(f"{delivery_id}/{ordinal}", _ORDINALS)


def push_key(push: Push | None) -> str | None:
    """The same for every report of one push, and None where nothing tells it from another of the same tag."""
    if push is None or push.pushed_at is None:
        return None
    parts = (push.registry_host, push.repository, push.tag, push.pushed_at, push.pusher)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def received(
    hook: HookReceived, webhook: MatchWebhook | None, push: Push | None, event_id: str, ordinal: int, now: float
) -> PushEvent:
    """One push of a hook that `webhook` has received now, before anything is judged."""
    push = _placed(push, webhook)
    return PushEvent(
        id=event_id,
        delivery_id=hook.delivery_id,
        ordinal=ordinal,
        received_at=hook.received_at,
        recorded_at=now,
        via=hook.via,
        token_hash=hook.token_hash,
        webhook_id=webhook.id if webhook else hook.webhook_id,
        webhook=webhook.name if webhook else "",
        project=webhook.project if webhook else "",
        pipeline=webhook.pipeline if webhook else "",
        push=push,
        state=RECEIVED,
        verdict="",
        reason="",
        source_address=hook.source_address,
        user_agent=hook.user_agent,
        push_key=push_key(push),
        order_at=_order_at(hook, push),
        body=hook.body if ordinal == 0 else {},
    )


def again(event: PushEvent, by: str, now: float, *, anyway: bool) -> PushEvent:
    """A new event for the same push, received now; with `anyway` it is the newest of its repository."""
    event_id = new_id()
    return replace(
        event,
        id=event_id,
        delivery_id=event_id,
        ordinal=0,
        received_at=now,
        recorded_at=now,
        via="manual",
        state=RECEIVED,
        rerun_of=event.id,
        push_key=None,
        order_at=now if anyway else event.order_at,
        forced=anyway,
        digest_note="",
        next_step="",
        execution_id=None,
        execution_index=None,
        execution_status="",
        execution_message="",
        user_agent=f"rerun by {by}",
    )


def judged(event: PushEvent, judgement: Judgement) -> PushEvent:
    """The event with its verdict."""
    return replace(
        event,
        state=JUDGED,
        verdict=judgement.verdict.value,
        reason=judgement.reason,
        next_step=judgement.next_step,
    )


def answered(event: PushEvent, answer: TagResolved) -> PushEvent:
    """The event with what the registry says of its image, or with a note why it says nothing."""
    push = event.push
    if push is None:
        return event
    if answer.outcome is not Found.FOUND:
        note = f"The registry could not be asked for {_asked_for(push)}: {_reason(answer)}."
        return replace(event, digest_note=note)
    image = {
        "digest": answer.digest,
        "media_type": answer.media_type or push.media_type,
        "kind": answer.kind if push.kind == "image" else push.kind,
    }
    return replace(event, push=push.model_copy(update=image), digest_note="")


def unanswered(event: PushEvent, within_s: float) -> PushEvent:
    """The event with a note that the registry did not answer."""
    has_digest = event.push is not None and event.push.digest
    missing = "what was pushed" if has_digest else "which digest the tag has"
    return replace(event, digest_note=f"The registry did not say within {within_s:.0f} seconds {missing}.")


def caused_by(event: PushEvent, causes: Sequence[Cause]) -> PushEvent:
    """The event with the run that pushed its image; `causes` is newest first."""
    if not causes:
        return event
    return replace(event, pushed_by=lineage.wording(causes[:1]), pushed_by_id=causes[0].execution_id)


def _asked_for(push: Push) -> str:
    return "what was pushed" if push.digest else "the digest"


def _reason(answer: TagResolved) -> str:
    return answer.detail.removesuffix(".") or "it gave no reason"


def _order_at(hook: HookReceived, push: Push | None) -> float:
    """Newer means later received; what was found by polling was pushed before."""
    if hook.via == "look" and push is not None and push.pushed_at is not None:
        return min(push.pushed_at, hook.received_at)
    return hook.received_at


def _placed(push: Push | None, webhook: MatchWebhook | None) -> Push | None:
    """The push as of the webhook's registry, where one of the names that the event gives is one of that registry's.

    A sender that does not say which registry it is (Nexus, Alibaba's, a script) speaks for the webhook's.
    """
    if push is None:
        return None
    if named := [host for host in (push.registry_host, *push.also_at) if host]:
        ours = webhook is not None and webhook.registry_host and any(map(webhook.is_for_registry, named))
        return push.model_copy(update={"registry_host": webhook.registry_host}) if webhook and ours else push
    host = (webhook.registry_host if webhook is not None else "") or HUB_HOST
    official = host == HUB_HOST and "/" not in push.repository
    repository = f"library/{push.repository}" if official else push.repository
    return push.model_copy(update={"registry_host": host, "repository": repository})
