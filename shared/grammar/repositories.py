"""Which registry and which repository is meant: every form that people paste, read into host, namespace and name. Pure.

The one reading for checks, tasks, matching and the receiver: two readings of one address send a password to the wrong
registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DOCKER_HUB = "https://hub.docker.com"
HUB_HOST = "docker.io"
"""Docker Hub as image references name it, whichever of its hosts is written."""

_HUB_HOSTS = frozenset(
    {"hub.docker.com", HUB_HOST, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
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


class RegistryAddress(NamedTuple):
    """Where a registry's API is."""

    host: str
    """With its port, without a path; `docker.io` stands for Docker Hub's registry."""
    plain_http: bool


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


def registry_name(address: str) -> str:
    """A registry as image references name it: host and port of an address or a host; blank for a blank text."""
    host = address.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2].lower()
    return HUB_HOST if host in _HUB_HOSTS else host


def read_repository(text: str, *, default_host: str = HUB_HOST) -> Repository:
    """Read `https://hub.docker.com/r/acme/web`, `docker.io/acme/web:1.2`, `acme/web`, `acme` and their like."""
    rest = text.strip()
    _, scheme_sign, after = rest.partition("://")
    if scheme_sign:
        rest = after
    elif "/" not in rest and ":" not in rest and "." not in rest and rest != "localhost":
        return _checked(default_host, [rest] if rest else [])
    rest = rest.partition("?")[0].partition("#")[0]
    head, _, tail = rest.partition("/")
    is_host = bool(scheme_sign) or "." in head or ":" in head or head == "localhost"
    host = registry_name(head) if is_host else default_host
    parts = [part for part in (tail if is_host else rest).split("/") if part]
    if host == HUB_HOST:
        parts = _without_hub_pages(parts) if scheme_sign or is_host else parts
        if len(parts) == 2 and parts[0] == "_":
            parts = ["library", parts[1]]
    elif parts and parts[0] == "v2":
        parts = parts[1:]
    if parts:
        parts[-1] = parts[-1].partition("@")[0].partition(":")[0]
    if host == HUB_HOST and len(parts) > 2:
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
    address = str(properties.get("repoURL") or "")
    if properties.get("serverType") != "DockerHub":
        return read_repository(
            address, default_host=registry_name(str(properties.get("registryURL") or "")) or HUB_HOST
        )
    repository = read_repository(address)
    if repository.host == HUB_HOST:
        return repository
    # A stand-in for Docker Hub has its pages at the same paths, and images are still named without its host.
    path = "/".join(part for part in (repository.namespace, repository.name) if part)
    return read_repository(f"{DOCKER_HUB}/{path}")


def meant_repository(
    properties: Mapping[str, Any], repo_name: str = "", *, whole_namespace: bool = False
) -> Repository:
    """What a webhook of a docker endpoint is about: a repository, or by choice all that is in a namespace.

    A single name after the host of a registry other than Docker Hub is a repository, unless the choice is made:
    `registry.example.com/hello-world`.
    """
    repository = join_repository(repository_of(properties), repo_name)
    if whole_namespace and not repo_name.strip():
        on_hub = repository.host == HUB_HOST and repository.name
        parts = (repository.namespace,) if on_hub else (repository.namespace, repository.name)
        return Repository(repository.host, "/".join(part for part in parts if part), problems=repository.problems)
    if (
        not repository.name
        and repository.namespace
        and "/" not in repository.namespace
        and repository.host not in ("", HUB_HOST)
    ):
        return Repository(repository.host, "", repository.namespace, problems=repository.problems)
    return repository


def registry_names(properties: Mapping[str, Any]) -> frozenset[str]:
    """The names under which images of a docker endpoint's registry are known, those of `registryAliases` among them."""
    aliases = str(properties.get("registryAliases") or "").replace(",", " ").split()
    named = {repository_of(properties).host, registry_of(properties).host, *map(registry_name, aliases)}
    return frozenset(named - {""})


def is_named(host: str, names: Iterable[str]) -> bool:
    """Whether a host is one of these; the ports of HTTP and HTTPS, which some proxies write, do not count."""
    return _without_port(host) in map(_without_port, names)


def _without_port(host: str) -> str:
    return host.removesuffix(":443").removesuffix(":80")


def registry_of(properties: Mapping[str, Any]) -> RegistryAddress:
    """The registry that a docker endpoint signs in at: that of `registryURL`, else that of the repository's address.

    A `registryURL` that only repeats Docker Hub's never leads a private registry's password there.
    """
    own, repository = (str(properties.get(name) or "").strip() for name in ("registryURL", "repoURL"))
    if (host := registry_name(own)) not in ("", HUB_HOST):
        return RegistryAddress(host, own.lower().startswith("http://"))
    return RegistryAddress(read_repository(repository).host, repository.lower().startswith("http://"))
