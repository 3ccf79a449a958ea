"""Signatures of a body: which header holds one, how it is computed, whether it fits. Pure.

The secret is the webhook's secure token, the only secret that sender and gateway share: it stands in the Hook URL and
is set as the registry's signing secret too. What is signed are the raw bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.pushes import BodySignature


@dataclass(frozen=True, slots=True)
class Check:
    """One header: `prefix` and the hex HMAC of the body."""

    header: str
    """As WSGI names it."""
    algorithm: Callable[..., Any]
    prefix: str = ""
    or_secret: bool = False
    """The sender puts the secret itself there when it does not sign."""


CHECKS: tuple[Check, ...] = (
    Check("HTTP_X_HUB_SIGNATURE_256", hashlib.sha256, "sha256="),
    Check("HTTP_X_GITEA_SIGNATURE", hashlib.sha256),
    Check("HTTP_X_JFROG_EVENT_AUTH", hashlib.sha256, or_secret=True),
    Check("HTTP_X_NEXUS_WEBHOOK_SIGNATURE", hashlib.sha1),
    Check("HTTP_X_HUB_SIGNATURE", hashlib.sha1, "sha1="),
)
"""GitHub and Gitea; Gitea and Forgejo; Artifactory; Nexus; older senders. The first that is there decides."""


def check(environ: Mapping[str, Any], body: bytes, secret: str) -> BodySignature:
    """Whether a body is signed with that secret. Compared in constant time."""
    for header_check in CHECKS:
        if signature := environ.get(header_check.header):
            fits = _fits(header_check, str(signature), body, secret)
            return BodySignature.GOOD if fits else BodySignature.WRONG
    return BodySignature.MISSING


def _fits(header_check: Check, signature: str, body: bytes, secret: str) -> bool:
    expected = header_check.prefix + hmac.new(secret.encode(), body, header_check.algorithm).hexdigest()
    if header_check.or_secret and hmac.compare_digest(signature.strip().encode(), secret.encode()):
        return True
    return hmac.compare_digest(signature.strip().encode(), expected.encode())
