"""For which platforms an image is there, and when it was built."""

from __future__ import annotations

from typing import Any

from shared.grammar.json_parser import parse_json

from .account import RegistryProblem
from .connection import pull
from .reading import MANIFESTS, Manifest, Registry, is_digest

_LONGEST_TIME = 40


def platforms(registry: Registry, repository: str, manifest: Manifest) -> tuple[str, ...]:
    """`linux/amd64`; `linux/arm64/v8` also as `linux/arm64`.

    Reads the manifest, and of an image of one platform its configuration: at Docker Hub that counts as a pull.
    """
    document = _read(registry, repository, f"manifests/{manifest.digest}", MANIFESTS)
    if isinstance(document.get("manifests"), list):
        described = [entry.get("platform") for entry in document["manifests"] if isinstance(entry, dict)]
    else:
        config = document.get("config")
        digest = config.get("digest", "") if isinstance(config, dict) else ""
        described = [_read(registry, repository, f"blobs/{digest}", "*/*")]
    return tuple(dict.fromkeys(form for about in described if isinstance(about, dict) for form in _forms(about)))


def built_at(registry: Registry, repository: str, manifest: Manifest) -> str:
    """When an image was built, as its configuration says, ISO 8601; of several platforms the first. Blank if unknown.

    Reads up to two manifests and the configuration: at Docker Hub that counts as a pull.
    """
    document = _read(registry, repository, f"manifests/{manifest.digest}", MANIFESTS)
    children = document.get("manifests")
    if isinstance(children, list):
        images = [entry for entry in children if isinstance(entry, dict) and _forms(entry.get("platform") or {})]
        if not images:
            return ""
        document = _read(registry, repository, f"manifests/{images[0].get('digest')}", MANIFESTS)
    config = document.get("config")
    digest = str(config.get("digest") or "") if isinstance(config, dict) else ""
    created = _read(registry, repository, f"blobs/{digest}", "*/*").get("created") if is_digest(digest) else ""
    return str(created or "")[:_LONGEST_TIME]


def _read(registry: Registry, repository: str, suffix: str, accept: str) -> dict[str, Any]:
    account = registry.connection.account
    name = account.repository(repository)
    place = f"/v2/{name}/{suffix}"
    reply = registry.connection.call("GET", place, (pull(name),), headers={"Accept": accept})
    try:
        document = parse_json(reply.body) if reply.status == 200 else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        message = f"{account.base} answered {place} with {reply.status} and no document."
        raise RegistryProblem("odd-answer", message)
    return document


def _forms(described: dict[str, Any]) -> tuple[str, ...]:
    """An attestation in an index calls itself `unknown/unknown`."""
    system, architecture, variant = (str(described.get(key) or "") for key in ("os", "architecture", "variant"))
    plain = f"{system}/{architecture}"
    if not system or not architecture or plain == "unknown/unknown":
        return ()
    return (f"{plain}/{variant}", plain) if variant else (plain,)
