"""One reader for every other registry: which field holds what is a row of data.

A row's paths are dotted (`event_data.repository.name`); alternatives stand in the order in which they are tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.contracts.base import Json
from shared.contracts.pushes import Push, kind_of

from .values import Reading, dig, digest, first_text, hub_repository, seconds, text

MAX_PUSHES = 100

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """How one registry writes a push."""

    name: str
    marks: Paths
    """All of these are present in a body of this kind."""
    words: tuple[tuple[str, frozenset[str]], ...] = ()
    """Fields that must hold one of these words for the body to be a push; another word is another notification."""
    each: str = ""
    """A list of which every item is one push; other paths that start with `item.` look inside it."""
    repository: Paths = ()
    namespace: Paths = ()
    tag: Paths = ()
    digest: Paths = ()
    media_type: Paths = ()
    pushed_at: Paths = ()
    pusher: Paths = ()
    delivery_id: Paths = ()
    host: Paths = ()
    """A host, an address or an image reference whose first part is the host."""
    fixed_host: str = ""
    host_of: tuple[str, Paths] | None = None
    """A host that is made of several fields: a template for their values."""


_CONTAINER = frozenset({"CONTAINER", "container", "docker"})

ROWS: tuple[Mapping, ...] = (
    Mapping(
        name="alibaba",
        marks=("push_data", "repository.repo_full_name"),
        repository=("repository.repo_full_name",),
        tag=("push_data.tag",),
        digest=("push_data.digest",),
        pushed_at=("push_data.pushed_at",),
        pusher=("push_data.pusher",),
    ),
    Mapping(
        name="harbor",
        marks=("event_data.resources", "event_data.repository"),
        words=(("type", frozenset({"PUSH_ARTIFACT", "pushImage"})),),
        each="event_data.resources",
        repository=("event_data.repository.repo_full_name",),
        tag=("item.tag",),
        digest=("item.digest",),
        pushed_at=("occur_at",),
        pusher=("operator",),
        host=("item.resource_url",),
    ),
    Mapping(
        name="harbor-cloudevents",
        marks=("specversion", "data.resources", "data.repository"),
        words=(("type", frozenset({"harbor.artifact.pushed"})),),
        each="data.resources",
        repository=("data.repository.repo_full_name",),
        tag=("item.tag",),
        digest=("item.digest",),
        pushed_at=("time",),
        pusher=("operator",),
        delivery_id=("id",),
        host=("item.resource_url",),
    ),
    Mapping(
        name="quay",
        marks=("updated_tags", "docker_url"),
        each="updated_tags",
        repository=("repository",),
        tag=("item",),
        host=("docker_url",),
    ),
    *(
        Mapping(
            name=name,
            marks=(f"{event}.package_type", f"{event}.package_version"),
            words=(("action", frozenset({"published", "updated"})), (f"{event}.package_type", _CONTAINER)),
            repository=(f"{event}.name",),
            namespace=(f"{event}.namespace", f"{event}.owner.login"),
            tag=(f"{event}.package_version.container_metadata.tag.name",),
            digest=(f"{event}.package_version.container_metadata.tag.digest", f"{event}.package_version.version"),
            media_type=(
                f"{event}.package_version.container_metadata.manifest.config.media_type",
                f"{event}.package_version.container_metadata.manifest.media_type",
            ),
            pushed_at=(f"{event}.package_version.updated_at", f"{event}.updated_at"),
            pusher=("sender.login",),
            host=(f"{event}.package_version.package_url",),
            fixed_host="ghcr.io",
        )
        for name, event in (("ghcr", "package"), ("ghcr-registry", "registry_package"))
    ),
    Mapping(
        name="ecr",
        marks=("detail-type", "detail.repository-name"),
        words=(("detail.action-type", frozenset({"PUSH"})), ("detail.result", frozenset({"SUCCESS"}))),
        repository=("detail.repository-name",),
        tag=("detail.image-tag",),
        digest=("detail.image-digest",),
        media_type=("detail.manifest-media-type",),
        pushed_at=("time",),
        delivery_id=("id",),
        host_of=("{}.dkr.ecr.{}.amazonaws.com", ("account", "region")),
    ),
    Mapping(
        name="google",
        marks=("subscription", "message.data.action"),
        words=(("message.data.action", frozenset({"INSERT"})),),
        repository=("message.data.tag", "message.data.digest"),
        digest=("message.data.digest",),
        pushed_at=("message.publishTime",),
        delivery_id=("message.messageId",),
    ),
    Mapping(
        name="acr",
        marks=("action", "target.repository", "request.host"),
        words=(("action", frozenset({"push", "chart_push"})),),
        repository=("target.repository",),
        tag=("target.tag",),
        digest=("target.digest",),
        media_type=("target.mediaType",),
        pushed_at=("timestamp",),
        delivery_id=("id",),
        host=("request.host",),
    ),
    Mapping(
        name="artifactory",
        marks=("domain", "event_type", "data.image_name"),
        words=(("domain", frozenset({"docker"})), ("event_type", frozenset({"pushed"}))),
        repository=("data.image_name",),
        namespace=("data.repo_key",),
        tag=("data.tag",),
        digest=("data.sha256",),
        host=("jpd_origin",),
    ),
    Mapping(
        name="nexus",
        marks=("repositoryName", "component.name", "component.version"),
        words=(("action", frozenset({"CREATED", "UPDATED"})), ("component.format", frozenset({"docker"}))),
        repository=("component.name",),
        tag=("component.version",),
        pushed_at=("timestamp",),
        pusher=("initiator",),
        delivery_id=("component.id",),
    ),
    Mapping(
        name="gitea",
        marks=("action", "package.name", "package.version", "package.type"),
        words=(("action", frozenset({"created", "updated"})), ("package.type", frozenset({"container"}))),
        repository=("package.name",),
        namespace=("package.owner.login", "package.owner.username"),
        tag=("package.version",),
        pushed_at=("package.created_at",),
        pusher=("sender.login", "package.creator.login"),
        host=("package.html_url",),
    ),
    Mapping(
        name="generic",
        marks=(),
        repository=("repository", "repo", "image", "image_name", "repository.full_name", "repository.name"),
        namespace=("namespace", "repository.namespace"),
        tag=("tag", "image_tag", "version"),
        digest=("digest", "image_digest"),
        media_type=("media_type", "mediaType"),
        pushed_at=("pushed_at", "timestamp", "time"),
        pusher=("pusher", "actor", "user"),
        delivery_id=("id", "delivery_id"),
        host=("registry", "registry_host", "host"),
    ),
)

BY_NAME: dict[str, Mapping] = {row.name: row for row in ROWS}
_HOST_AND_REST = re.compile(r"(?P<host>[^/\s]+[.:][^/\s]*|localhost)/(?P<rest>.+)\Z")
_TAGGED = re.compile(r"(?P<repository>.+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>\w+:[0-9a-fA-F]+))?\Z")


def recognise(row: Mapping, body: Json) -> bool:
    """Has the body the marks of this row? The row without marks takes what names a repository."""
    if not row.marks:
        return first_text(dig(body, path) for path in row.repository) is not None
    return all(dig(body, mark) is not None for mark in row.marks)


def _at(paths: Paths, body: Json, item: object) -> list[object]:
    scope = {**body, "item": item}
    return [dig(scope, path) for path in paths]


def _host(values: list[object]) -> str:
    found = first_text(values) or ""
    try:
        return urlsplit(found if "://" in found else f"//{found}").netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _made_host(row: Mapping, body: Json) -> str:
    template, paths = row.host_of or ("", ())
    values = [text(dig(body, path)) for path in paths]
    return template.format(*values) if all(values) else ""


def _push(row: Mapping, body: Json, item: object) -> Push | str:
    """The push, or why there is none."""
    found = first_text(_at(row.repository, body, item))
    if found is None:
        return f"The payload names no repository (looked at {', '.join(row.repository)})."
    host = _host(_at(row.host, body, item))
    reference = _TAGGED.match(found)
    repository, tag, named = reference.group("repository", "tag", "digest") if reference else (found, None, None)
    if located := _HOST_AND_REST.match(repository):
        host, repository = host or located["host"], located["rest"]
    namespace = first_text(_at(row.namespace, body, item))
    if namespace and "/" not in repository:
        repository = f"{namespace}/{repository}"
    host = host or row.fixed_host or _made_host(row, body)
    repository = hub_repository(repository) if host == "docker.io" else repository.strip("/")
    tag = first_text(_at(row.tag, body, item)) or tag
    known_digest = next((d for value in _at(row.digest, body, item) if (d := digest(value))), None) or digest(named)
    if tag is not None and digest(tag) is not None:
        # Some write the digest there when there is no tag.
        tag, known_digest = None, known_digest or digest(tag)
    media_type = first_text(_at(row.media_type, body, item))
    return Push(
        provider=row.name,
        registry_host=host,
        repository=repository,
        tag=tag,
        digest=known_digest,
        media_type=media_type,
        pushed_at=next((s for value in _at(row.pushed_at, body, item) if (s := seconds(value))), None),
        pusher=first_text(_at(row.pusher, body, item)),
        provider_delivery_id=first_text(_at(row.delivery_id, body, item)),
        kind=kind_of(media_type, tag),
    )


def parse(row: Mapping, body: Json) -> Reading:
    """Every push of the body by one row of the table."""
    for path, words in row.words:
        word = text(dig(body, path))
        if word not in words:
            return Reading(problem=f"{path} is {word or 'absent'}, which is not a push.", not_a_push=True)
    items = dig(body, row.each) if row.each else [None]
    if not isinstance(items, list) or not items:
        return Reading(problem=f"{row.each} holds nothing.")
    read = [_push(row, body, item) for item in items[:MAX_PUSHES]]
    pushes = tuple(found for found in read if isinstance(found, Push))
    missing = next((found for found in read if isinstance(found, str)), None)
    if missing is None and (bare := next((push for push in pushes if push.tag is None), None)) is not None:
        missing = f"The payload of {bare.repository} names no tag (looked at {', '.join(row.tag)})."
    if missing is None and len(items) > MAX_PUSHES:
        missing = f"Only the first {MAX_PUSHES} of {len(items)} pushes in this body were taken."
    return Reading(pushes=pushes, problem=missing)
