"""The TLS context of the gateway's own certificate, read again when its files change."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from shared.contracts.times import day
from shared.process import certificates
from shared.process.logging import get_logger

CHECK_EVERY_S = 10.0
NAMED_AHEAD_S = 30 * 86_400.0
"""So long before its end Health names a certificate."""


class ServerCertificate:
    """Gives the context for new connections. A renewed certificate counts within seconds; a broken one never does."""

    def __init__(self, certificate: str, key: str) -> None:
        self._files = tuple(Path(path) for path in (certificate, key) if path)
        self._stamp = self._stamps()
        self._context = self._load()
        self._checked_at = float("-inf")

    def context(self, at: float) -> ssl.SSLContext:
        """The context; `at` in monotonic seconds."""
        if at - self._checked_at > CHECK_EVERY_S:
            self._checked_at = at
            self._reload()
        return self._context

    def _reload(self) -> None:
        try:
            stamp = self._stamps()
            if stamp != self._stamp:
                self._context, self._stamp = self._load(), stamp
        except OSError as error:  # Also of ssl: a key that does not belong to the certificate, or half a file.
            get_logger().warning("certificate.not-reloaded", reason=error.strerror or str(error))

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate, *key = map(os.fspath, self._files)
        context.load_cert_chain(certificate, *key)
        return context

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        return tuple((status.st_mtime_ns, status.st_ino) for status in (file.stat() for file in self._files))


def ending_note(file: Path, at: float) -> str:
    """For Health: the certificate of a PEM file ends soon or has ended; else empty. `at` in seconds since the epoch."""
    try:
        ends_at = certificates.ends(file.read_bytes())[0]
    except (OSError, ValueError):
        return ""
    if ends_at > at + NAMED_AHEAD_S:
        return ""
    verb = "ends" if ends_at > at else "ended"
    return (
        f"The certificate that this gateway shows ({file}) {verb} on {day(ends_at)}. "
        "Put a new one in its place; it counts within seconds."
    )
