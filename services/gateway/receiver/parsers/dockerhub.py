"""Docker Hub's payload in every variant seen since 2013: floats in scientific form, nulls, no tag, no callback."""

from __future__ import annotations

from typing import Any

from shared.contracts.base import Json
from shared.contracts.pushes import Push, kind_of
from shared.grammar.repositories import HUB_HOST

from .values import ParsedPayload, first_text, hub_repository, seconds, table, text

NAME = "dockerhub"


def recognise(body: Json) -> bool:
    """`push_data` beside `repository`; Alibaba's registry sends the like with `repo_full_name` or `region`."""
    repository = body.get("repository")
    if not isinstance(body.get("push_data"), dict):
        return isinstance(repository, dict) and "repo_name" in repository and "dockerfile" in repository
    return not (isinstance(repository, dict) and ("repo_full_name" in repository or "region" in repository))


def _repository(repository: Json) -> str | None:
    if full := text(repository.get("repo_name")):
        return hub_repository(full)
    name = text(repository.get("name"))
    if name is None:
        return None
    namespace = first_text((repository.get("namespace"), repository.get("owner")))
    return hub_repository(f"{namespace}/{name}" if namespace else name)


def parse(body: Json) -> ParsedPayload:
    """One body is one push of one tag."""
    push_data = table(body.get("push_data"))
    repository = _repository(table(body.get("repository")))
    if not repository:
        return ParsedPayload(problem="The payload has no repository (looked at repository.repo_name, repository.name).")
    tag = text(push_data.get("tag"))
    media_type = text(push_data.get("media_type"))
    push = Push.model_construct(
        provider=NAME,
        registry_host=HUB_HOST,
        repository=repository,
        tag=tag,
        digest=None,
        media_type=media_type,
        pushed_at=seconds(push_data.get("pushed_at")),
        pusher=text(push_data.get("pusher")),
        provider_delivery_id=None,
        kind=kind_of(media_type, tag),
    )
    problem = None if tag is not None else f"The payload of {repository} has no tag (push_data.tag)."
    return ParsedPayload(pushes=(push,), problem=problem)


def sample(repository: str, tag: str, pushed_at: int) -> dict[str, Any]:
    """A payload as Docker Hub would send it, for the webhook's own test."""
    namespace, _, name = repository.partition("/")
    return {
        "push_data": {"pushed_at": pushed_at, "pusher": "portside-test", "tag": tag},
        "repository": {"repo_name": repository, "namespace": namespace, "name": name, "status": "Active"},
    }
