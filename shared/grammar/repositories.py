"""Which repository is meant: every form that people paste, read into host, namespace and name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOCKER_HUB = "https://hub.docker.com"
DOCKER_HUB_REGISTRY = "https://registry-1.docker.io"

_HUB_HOSTS = frozenset(
    {"hub.docker.com", "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)
_HUB_PAGES = (
    ("repository", "docker"),
    ("r",),
    ("u",),
    ("orgs",),
    ("repositories",),
    ("v2", "repositories"),
    ("v2",),
    ("v1",),
)
"""Leading path segments of Docker Hub's own pages and API, longest first."""
_EXPRESSION = re.compile(r"\$\{[^{}]*\}")
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Repository:
    """Where images live, read out of whatever form people paste."""

    host: str
    """As in an image reference; `docker.io` for Docker Hub."""
    namespace: str
    name: str = ""
    """Empty when only a namespace was given."""
    problems: tuple[str, ...] = field(default=())

    @property
    def path(self) -> str:
        """`acme/web`, or empty when only a namespace is known."""
        if not self.name:
            return ""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def read_repository(text: str, *, default_host: str = "docker.io") -> Repository:
    """Read `https://hub.docker.com/r/acme/web`, `docker.io/acme/web:1.2`, `acme/web`, `acme` and their like."""
    rest = text.strip()
    _, found, after = rest.partition("://")
    if found:
        rest = after
    elif "/" not in rest and ":" not in rest and "." not in rest and rest != "localhost":
        return _checked(default_host, [rest] if rest else [])
    rest = rest.partition("?")[0].partition("#")[0]
    head, _, tail = rest.partition("/")
    is_host = bool(found) or "." in head or ":" in head or head == "localhost"
    host = head.rpartition("@")[2].lower() if is_host else default_host
    parts = [part for part in (tail if is_host else rest).split("/") if part]
    if host in _HUB_HOSTS:
        host = "docker.io"
        parts = _without_hub_pages(parts) if found or is_host else parts
        if len(parts) == 2 and parts[0] == "_":
            parts = ["library", parts[1]]
    elif parts and parts[0] == "v2":
        parts = parts[1:]
    if parts:
        parts[-1] = parts[-1].partition("@")[0].partition(":")[0]
    if host == "docker.io" and len(parts) > 2:
        parts = parts[:2]
    return _checked(host, parts)


def _without_hub_pages(parts: list[str]) -> list[str]:
    for prefix in _HUB_PAGES:
        if tuple(parts[: len(prefix)]) == prefix:
            return parts[len(prefix) :]
    return parts


def _checked(host: str, parts: list[str]) -> Repository:
    parts = [part.lower() for part in parts]
    problems = tuple(
        f"{part!r} is not a repository name: use lower-case letters, digits, '.', '_' and '-'"
        for part in parts
        if not _PART.match(part)
    )
    if len(parts) <= 1:
        return Repository(host=host, namespace=parts[0] if parts else "", problems=problems)
    return Repository(host=host, namespace="/".join(parts[:-1]), name=parts[-1], problems=problems)


def upper_case_in(reference: str) -> str:
    """The part of an image's repository name that is not in lower case; blank when there is none.

    Registries know no such names, and docker refuses them before it asks ("repository name must be lowercase"). A host
    and a tag may have any case; what an expression is part of is not judged.
    """
    parts = _EXPRESSION.sub("$", reference.strip()).partition("@")[0].split("/")
    if len(parts) > 1 and ("." in parts[0] or ":" in parts[0]):
        parts = parts[1:]
    parts[-1] = parts[-1].partition(":")[0]
    return next((part for part in parts if part != part.lower() and "$" not in part), "")


def join_repository(endpoint: Repository, repo_name: str) -> Repository:
    """The repository of a webhook: its own `repoName` within the endpoint's registry and namespace."""
    if not repo_name.strip():
        return endpoint
    own = read_repository(repo_name, default_host=endpoint.host)
    if own.name:
        return own
    return Repository(host=endpoint.host, namespace=endpoint.namespace, name=own.namespace, problems=own.problems)


def repository_of(properties: Mapping[str, Any]) -> Repository:
    """The repository, or namespace, of a docker endpoint."""
    found = read_repository(str(properties.get("repoURL") or ""))
    if properties.get("serverType") == "DockerHub" and found.host != "docker.io":
        # A stand-in for Docker Hub has its pages at the same paths, and images are still named without its host.
        path = "/".join(part for part in (found.namespace, found.name) if part)
        return read_repository(f"https://hub.docker.com/{path}")
    return found


def registry_of(properties: Mapping[str, Any]) -> tuple[str, bool]:
    """Host and port of a docker endpoint's registry API (`docker.io` stands for Docker Hub's), and whether it speaks
    plain HTTP."""
    written = str(properties.get("registryURL") or "").strip().rstrip("/")
    if written and written != DOCKER_HUB_REGISTRY:
        scheme, _, rest = written.rpartition("://")
        return rest.partition("/")[0], scheme == "http"
    return repository_of(properties).host, str(properties.get("repoURL") or "").strip().startswith("http://")
