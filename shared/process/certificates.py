"""When certificates end, and what is wrong with the files that a server shows."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

_KEY_OF_ANOTHER = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
"""OpenSSL's reasons, as `ssl.SSLError.reason` has them."""


def ends(pem: bytes) -> tuple[float, ...]:
    """When each certificate of a PEM text ends, in its order and in seconds since the epoch. Raises `ValueError`."""
    return tuple(certificate.not_valid_after_utc.timestamp() for certificate in load_pem_x509_certificates(pem))


def flaw_of_files(certificate: str, key: str) -> str:
    """Why a server cannot show this certificate, in a sentence that names the file; empty when it can.

    Both are paths of PEM files; without a `key` its file is the certificate's.
    """
    key = key or certificate
    for path, marker, content in (
        (certificate, b"-----BEGIN CERTIFICATE-----", "no certificate in PEM"),
        (key, b"PRIVATE KEY-----", "no private key in PEM"),
    ):
        try:
            if marker not in Path(path).read_bytes():
                return f"{path} holds {content}"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
    try:
        # Without a password OpenSSL asks the terminal for one.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason in _KEY_OF_ANOTHER:
            return f"the key in {key} is not that of the certificate in {certificate}, which must come first there"
        if b"ENCRYPTED" in Path(key).read_bytes():
            return f"the key in {key} is encrypted; write it without a passphrase"
        return f"{certificate} with {key}: {error.reason or error}"
    return ""
