"""Webhooks on the wire: the fields of Code Stream's registry webhook, ours beside them, and what a webhook lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.config.catalog import references
from services.config.catalog.documents import LINK_BASE, common, link
from services.config.catalog.hooks import public_url as public_address
from services.config.catalog.hooks import wanted
from services.config.model.definitions import Endpoint, Pipeline, Webhook
from services.config.model.triggers import Actor
from services.config.store import Reading, deliveries, polls
from services.config.store.definitions import projects, webhooks
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.definitions.pipelines import PIPELINES
from services.config.store.polls import PollGlance
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.secrets import MASK
from shared.contracts.times import day_of, wire_time
from shared.grammar.repositories import DOCKER_HUB

from . import for_matching, identity, sender_rules
from .lacks import lacks, sentences

UNSIGNED = "It takes signed deliveries only, and Docker Hub signs nothing: each of its deliveries is refused."


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a webhook's runs act, and when that ends."""

    actor: Actor
    notice: str


def documents(uow: Reading, values: Sequence[Webhook]) -> list[Json]:
    """Wire documents; the secure token is masked."""
    base = public_address.hook_base(uow)
    ids = projects.ids(uow, [value.project for value in values])
    glances = polls.glances(uow, [value.id for value in values])
    used_at = webhooks.last_used(uow, [value.token_hash for value in values])
    identities: dict[tuple[str | None, str, str, str], Identity] = {}
    stored = ENDPOINTS.named(uow, {(v.project, v.endpoint) for v in values if v.endpoint})
    endpoints = {key: references.readable(uow, endpoint) for key, endpoint in stored.items()}
    pipelines = PIPELINES.named(uow, {(v.project, v.pipeline) for v in values if v.pipeline})
    return [
        _document(
            uow,
            value,
            base,
            ids.get(value.project, ""),
            endpoints.get((value.project, value.endpoint)),
            pipelines.get((value.project, value.pipeline)),
            _identity(uow, value, identities),
            glances.get(value.id, PollGlance()),
            used_at.get(value.token_hash),
        )
        for value in values
    ]


def for_check(uow: Reading, value: Webhook) -> Json:
    """What a test delivery needs: where to, with which token, and what it should name."""
    match = for_matching.match_webhook(uow, value)
    return {
        "id": value.id,
        "name": value.name,
        "urlBase": public_address.hook_base(uow),
        "token": value.secret_token,
        "signed": value.signed,
        "registryHost": match.registry_host,
        "repository": match.repository,
        "lastTag": deliveries.last_tag(uow, value.id),
    }


def server_type_of(uow: Reading, value: Webhook) -> str:
    """The server type of the webhook's endpoint."""
    endpoint = ENDPOINTS.one(uow, project=value.project, name=value.endpoint) if value.endpoint else None
    return str(endpoint.properties.get("serverType") or "") if endpoint is not None else ""


def pipeline_of_link(uow: Reading, link_text: str) -> str | None:
    """The name of the pipeline that a `pipelineLink` names by its id."""
    pipeline = PIPELINES.one(uow, id=link_text.rstrip("/").rpartition("/")[2])
    return pipeline.name if pipeline is not None else None


def _reach(public_url: str, value: Webhook, endpoint: Endpoint | None) -> tuple[str, str]:
    """Why Docker Hub cannot call us, and what it would give away; nothing where no hook of the Hub is wanted."""
    if value.mode != "hook" or endpoint is None or endpoint.properties.get("serverType") != "DockerHub":
        return "", ""
    hub_url = str(endpoint.properties.get("hubURL") or DOCKER_HUB)
    return public_address.why_unreachable(public_url, hub_url), public_address.why_in_clear(public_url, hub_url)


def _api_token(value: Webhook) -> str:
    """As a client sends it back to change nothing."""
    if value.token_variable:
        return f"${{var.{value.token_variable}}}"
    return MASK if value.api_token_id is not None else ""


def _look(poll: PollGlance) -> Json:
    return {
        "lookedAt": wire_time(poll.looked_at) if poll.looked_at else "",
        "baselineAt": wire_time(poll.baseline_at),
        "problem": poll.problem,
    }


def _identity(uow: Reading, value: Webhook, identities: dict[tuple[str | None, str, str, str], Identity]) -> Identity:
    """As whom a webhook acts; of many that act as the same one it is asked once."""
    key = (value.api_token_id, value.token_variable, value.actor, value.project)
    if key not in identities:
        identities[key] = Identity(for_matching.actor_of(uow, value), identity.token_notice(uow, value))
    return identities[key]


def _rules(value: Webhook, endpoint: Endpoint | None, pipeline: Pipeline | None) -> Json:
    """Which pushes it takes, and which pipeline they start with which input."""
    return {
        "enabled": value.enabled,
        "mode": value.mode,
        "endpoint": value.endpoint,
        "pipeline": value.pipeline,
        "pipelineLink": link(Kind.PIPELINES.value, pipeline.id) if pipeline is not None else "",
        "serverType": value.server_type,
        "repoName": value.repo_name,
        "wholeNamespace": value.whole_namespace,
        "repository": wanted.repository(value, endpoint).path,
        "imageNameRegExPattern": value.image_pattern,
        "tagNamePattern": value.tag_pattern,
        "exclude": list(value.exclude),
        "input": value.input,
    }


def _document(
    uow: Reading,
    value: Webhook,
    base: str,
    project_id: str,
    endpoint: Endpoint | None,
    pipeline: Pipeline | None,
    identified: Identity,
    poll: PollGlance,
    last_used_at: float | None,
) -> Json:
    actor = identified.actor
    missing = sentences(lacks(value, endpoint, pipeline, actor.problem))
    unreachable, in_clear = _reach(base.removesuffix(public_address.HOOK_PATH), value, endpoint)
    unsigned = UNSIGNED if value.signed and value.server_type == "DockerHub" else ""
    return {
        **common(value, kind="DOCKER_WEBHOOK", collection=Kind.WEBHOOKS.value, project_id=project_id),
        **_rules(value, endpoint, pipeline),
        **sender_rules.document(value),
        "refreshToken": _api_token(value),
        "secretToken": MASK,
        "hookUrl": f"{base}{MASK}",
        "externalListenerLink": f"{LINK_BASE}/registry-webhook-listeners/{value.id}",
        "slug": value.slug or "",
        "actor": actor.user,
        "missing": missing,
        "complete": not missing,
        "notices": [entry for entry in (identified.notice, unreachable, in_clear, unsigned) if entry],
        "reachable": not unreachable,
        "offers": ["look", "tunnel"] if unreachable else [],
        "hubState": value.hub_state,
        "hubMessage": value.hub_message,
        "hubSeenAt": wire_time(value.hub_seen_at),
        "hookName": wanted.hook_name(uow, value.id, value.generation) if value.hook_repository else "",
        "elsewhere": list(value.elsewhere),
        "look": _look(poll),
        "generation": value.generation,
        "lastPushAt": wire_time(value.last_push_at),
        "lastVerdict": value.last_verdict,
        "tokenLastUsedOn": day_of(last_used_at),
        "history": [{**entry, "at": wire_time(entry["at"])} for entry in reversed(value.history)],
    }
