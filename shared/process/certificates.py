"""When certificates end."""

from __future__ import annotations

from cryptography.x509 import load_pem_x509_certificates


def ends(pem: bytes) -> tuple[float, ...]:
    """When each certificate of a PEM text ends, in its order and in seconds since the epoch. Raises `ValueError`."""
    return tuple(certificate.not_valid_after_utc.timestamp() for certificate in load_pem_x509_certificates(pem))
