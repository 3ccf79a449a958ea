"""What to ask a registry about a webhook's repository, and who asks it: hubsync Docker Hub, a runner any other."""

from __future__ import annotations

from dataclasses import dataclass

from services.config.catalog import references
from services.config.catalog.hooks import wanted
from services.config.model.definitions import Webhook
from services.config.store import Reading
from shared.contracts import topics
from shared.contracts.tag_polls import TagsLook
from shared.contracts.topics import Topic
from shared.grammar.repositories import DOCKER_HUB
from shared.process.addresses import may_be_local

from . import for_matching


@dataclass(frozen=True, slots=True)
class Question:
    """One look, ready to be sent."""

    topic: Topic
    ask: TagsLook
    host: str

    @property
    def about(self) -> str:
        """Which repository of which registry, in one line."""
        return f"{self.host}/{self.ask.repository} {self.ask.hub_url}".strip()


def question(uow: Reading, webhook: Webhook) -> Question | None:
    """None while the webhook names no repository that can be asked."""
    endpoint = references.endpoint_of(uow, webhook.project, webhook.endpoint)
    if endpoint is None or endpoint.type != "docker":
        return None
    place = wanted.repository(webhook, endpoint)
    if not place.path or not for_matching.may_ask(endpoint, place):
        return None
    hub = endpoint.properties.get("serverType") == "DockerHub"
    username, password = wanted.credentials(uow, endpoint)
    ask = TagsLook(
        webhook_id=webhook.id,
        asked_at=uow.now,
        repository=place.path,
        hub_url=str(endpoint.properties.get("hubURL") or DOCKER_HUB).rstrip("/") if hub else "",
        hub_local=hub and may_be_local(endpoint.properties),
        username=username if hub else "",
        password=password if hub else None,
        access=None if hub else for_matching.registry_access(uow, endpoint),
        wanted=webhook.tag_pattern,
        exclude=tuple(webhook.exclude),
    )
    return Question(topics.TAGS_LOOK_HUB if hub else topics.TAGS_LOOK, ask, place.host)
