"""Which server certificates an endpoint's connections take.

What the system's authorities vouch for is taken and never pinned: public services renew their certificates several
times a year. Beside those an endpoint may keep a private authority, or the fingerprint of one accepted certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection

from shared.process.errors import causes

DISTRUSTED, CHANGED = "certificate-not-trusted", "certificate-changed"


@dataclass(frozen=True, slots=True)
class Trust:
    """What an endpoint trusts besides the system's authorities."""

    fingerprint: str = ""
    """SHA-256 of the accepted certificate: lower-case hex without colons."""
    authority: str = ""
    """PEM."""


SYSTEM = Trust()
"""The system's authorities alone."""


def trust_of(properties: Mapping[str, Any]) -> Trust:
    """From an endpoint's `fingerprint` and `caCertificate`."""
    return Trust(plain(str(properties.get("fingerprint") or "")), str(properties.get("caCertificate") or "").strip())


def plain(fingerprint: str) -> str:
    """A fingerprint as it is compared: `SHA256:AA:BB` is `aabb`."""
    text = fingerprint.strip().lower()
    return text.removeprefix("sha256:").removeprefix("sha-256:").replace(":", "").replace(" ", "")


def context(trust: Trust, *, alone: bool = False) -> ssl.SSLContext:
    """A context that verifies by the system's authorities and the endpoint's own, or by the latter alone. Raises
    `ssl.SSLError` for a PEM that is none."""
    tls = ssl.create_default_context(cadata=trust.authority if alone else None)
    # Private authorities are often made without the extensions that Python 3.13 began to insist on.
    tls.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if trust.authority:
        # One certificate may stand for itself, without what signed it.
        tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        tls.load_verify_locations(cadata=trust.authority)
    return tls


class TrustingConnection(HTTPSConnection):
    """Takes what the authorities vouch for, else the one certificate that was accepted."""

    accepted = ""

    def connect(self) -> None:
        """Connect as urllib3 does; a certificate that nobody vouches for is compared with the accepted one."""
        try:
            return super().connect()
        except ssl.SSLCertVerificationError:
            if not self.accepted:
                raise
        # A handshake that failed ends its connection: this takes a second one.
        self.cert_reqs, self.ssl_context, self.assert_fingerprint = "CERT_NONE", None, self.accepted
        return super().connect()


def pools(trust: Trust, *, secure: type[HTTPSConnection] = TrustingConnection) -> dict[str, Any]:
    """urllib3's pool classes by scheme, with connections that take the accepted certificate."""
    connection = type("Connection", (secure,), {"accepted": trust.fingerprint})
    return {
        "http": HTTPConnectionPool,
        "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": connection}),
    }


def certificate_trouble(error: BaseException) -> str:
    """`DISTRUSTED`, `CHANGED`, or nothing when the failure had another cause."""
    for cause in causes(error):
        text = str(cause)
        if "Fingerprints did not match" in text:
            return CHANGED
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in text:
            return DISTRUSTED
    return ""
