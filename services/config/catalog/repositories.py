"""Which repository is meant: every form that people paste, read into host, namespace and name. Pure."""

from __future__ import annotations

import re

from .values import Repository

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
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*\Z")


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


def join_repository(endpoint: Repository, repo_name: str) -> Repository:
    """The repository of a webhook: its own `repoName` within the endpoint's registry and namespace."""
    if not repo_name.strip():
        return endpoint
    own = read_repository(repo_name, default_host=endpoint.host)
    if own.name:
        return own
    return Repository(host=endpoint.host, namespace=endpoint.namespace, name=own.namespace, problems=own.problems)
