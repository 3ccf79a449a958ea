"""Endpoints under the names of older exports and clients: their properties, and the Docker host beside the registry.

Code Stream's own description leaves `properties` open. The guides to its endpoints call the fields "URL", "User name"
and "Private token", and describe the Docker host as a URL with port and a shared path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DOCKER_HOST = "docker-host"
"""The type here of a machine that runs containers, which Code Stream calls `docker` too."""

OLD_NAMES: dict[str, dict[str, str]] = {
    "docker": {"url": "repoURL", "repositoryURL": "repoURL", "namespace": "dockerNamespace"},
    "k8s": {"url": "kubernetesURL", "clusterURL": "kubernetesURL", "certificateAuthorityData": "certAuthorityData"},
    "git": {"url": "repoURL", "repo": "repoURL", "privateToken": "token"},
    "email": {
        "sender": "senderAddress",
        "host": "outboundHost",
        "port": "outboundPort",
        "protocol": "outboundProtocol",
        "encryption": "encryptionMethod",
        "username": "outboundUsername",
        "password": "outboundPassword",
    },
}
"""By type: an older name of a property, in any case, and the one that counts."""

_REGISTRY_NAMES = frozenset({"repourl", "repositoryurl", "registryurl", "huburl", "servertype", "dockernamespace"})
_ENGINE = re.compile(r"(?:tcp|unix|ssh)://.+|https?://[^/\s]+:237[5-7]/?", re.IGNORECASE)
"""An address of Docker's engine: its own schemes, or its ports 2375 to 2377."""
_SERVER_ALONE = re.compile(r"https?://[^/\s]+/?", re.IGNORECASE)


def is_docker_host(properties: Mapping[str, Any]) -> bool:
    """Whether properties of type `docker` are those of a host: it names no repository and signs nobody in."""
    values = {name.casefold(): value for name, value in properties.items() if value not in (None, "")}
    if _REGISTRY_NAMES & values.keys():
        return False
    url = str(values.get("url") or values.get("dockerurl") or "").strip()
    if "sharedpath" in values or _ENGINE.fullmatch(url):
        return True
    return bool(_SERVER_ALONE.fullmatch(url)) and not {"username", "password", "token"} & values.keys()


def renamed(type_: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties under the names that count; one that is there under both keeps the newer."""
    old = {name.casefold(): new for name, new in OLD_NAMES.get(type_, {}).items()}
    present = {name.casefold() for name in properties}
    result = {}
    for name, value in properties.items():
        new = old.get(name.casefold(), name)
        if new == name or new.casefold() == name.casefold() or new.casefold() not in present:
            result[new] = value
    return result
