"""How every other registry writes a push: a row of data each, read by `generic`.

A row's paths are dotted (`event_data.repository.name`); alternatives stand in the order in which they are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """How one registry writes a push."""

    name: str
    marks: Paths
    """All of these are present in a body of this kind."""
    words: tuple[tuple[Paths, frozenset[str]], ...] = ()
    """Fields that must hold one of these words for the body to be a push; another word is another notification."""
    each: str = ""
    """A list of which every item is one push, or a table of which every name is; paths that start with `item` look
    inside it."""
    full_name: Paths = ()
    """A repository with its namespace."""
    repository: Paths = ()
    """One without it, where there is no full name."""
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
_PUBLISHED = frozenset({"published", "updated", "create"})

ROWS: tuple[Row, ...] = (
    Row(
        name="alibaba",
        marks=("push_data", "repository.repo_full_name"),
        repository=("repository.repo_full_name",),
        tag=("push_data.tag",),
        digest=("push_data.digest",),
        pushed_at=("push_data.pushed_at",),
        pusher=("push_data.pusher",),
    ),
    Row(
        name="harbor",
        marks=("event_data.resources", "event_data.repository"),
        words=((("type",), frozenset({"PUSH_ARTIFACT", "pushImage"})),),
        each="event_data.resources",
        full_name=("event_data.repository.repo_full_name",),
        repository=("event_data.repository.name",),
        namespace=("event_data.repository.namespace",),
        tag=("item.tag",),
        digest=("item.digest",),
        pushed_at=("occur_at",),
        pusher=("operator",),
        host=("item.resource_url",),
    ),
    Row(
        name="harbor-cloudevents",
        marks=("specversion", "data.resources", "data.repository"),
        words=((("type",), frozenset({"harbor.artifact.pushed"})),),
        each="data.resources",
        full_name=("data.repository.repo_full_name",),
        repository=("data.repository.name",),
        namespace=("data.repository.namespace",),
        tag=("item.tag",),
        digest=("item.digest",),
        pushed_at=("time",),
        pusher=("operator",),
        delivery_id=("id",),
        host=("item.resource_url",),
    ),
    Row(
        name="quay",
        marks=("updated_tags", "docker_url"),
        each="updated_tags",
        repository=("repository",),
        tag=("item",),
        host=("docker_url",),
    ),
    *(
        Row(
            name=name,
            marks=(f"{event}.package_version",),
            words=((("action",), _PUBLISHED), ((f"{event}.package_type", f"{event}.ecosystem"), _CONTAINER)),
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
    Row(
        name="ecr",
        marks=("detail-type", "detail.repository-name"),
        words=((("detail.action-type",), frozenset({"PUSH"})), (("detail.result",), frozenset({"SUCCESS"}))),
        repository=("detail.repository-name",),
        tag=("detail.image-tag",),
        digest=("detail.image-digest",),
        media_type=("detail.manifest-media-type",),
        pushed_at=("time",),
        delivery_id=("id",),
        host_of=("{}.dkr.ecr.{}.amazonaws.com", ("account", "region")),
    ),
    Row(
        name="google",
        marks=("subscription", "message.data.action"),
        words=((("message.data.action",), frozenset({"INSERT"})),),
        repository=("message.data.tag", "message.data.digest"),
        digest=("message.data.digest",),
        pushed_at=("message.publishTime",),
        delivery_id=("message.messageId",),
    ),
    Row(
        name="acr",
        marks=("action", "target.repository", "request.host"),
        words=((("action",), frozenset({"push", "chart_push"})),),
        repository=("target.repository",),
        tag=("target.tag",),
        digest=("target.digest",),
        media_type=("target.mediaType",),
        pushed_at=("timestamp",),
        delivery_id=("id",),
        host=("request.host",),
    ),
    Row(
        name="artifactory",
        marks=("domain", "event_type", "data.image_name"),
        words=((("domain",), frozenset({"docker"})), (("event_type",), frozenset({"pushed"}))),
        repository=("data.image_name",),
        namespace=("data.repo_key",),
        tag=("data.tag",),
        digest=("data.sha256",),
        host=("jpd_origin",),
    ),
    Row(
        name="nexus",
        marks=("repositoryName", "component.name", "component.version"),
        words=((("action",), frozenset({"CREATED", "UPDATED"})), (("component.format",), frozenset({"docker"}))),
        repository=("component.name",),
        tag=("component.version",),
        pushed_at=("timestamp",),
        pusher=("initiator",),
    ),
    Row(
        name="gitea",
        marks=("action", "package.name", "package.version", "package.type"),
        words=((("action",), frozenset({"created", "updated"})), (("package.type",), frozenset({"container"}))),
        repository=("package.name",),
        namespace=("package.owner.login", "package.owner.username"),
        tag=("package.version",),
        pushed_at=("package.created_at",),
        pusher=("sender.login", "package.creator.login"),
        host=("package.html_url",),
    ),
    Row(
        name="generic",
        marks=(),
        repository=("repository", "repo", "image", "image_name", "repository.full_name", "repository.name", "name"),
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
