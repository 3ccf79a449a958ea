"""The reason of a failed way outside, in few words."""

from __future__ import annotations


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
