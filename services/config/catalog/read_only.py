"""Definitions that come from Git: which commit they show, and why nobody else writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from services.config.model.definitions import DefinitionSource, Endpoint
from services.config.model.people import Person
from services.config.store import Reading
from services.config.store.definitions.definition_sources import SOURCES, of_projects
from services.config.store.definitions.endpoints import ENDPOINTS
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.problems import Code, refuse

SHORT = 12
"""Characters of a commit that sentences show."""
SOURCE = "_source"
"""The field of a definition that says which commit it comes from."""
KINDS = frozenset(
    {
        Kind.VARIABLES,
        Kind.ENDPOINTS,
        Kind.CUSTOM_INTEGRATIONS,
        Kind.PIPELINES,
        Kind.WEBHOOKS,
        Kind.GIT_WEBHOOKS,
        Kind.GERRIT_LISTENERS,
        Kind.GERRIT_TRIGGERS,
        Kind.SCHEDULES,
    }
)
"""What a folder in Git can hold."""


def demand_writable(
    uow: Reading, person: Person, kind: Kind, noun: str, before: Json | None, after: Json | None
) -> None:
    """Refuse a change of what Git decides; `before` and `after` are what a file holds of the object.

    What no file holds, such as a secret's value, a token or whether a pipeline is enabled, stays everybody's to change.
    """
    changed = after or before or {}
    project = str(changed.get("project") or "")
    if person.from_git or before == after or not project:
        return
    source = SOURCES.one(uow, project=project)
    if source is None:
        return
    name = str((before or changed).get("name") or "")
    if before and after and kind is Kind.ENDPOINTS and name == source.endpoint and _reaches_the_same(before, after):
        # By which credentials the repository is read is not in the repository.
        return
    if after is None and entry_of(source, kind, name) is None:
        # Nobody else would ever remove what no file names.
        return
    raise refuse(
        Code.CONFLICT,
        f"{noun} {name} is read-only: project {project} has its definitions from {described(uow, source)}",
        subject=name,
        next_step="Change it there; the next commit brings it here. Or let the project no longer follow the repository "
        f"(portside projects unfollow {project}).",
    )


def _reaches_the_same(before: Json, after: Json) -> bool:
    return all(before[key] == after[key] for key in before if key != "properties") and all(
        before["properties"].get(key) == after["properties"].get(key) for key in ("repoURL", "url", "branch")
    )


def described(uow: Reading, source: DefinitionSource) -> str:
    """Folder, branch, repository and commit in words."""
    folder = f"folder {source.folder} of " if source.folder else ""
    branch = f", branch {source.branch}" if source.branch else ""
    commit = f", commit {source.commit_id[:SHORT]}" if source.commit_id else ", of which no commit was taken yet"
    return f"{folder}{repository_of(uow, source)}{branch}{commit}"


def repository_of(uow: Reading, source: DefinitionSource) -> str:
    """The repository's address, without a password."""
    endpoint = ENDPOINTS.one(uow, project=source.project, name=source.endpoint)
    return address_of(endpoint) if endpoint is not None else f"endpoint {source.endpoint}"


def address_of(endpoint: Endpoint) -> str:
    """The address of a Git endpoint's repository, without a password."""
    address = str(endpoint.properties.get("repoURL") or endpoint.properties.get("url") or "").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"endpoint {endpoint.name}"
    if not parts.scheme or not parts.netloc:
        return address or f"endpoint {endpoint.name}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def entry_of(source: DefinitionSource, kind: Kind, name: str) -> Json | None:
    """Where the commit in force has the object; None where no file names it."""
    entries: list[Any] = source.objects
    return next((entry for entry in entries if entry["kind"] == kind.value and entry["name"] == name), None)


def with_source(uow: Reading, kind: Kind, documents: Sequence[Json]) -> tuple[Json, ...]:
    """The documents, each that comes from Git with its commit and file."""
    if kind not in KINDS:
        return tuple(documents)
    sources = of_projects(uow, (str(document["project"]) for document in documents if document.get("project")))
    if not sources:
        return tuple(documents)
    repositories = {project: repository_of(uow, source) for project, source in sources.items()}
    return tuple(_with_source(kind, document, sources, repositories) for document in documents)


def _with_source(
    kind: Kind, document: Json, sources: dict[str, DefinitionSource], repositories: dict[str, str]
) -> Json:
    project = str(document.get("project") or "")
    source = sources.get(project)
    if source is None or "kind" not in document:
        return document
    entry = entry_of(source, kind, str(document.get("name") or "")) or {}
    origin = {
        "repository": repositories[project],
        "branch": source.branch,
        "commit": source.commit_id if entry else "",
        "file": entry.get("file", ""),
        "line": entry.get("line", 0),
    }
    return {**document, SOURCE: origin}
