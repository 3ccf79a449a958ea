"""Which fields are secrets: the gateway seals just these on the way in, config masks just these on the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .endpoint_names import OLD_NAMES, is_docker_host

MASK = "*****"
"""What stands for a secret in every answer; writing it back keeps the secret."""

_CLOUD_SECRETS = ("awsSecretAccessKey", "googleKey", "azureClientSecret")

ENDPOINT_SECRETS: dict[str, tuple[str, ...]] = {
    "docker": ("password", "token", *_CLOUD_SECRETS),
    "k8s": ("token", "password", "certKeyData", "proxyPassword", *_CLOUD_SECRETS),
    "git": ("password", "token", "privateKey", "passphrase"),
    "email": ("outboundPassword",),
    "slack": ("url", "token"),
    "teams": ("url",),
    "discord": ("url",),
    "pagerduty": ("routingKey",),
    "webhook": ("secret", "token"),
}
"""Secret keys within an endpoint's `properties`, by endpoint type; of any other type what a name tells."""

_TELLING = re.compile(r"pass(?:$|w|phrase|code)|pwd|token|secret|key|credential|authorization|cookie", re.IGNORECASE)
_PUBLIC = re.compile(r"public_?-?key", re.IGNORECASE)

SENT_SECRETS = frozenset({"password", "token", "outboundPassword", "proxyPassword", *_CLOUD_SECRETS})
"""Those that are sent to a server, or that a token is made of which is; the others only sign, or are the address."""

ANY_SECRET = frozenset(key for keys in ENDPOINT_SECRETS.values() for key in keys) - {"url"}

RESTRICTED_TYPE = "RESTRICTED"
"""The type of a variable that administrators of its project alone may use."""
SECRET_VARIABLE_TYPES = frozenset({"SECRET", RESTRICTED_TYPE})
WEBHOOK_SECRETS = ("secretToken", "refreshToken")
LISTENER_SECRETS = ("apiToken",)


def endpoint_secret_keys(endpoint_type: str, properties: Mapping[str, Any] | None = None) -> frozenset[str]:
    """The secret property names of an endpoint type; of one that is not known here, those of `properties` that look it.

    Better to hide a harmless value than to show a secret; but a yes or no is never a secret, whatever its name.
    """
    type_ = endpoint_type.lower()
    names = ENDPOINT_SECRETS.get(type_)
    if names is not None and not (type_ == "docker" and is_docker_host(properties or {})):
        old = {name.casefold() for name, new in OLD_NAMES.get(type_, {}).items() if new in names}
        return frozenset(names) | {name for name in properties or {} if name.casefold() in old}
    return frozenset(name for name, value in (properties or {}).items() if _tells(name) and not isinstance(value, bool))


def _tells(name: str) -> bool:
    return _TELLING.search(_PUBLIC.sub("", name)) is not None
