"""The certificates that a server shows, whether the system's authorities vouch for them, and what to accept."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from shared.contracts.base import Json
from shared.contracts.times import day
from shared.outbound.cancel_scope import CancelScope
from shared.outbound.guard import Guard, Reach
from shared.outbound.tls import Trust, context

TIMEOUT_S = 10.0
OVERALL_S = 25.0

Connect = Callable[[], socket.socket]


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate of a server."""

    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256 as `AA:BB:…`."""
        return self.certificate.fingerprint(SHA256()).hex(":").upper()

    @property
    def pem(self) -> str:
        """The certificate as text."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def subject(self) -> str:
        """Whom it names."""
        return self.certificate.subject.rfc4514_string() or "nobody"

    @property
    def is_authority(self) -> bool:
        """Whether it may sign others."""
        try:
            return bool(self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
        except x509.ExtensionNotFound:
            return False

    def document(self) -> Json:
        """In Code Stream's shape, with ours beside it."""
        return {
            "fingerprints": {"SHA-256": self.fingerprint},
            "subject": self.subject,
            "issuer": self.certificate.issuer.rfc4514_string(),
            "notBefore": day(self.certificate.not_valid_before_utc.timestamp()),
            "notAfter": day(self.certificate.not_valid_after_utc.timestamp()),
            "authority": self.is_authority,
            "pem": self.pem,
        }


@dataclass(frozen=True, slots=True)
class ServerCertificates:
    """What a server showed, the server's own certificate first."""

    vouched: bool
    """By the system's authorities: nothing is to be accepted."""
    why_not: str
    chain: tuple[Shown, ...]

    @property
    def own(self) -> Shown:
        """The server's own certificate."""
        return self.chain[0]

    def document(self) -> Json:
        """What `endpoint-certificate` answers."""
        return {
            "trusted": self.vouched,
            "reason": self.why_not,
            "fingerprint": self.own.fingerprint,
            "certificates": [certificate.document() for certificate in self.chain],
        }


def dial(url: str, guard: Guard, reach: Reach) -> tuple[str, Connect]:
    """Host of an https address, and how to connect to it. Raises `ValueError` for another address."""
    address = urlparse(url if "://" in url else f"https://{url}")
    if address.scheme != "https" or not address.hostname:
        raise ValueError(f"{url or 'The address'} does not begin with https://, so it shows no certificate.")
    host, port = address.hostname, address.port or 443
    return host, lambda: guard.connect(host, port, reach=reach, timeout_s=TIMEOUT_S)


def read_certificates(host: str, connect: Connect, trust: Trust) -> ServerCertificates:
    """Shake hands, verifying; where that fails once more without, to see what was shown. Raises `OSError`."""
    with CancelScope(OVERALL_S):
        try:
            return ServerCertificates(True, "", _chain(host, connect, context(trust)))
        except ssl.SSLCertVerificationError as error:
            bare = ssl.create_default_context()
            bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
            return ServerCertificates(False, error.verify_message.rstrip("."), _chain(host, connect, bare))


def acceptable(look: ServerCertificates, authority_property: str) -> Json:
    """The changes of an endpoint that would make it take what was shown: `certificate` pins the server's own,
    `authority` keeps the private authority that signed it, where the server sends that along."""
    offers: Json = {"certificate": {"properties": {"fingerprint": look.own.fingerprint}}}
    authority = next((certificate for certificate in reversed(look.chain[1:]) if certificate.is_authority), None)
    if authority is not None:
        offers["authority"] = {"properties": {authority_property: authority.pem, "fingerprint": ""}}
    return offers


def distrusted(url: str, look: ServerCertificates) -> str:
    """The sentence for a certificate that nobody vouches for."""
    return f"The certificate of {url} is not trusted ({look.why_not}): {_told(look.own)}."


def changed(url: str, look: ServerCertificates, trust: Trust, accepted_at: str) -> str:
    """The sentence for a certificate that is not the accepted one."""
    pinned = ":".join(trust.fingerprint[at : at + 2] for at in range(0, len(trust.fingerprint), 2)).upper()
    when = f" on {accepted_at}" if accepted_at else ""
    return f"{url} shows another certificate than the one that was accepted{when}, {pinned}: {_told(look.own)}."


def _told(entry: Shown) -> str:
    begins = entry.certificate.not_valid_before_utc.timestamp()
    ends = entry.certificate.not_valid_after_utc.timestamp()
    return f"{entry.fingerprint}, for {entry.subject}, valid from {day(begins)} to {day(ends)}"


def _chain(host: str, connect: Connect, how: ssl.SSLContext) -> tuple[Shown, ...]:
    with connect() as raw, how.wrap_socket(raw, server_hostname=host) as secured:
        ders = _sent(secured) or [secured.getpeercert(binary_form=True) or b""]
    return tuple(Shown(x509.load_der_x509_certificate(der)) for der in ders)


def _sent(secured: Any) -> list[bytes]:
    """All certificates that the server sent. Public since Python 3.13, and the same beneath before."""
    public = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return list(public())
    return [certificate.public_bytes(_DER) for certificate in secured._sslobj.get_unverified_chain() or ()]


_DER = 2
"""`_ssl.ENCODING_DER`."""
