"""From a hook to the rows of its pushes. Pure."""

from __future__ import annotations

from uuid import UUID, uuid5

from services.config.model.triggers import MatchWebhook
from services.config.store.deliveries import JUDGED, Delivery
from shared.contracts.pushes import HookReceived, Push
from shared.grammar.repositories import HUB_HOST

_ORDINALS = UUID("0d9a3a5b-7f0f-5b1c-8c52-4b8f1d3f1e77")


def row_id(delivery_id: str, ordinal: int) -> str:
    """The first push of a delivery has the delivery's id, further ones an id made from it."""
    return delivery_id if ordinal == 0 else str(uuid5(_ORDINALS, f"{delivery_id}/{ordinal}"))


def delivery(
    hook: HookReceived, webhook: MatchWebhook | None, said: Push | None, number: str, ordinal: int, now: float
) -> Delivery:
    """One push of a hook that `webhook` has received now, before anything is judged."""
    push = _placed(said, webhook)
    return Delivery(
        id=number,
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
        state=JUDGED,
        verdict="",
        reason="",
        source_address=hook.source_address,
        user_agent=hook.user_agent,
        order_at=_order_at(hook, push),
        body=hook.body if ordinal == 0 else {},
    )


def _order_at(hook: HookReceived, push: Push | None) -> float:
    """Newer means later received; what was found by looking was pushed before."""
    if hook.via == "look" and push is not None and push.pushed_at is not None:
        return min(push.pushed_at, hook.received_at)
    return hook.received_at


def _placed(push: Push | None, webhook: MatchWebhook | None) -> Push | None:
    """A sender that does not say which registry it is (Nexus, Alibaba's, a script) speaks for the webhook's."""
    if push is None or push.registry_host:
        return push
    host = (webhook.registry_host if webhook is not None else "") or HUB_HOST
    official = host == HUB_HOST and "/" not in push.repository
    repository = f"library/{push.repository}" if official else push.repository
    return push.model_copy(update={"registry_host": host, "repository": repository})
