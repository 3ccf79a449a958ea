"""Why a connection failed, in few words for people; never the text of an exception that may quote what was sent."""

from __future__ import annotations

from shared.process.errors import innermost


def explain(error: BaseException) -> str:
    """The innermost reason, to follow `Cannot reach …: `."""
    cause = innermost(error)
    text = str(cause)
    for part, words in _KNOWN:
        if part in text.lower():
            return words
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return type(cause).__name__


_KNOWN = (
    ("timed out", "no answer in time"),
    ("fingerprint", "its certificate is not the one that was accepted"),
    ("certificate_verify_failed", "its certificate is not trusted; give its CA or accept its fingerprint"),
    ("wrong_version_number", "it does not speak TLS; should the address begin with http://?"),
    ("record layer", "it does not speak TLS; should the address begin with http://?"),
    ("resolve", "its name cannot be resolved"),
    ("name or service not known", "its name cannot be resolved"),
    ("nodename", "its name cannot be resolved"),
    ("not a valid host name", "its name cannot be resolved"),
)
