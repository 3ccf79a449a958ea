"""What every way outside needs: certificates that are accepted, and the reason of a failure in few words."""

from __future__ import annotations

import ssl
from typing import Any

from requests.adapters import HTTPAdapter


def tls(ca_pem: str = "", fingerprint: str = "") -> dict[str, Any]:
    """Options of a urllib3 pool that trusts one more authority, or accepts exactly one certificate (SHA-256)."""
    if fingerprint.strip():
        pinned = fingerprint.strip().removeprefix("SHA256:").replace(":", "").lower()
        # The fingerprint says more than a chain of authorities would.
        return {"assert_fingerprint": pinned, "cert_reqs": "CERT_NONE"}
    if ca_pem.strip():
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=ca_pem)
        return {"ssl_context": context}
    return {}


class Trusting(HTTPAdapter):
    """A transport of requests with those options."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **{**more, **self._options})


def why(error: BaseException) -> str:
    """The innermost reason in few words."""
    innermost: BaseException = error
    for _ in range(10):
        inner = getattr(innermost, "reason", None)
        inner = inner if isinstance(inner, BaseException) else innermost.__cause__ or innermost.__context__
        if inner is None and innermost.args and isinstance(innermost.args[0], BaseException):
            inner = innermost.args[0]
        if inner is None:
            break
        innermost = inner
    text = str(innermost)
    if "timed out" in text or isinstance(innermost, TimeoutError):
        return "no answer in time"
    if "fingerprint" in text.lower():
        return "its certificate is not the one that was accepted"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted; give its CA or accept its fingerprint"
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text:
        return "it does not speak TLS; should the address begin with http://?"
    if "resolve" in text or "Name or service not known" in text or "nodename" in text:
        return "its name cannot be resolved"
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror.lower()
    return type(innermost).__name__
