"""Which fields are secrets: the gateway seals just these on the way in, config masks just these on the way out."""

from __future__ import annotations

MASK = "*****"
"""What stands for a secret in every answer; writing it back keeps the secret."""

ENDPOINT_SECRETS: dict[str, tuple[str, ...]] = {
    "docker": ("password", "token"),
    "k8s": ("token", "password", "certKeyData"),
    "git": ("password", "token", "privateKey", "passphrase"),
    "email": ("outboundPassword",),
    "slack": ("url", "token"),
    "webhook": ("secret", "token"),
    "jenkins": ("password",),
    "jira": ("password",),
}
"""Secret keys within an endpoint's `properties`, by endpoint type; an unknown type hides every key in ANY_SECRET."""

SENT_SECRETS = frozenset({"password", "token", "outboundPassword"})
"""Those that a server is told; the others only sign, or are themselves the address."""

ANY_SECRET = frozenset(key for keys in ENDPOINT_SECRETS.values() for key in keys) - {"url"}

SECRET_VARIABLE_TYPES = frozenset({"SECRET", "RESTRICTED"})
WEBHOOK_SECRETS = ("secretToken", "refreshToken")


def endpoint_secret_keys(endpoint_type: str) -> frozenset[str]:
    """The secret property names of an endpoint type."""
    return frozenset(ENDPOINT_SECRETS.get(endpoint_type.lower(), ANY_SECRET))
