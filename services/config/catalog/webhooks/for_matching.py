"""Webhooks as matching needs them: the repository, the patterns, and as whom its runs act."""

from __future__ import annotations

from services.config.catalog import references
from services.config.catalog.hooks import wanted
from services.config.model.definitions import Endpoint, Token, User, Webhook
from services.config.model.people import Person
from services.config.model.rights import MOST_BY_TOKEN, Right, ServiceRole, TokenAccess
from services.config.model.triggers import Actor, MatchWebhook
from services.config.store import Reading
from services.config.store.definitions import people, webhooks
from services.config.store.definitions.endpoints import VARIABLES
from services.config.store.definitions.pipelines import PIPELINES
from shared.contracts.pushes import CloudAccess, RegistryAccess
from shared.contracts.times import day
from shared.grammar.repositories import Repository, registry_names, registry_of
from shared.process.addresses import may_be_local

from .lacks import lacks, sentences


def webhook_for_match(uow: Reading, webhook_id: str, token_hash: str) -> MatchWebhook | None:
    """By the token where it is known, else by the id; None when it is gone."""
    if token_hash and (entries := webhooks.token_entries(uow, token_hash)):
        webhook_id = entries[0].webhook_id
    webhook = webhooks.WEBHOOKS.one(uow, id=webhook_id) if webhook_id else None
    return None if webhook is None else match_webhook(uow, webhook)


def match_webhook(uow: Reading, webhook: Webhook) -> MatchWebhook:
    """A stored webhook, with all that matching looks at."""
    endpoint = references.endpoint_of(uow, webhook.project, webhook.endpoint)
    place = wanted.repository(webhook, endpoint)
    actor = actor_of(uow, webhook)
    pipeline = PIPELINES.one(uow, project=webhook.project, name=webhook.pipeline) if webhook.pipeline else None
    missing = sentences(lacks(webhook, endpoint, pipeline, actor.problem), for_matching=True)
    return MatchWebhook(
        id=webhook.id,
        project=webhook.project,
        name=webhook.name,
        enabled=webhook.enabled,
        pipeline=webhook.pipeline,
        registry_host=place.host,
        repository=place.path,
        image_pattern=webhook.image_pattern,
        tag_pattern=webhook.tag_pattern,
        exclude=tuple(webhook.exclude),
        input=webhook.input,
        actor=actor,
        namespace=place.namespace if not place.path else "",
        registry_names=registry_names(endpoint.properties) if endpoint is not None else frozenset(),
        endpoint=webhook.endpoint,
        missing=tuple(missing),
        access=registry_access(uow, endpoint) if endpoint is not None and may_ask(endpoint, place) else None,
        gather_s=webhook.gather_s,
        platforms=tuple(webhook.platforms),
        networks=tuple(webhook.networks),
        signed=webhook.signed,
    )


def missing_of(uow: Reading, webhook: Webhook) -> list[str]:
    """All that a webhook lacks, in sentences."""
    endpoint = references.endpoint_of(uow, webhook.project, webhook.endpoint)
    pipeline = PIPELINES.one(uow, project=webhook.project, name=webhook.pipeline) if webhook.pipeline else None
    return sentences(lacks(webhook, endpoint, pipeline, actor_of(uow, webhook).problem))


def actor_of(uow: Reading, webhook: Webhook) -> Actor:
    """As whom a webhook's runs act."""
    if webhook.api_token_id is not None:
        owned = people.owners(uow, [webhook.api_token_id]).get(webhook.api_token_id)
        if owned is None:
            return Actor(webhook.actor, token_problem=f"The API token of {webhook.actor} is gone.")
        token, user = owned
        problem = _token_problem(token, user, webhook.project, uow.now)
        return Actor(user.name, problem, _right_problem(uow, user, webhook.project))
    if webhook.token_variable:
        return Actor(webhook.actor, token_problem=_variable_problem(uow, webhook))
    actor = people.find_user(uow, webhook.actor)
    if actor is None:
        problem = f"This webhook acts as user {webhook.actor}, who no longer exists."
        return Actor(webhook.actor, right_problem=problem)
    return Actor(actor.name, right_problem=_right_problem(uow, actor, webhook.project))


def may_ask(endpoint: Endpoint, meant: Repository) -> bool:
    """Whether an endpoint's sign-in may be used for a repository: no other registry is sent it."""
    return endpoint.type == "docker" and meant.host in registry_names(endpoint.properties)


def registry_access(uow: Reading, endpoint: Endpoint) -> RegistryAccess:
    """Where and as whom to ask the registry of a docker endpoint."""
    resolved = references.resolve_endpoint(uow, endpoint)
    properties = resolved.properties
    host, plain = registry_of(properties)
    return RegistryAccess(
        registry_host=host,
        username=str(properties.get("username") or ""),
        password=resolved.secrets.get("password") or resolved.secrets.get("token"),
        plain_http=plain,
        ca_pem=str(properties["caCertificate"]) if properties.get("caCertificate") else None,
        fingerprint=str(properties["fingerprint"]) if properties.get("fingerprint") else None,
        realm=str(properties.get("realm") or ""),
        allow_local=may_be_local(properties),
        cloud=CloudAccess(endpoint=endpoint.name, properties=properties, secrets=resolved.secrets)
        if properties.get("cloudIdentity")
        else None,
    )


def _variable_problem(uow: Reading, webhook: Webhook) -> str:
    name, project = webhook.token_variable, webhook.project
    variable = VARIABLES.one(uow, project=project, name=name)
    if variable is None:
        return f"There is no variable {name} in project {project}, which should hold its API token."
    if variable.type == "RESTRICTED":
        return (
            f"Variable {name} is restricted: nobody approves what a webhook does, so a SECRET must hold its API token."
        )
    return f"Variable {name} holds no API token of this installation: generate one, and save it there."


def _token_problem(token: Token, user: User, project: str, now: float) -> str:
    ended_at = token.revoked_at if token.revoked_at is not None else token.expires_at
    if ended_at <= now:
        return f"The API token of {user.name} ended on {day(ended_at)}."
    if token.project not in (None, project):
        return f"The API token of {user.name} is narrowed to project {token.project}."
    if MOST_BY_TOKEN[TokenAccess(token.access)] < Right.EXECUTE:
        return f"The API token of {user.name} is for reading only, and cannot run pipelines."
    return ""


def _right_problem(uow: Reading, user: User, project: str) -> str:
    if not user.enabled:
        return f"User {user.name}, as whom this webhook acts, is disabled."
    roles = people.project_roles(uow, user.id)
    person = Person(user=user.name, service_role=ServiceRole(user.service_role), project_roles=roles)
    if person.may(project, Right.EXECUTE):
        return ""
    return f"User {user.name}, as whom this webhook acts, may not run pipelines in project {project}."
