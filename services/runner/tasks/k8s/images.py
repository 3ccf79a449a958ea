"""Image references, and the pushed image deployed by its digest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.runner.tasks.protocol import Asked

from .manifests import Object, containers

_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference, taken apart the way a container runtime does it."""

    host: str
    repository: str
    tag: str
    digest: str

    def same_tag(self, other: Image) -> bool:
        """Whether both mean the same tag of the same repository."""
        return (self.host, self.repository, self.tag) == (other.host, other.repository, other.tag)


_DOCKER_HUB = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


def parse(reference: str) -> Image:
    """`web` is `docker.io/library/web:latest`."""
    rest, _, digest = reference.strip().partition("@")
    first, slash, remainder = rest.partition("/")
    host, path = (first, remainder) if slash and ("." in first or ":" in first or first == "localhost") else ("", rest)
    name, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        name, tag = path, ""
    if host in _DOCKER_HUB:
        host = "docker.io"
        name = name if "/" in name else f"library/{name}"
    return Image(host, name, tag or ("" if digest else "latest"), digest)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The image that the run is about."""

    image: Image
    digest: str
    """Empty when nobody knows it."""
    copies_at: frozenset[str] = frozenset()
    """Registries that an input of the run names: under the same name and tag they hold copies."""


def pushed(asked: Asked) -> Pushed | None:
    """From the push that started the run, or from the Docker inputs that somebody gave by hand."""
    hosts = frozenset(value.strip("/") for value in asked.inputs.values() if isinstance(value, str) and value)
    if asked.push is not None and asked.push.tag:
        return Pushed(parse(f"{asked.push.image}:{asked.push.tag}"), asked.push.digest or "", hosts)
    name, tag = (str(asked.inputs.get(key) or "") for key in ("DOCKER_IMAGE", "DOCKER_TAG"))
    if not name or not tag:
        return None
    digest = str(asked.inputs.get("DOCKER_DIGEST") or "")
    return Pushed(parse(f"{name}:{tag}"), digest if _DIGEST.fullmatch(digest) else "", hosts)


def uses(obj: Object, what: Pushed) -> bool:
    """Whether an object's pods run the pushed image."""
    return any(_names(one.get("image"), what) for one in containers(obj))


def running(obj: Object) -> list[str]:
    """The images that an object's pods run."""
    return [str(one["image"]) for one in containers(obj) if one.get("image")]


def pin(obj: Object, what: Pushed) -> list[str]:
    """Put the digest behind the pushed image wherever the object names it by tag; answers what was written."""
    written = []
    for container in containers(obj):
        if what.digest and _names(container.get("image"), what) and "@" not in container["image"]:
            reference = container["image"].strip()
            tagged = reference if ":" in reference.rpartition("/")[2] else f"{reference}:{what.image.tag}"
            container["image"] = f"{tagged}@{what.digest}"
            written.append(container["image"])
    return written


def _names(reference: object, what: Pushed) -> bool:
    """The pushed image itself, or its copy under the same name and tag in a registry that the run was told of."""
    if not isinstance(reference, str):
        return False
    named = parse(reference)
    is_copy = (named.repository, named.tag) == (what.image.repository, what.image.tag) and named.host in what.copies_at
    return named.same_tag(what.image) or is_copy
