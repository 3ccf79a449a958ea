"""When a followed repository is looked at: at a push that its Git server announces, and at once when somebody asks."""

from __future__ import annotations

from services.config.model.definitions import GitWebhook
from services.config.store import UnitOfWork
from services.config.store.definitions.definition_sources import of_endpoint
from shared.contracts.base import Json

LOOK = "definitions.follow"
"""The timer; its subject is the project."""


def look_now(uow: UnitOfWork, project: str) -> None:
    """Look as soon as this transaction is over."""
    uow.timer(LOOK, project, uow.now)


def pushed(uow: UnitOfWork, webhook: GitWebhook, push: Json) -> None:
    """A Git server announces a push: look at once if the project follows that branch by the same endpoint."""
    source = of_endpoint(uow, webhook.project, webhook.endpoint)
    branch = str(push.get("targetBranch") or "")
    if source is not None and (not source.branch or not branch or source.branch == branch):
        look_now(uow, source.project)
