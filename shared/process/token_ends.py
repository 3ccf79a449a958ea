"""When a token ends, where it says so itself. Pure."""

from __future__ import annotations

import math

import jwt

_LONGEST = 65_536
_LATEST = 253_402_300_799.0
"""The end of the year 9999, the last that a date can have."""


def token_end(text: str) -> float | None:
    """`exp` of a JSON Web Token (RFC 7519), in seconds since the epoch; None for any other text.

    The signature is not checked: nobody is let in by it, and who wrote the token only harms their own notice.
    """
    if len(text) > _LONGEST or text.count(".") != 2:
        return None
    try:
        ends_at = jwt.decode(text.strip(), options={"verify_signature": False}).get("exp")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    if isinstance(ends_at, bool) or not isinstance(ends_at, int | float) or not math.isfinite(ends_at):
        return None
    return float(ends_at) if 0 < ends_at <= _LATEST else None
