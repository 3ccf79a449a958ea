"""Image references, and the image that a run is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.runner.task_protocol import TaskRequest
from shared.grammar.repositories import HUB_HOST, registry_name

_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image reference, taken apart the way a container runtime does it."""

    host: str
    repository: str
    tag: str
    digest: str

    def same_tag(self, other: ImageReference) -> bool:
        """Whether both mean the same tag of the same repository."""
        return (self.host, self.repository, self.tag) == (other.host, other.repository, other.tag)


def parse(reference: str) -> ImageReference:
    """`web` is `docker.io/library/web:latest`."""
    rest, _, digest = reference.strip().partition("@")
    first, _, remainder = rest.partition("/")
    host, path = (first, remainder) if has_host(rest) else ("", rest)
    name, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        name, tag = path, ""
    host = registry_name(host) or HUB_HOST
    if host == HUB_HOST:
        name = name if "/" in name else f"library/{name}"
    return ImageReference(host, name, tag or ("" if digest else "latest"), digest)


def has_host(reference: str) -> bool:
    """Whether a reference names its registry."""
    first, slash, _ = reference.strip().partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


@dataclass(frozen=True, slots=True)
class Pushed:
    """The image that the run is about."""

    image: ImageReference
    digest: str
    """Empty when nobody knows it."""
    copies_at: frozenset[str] = frozenset()
    """Registries that an input of the run names: under the same name and tag they hold copies."""


def pushed(request: TaskRequest) -> Pushed | None:
    """From the push that started the run, or from the Docker inputs that somebody gave by hand."""
    hosts = frozenset(value.strip("/") for value in request.inputs.values() if isinstance(value, str) and value)
    if request.push is not None and request.push.tag:
        return Pushed(parse(f"{request.push.image}:{request.push.tag}"), request.push.digest or "", hosts)
    name, tag = (str(request.inputs.get(key) or "") for key in ("DOCKER_IMAGE", "DOCKER_TAG"))
    if not name or not tag:
        return None
    digest = str(request.inputs.get("DOCKER_DIGEST") or "")
    return Pushed(parse(f"{name}:{tag}"), digest if _DIGEST.fullmatch(digest) else "", hosts)
