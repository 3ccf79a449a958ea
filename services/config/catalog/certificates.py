"""When the certificates that definitions hold end. Pure."""

from __future__ import annotations

from functools import lru_cache

from shared.process.certificates import ends


@lru_cache(4096)
def end_of(pem: str) -> float | None:
    """When the last certificate of a PEM text ends, in seconds since the epoch; None for what cannot be read.

    The last, since a bundle of authorities serves until none of them is good.
    """
    try:
        return max(ends(pem.encode()))
    except ValueError:
        return None
