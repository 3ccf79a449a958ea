"""When what definitions hold ends: certificates, tokens that say it, and secrets with a declared day. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.contracts.base import Json
from shared.contracts.times import day_of, epoch_or_none
from shared.process.certificates import ends

DECLARED = "secretExpiresOn"
"""The property that holds the declared day, `2027-03-31`."""
_CERTIFICATES = {
    "caCertificate": "The private authority",
    "certAuthorityData": "The authority of the cluster",
    "certData": "The client certificate",
}
"""Properties that hold one, with what it is."""
PROPERTIES = tuple(f'"{key}"' for key in (*_CERTIFICATES, DECLARED))
SECRETS = ('"ends_at"',)
"""What is in the stored properties, or in the sealed boxes, of all that `endings` finds something in."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends: `words` begin a sentence, `step` says what to do."""

    about: str
    """`certificate` or `secret`."""
    words: str
    at: float
    """Seconds since the epoch."""
    step: str


def endings(properties: Mapping[str, Any], secrets: Mapping[str, Json]) -> Iterator[Ending]:
    """All that an endpoint or a sign-in provider holds and whose end is known; `secrets` are its sealed boxes."""
    for key, words in _CERTIFICATES.items():
        ends_at = certificate_end(str(properties[key])) if properties.get(key) else None
        if ends_at is not None:
            yield Ending("certificate", words, ends_at, f"Put the new one into {key}.")
    for key, box in secrets.items():
        if (ends_at := box_end(box)) is not None:
            yield Ending("secret", f"The token ({key})", ends_at, f"Put a new one into {key}.")
    if (ends_at := epoch_or_none(properties.get(DECLARED))) is not None:
        step = f"Put in the new one, and its day into {DECLARED}."
        yield Ending("secret", "The secret", ends_at, step)


def box_end(box: Json | None) -> float | None:
    """When a sealed token ends; None for a secret that does not say it."""
    ends_at = (box or {}).get("ends_at")
    return float(ends_at) if isinstance(ends_at, int | float) else None


def is_day(text: str) -> bool:
    """Is it a day as `secretExpiresOn` takes it, `2027-03-31`?"""
    ends_at = epoch_or_none(text)
    return ends_at is not None and day_of(ends_at) == text


@lru_cache(4096)
def certificate_end(pem: str) -> float | None:
    """When the last certificate of a PEM text ends, in seconds since the epoch; None for what cannot be read.

    The last, since a bundle of authorities serves until none of them is good.
    """
    try:
        return max(ends(pem.encode()))
    except ValueError:
        return None
