"""When the certificates that definitions hold end. Pure."""

from __future__ import annotations

from functools import lru_cache

from cryptography.x509 import load_pem_x509_certificates


@lru_cache(4096)
def end_of(pem: str) -> float | None:
    """When the last certificate of a PEM text ends, in seconds since the epoch; None for what cannot be read.

    The last, since a bundle of authorities serves until none of them is good.
    """
    try:
        certificates = load_pem_x509_certificates(pem.encode())
    except ValueError:
        return None
    return max(certificate.not_valid_after_utc.timestamp() for certificate in certificates)
