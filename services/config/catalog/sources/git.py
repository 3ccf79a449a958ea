"""Git webhooks, kept as Code Stream has them; their listener takes a push in and records it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from services.config.catalog.context import new_token, token_hash
from services.config.catalog.hooks import public_url
from services.config.model.definitions import GitWebhook
from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.definitions.pipelines import PIPELINES
from services.config.store.definitions.sources import GIT_WEBHOOKS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.secrets import MASK, WEBHOOK_SECRETS

from .base import DefinitionReference, Kept
from .fields import SourceField, choice, file_filters, flag, mapping, number, text

EVENT_CATEGORIES = ("PUSH", "PULL_REQUEST")
LISTENERS = "/codestream/api/git-webhook-listeners"


class GitWebhooks(Kept[GitWebhook]):
    """The kind `git-webhooks`."""

    kind = Kind.GIT_WEBHOOKS
    noun = "Git webhook"
    word = "GIT_WEBHOOK"
    table = GIT_WEBHOOKS
    value = GitWebhook
    secret_names = WEBHOOK_SECRETS
    fields = (
        SourceField("endpoint", text, column="endpoint"),
        SourceField("pipeline", text, column="pipeline"),
        SourceField("serverType", text, column="server_type"),
        SourceField("repoName", text, column="repo_name"),
        SourceField("branchName", text, column="branch"),
        SourceField("eventCategory", choice(*EVENT_CATEGORIES), "PUSH"),
        SourceField("inclusions", file_filters, []),
        SourceField("exclusions", file_filters, []),
        SourceField("prioritizeExclusion", flag, False),
        SourceField("delayTimeInMins", number, 0),
        SourceField("insecureSsl", flag, False),
        SourceField("serverWebhookId", text),
        SourceField("input", mapping, {}),
    )

    def extra(self, uow: Reading, value: GitWebhook) -> Json:
        """Where its Git server announces pushes; the token is shown once, when it is made."""
        base = uow.once(("public address",), lambda: public_url.of(uow))
        link = f"{LISTENERS}/{value.id}"
        return {
            "externalListenerLink": link.removeprefix("/"),
            "hookUrl": f"{base}{link}?token={quote(MASK)}",
        }

    def references(self, value: GitWebhook) -> list[DefinitionReference]:
        return [
            DefinitionReference("endpoint", ENDPOINTS, value.endpoint, "endpoint"),
            DefinitionReference("pipeline", PIPELINES, value.pipeline, "pipeline"),
        ]

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> GitWebhook:
        """A new one; it gets a secure token where the request brought none."""
        webhook = super().new_value(uow, person, ask, project)
        if hashed := ask.hashes.get("secretToken"):
            return replace(webhook, token_hash=hashed)
        token = new_token()
        box = self.context.seal(token).model_dump()
        return replace(webhook, secrets={**webhook.secrets, "secretToken": box}, token_hash=token_hash(token))

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: GitWebhook, *, partial: bool) -> GitWebhook:
        """A new secure token lets pushes in from now on; the old one no longer does."""
        new = super().changed_value(uow, person, ask, old, partial=partial)
        if hashed := ask.hashes.get("secretToken"):
            return replace(new, token_hash=hashed)
        box = old.secrets.get("secretToken")
        return replace(new, secrets={**new.secrets, "secretToken": box}) if box else new
