"""Tolerant readings of single values: every field of every payload may be missing, null or of another type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.gateway.receiver.trimming import clean_text
from shared.contracts.base import Json
from shared.contracts.pushes import Push
from shared.contracts.texts import finite, whole_number
from shared.contracts.times import epoch_or_none
from shared.grammar.repositories import HUB_HOST, registry_name

MAX_NAME = 512
_YEAR_9999_S = 253_402_300_799
_MILLISECONDS_FROM = 1e11
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}\Z")


@dataclass(frozen=True, slots=True)
class ParsedPayload:
    """What a body says: pushes, or the sentence that says why there are none."""

    pushes: tuple[Push, ...] = ()
    problem: str | None = None
    not_a_push: bool = False
    """A notification of something else (a pull, a ping): answered kindly, recorded nowhere."""


def dig(body: Any, path: str) -> Any:
    """The value at a dotted path; a number steps into a list; None when any step is missing."""
    for step in path.split("."):
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and (index := whole_number(step)) is not None and index < len(body):
            body = body[index]
        else:
            return None
    return body


def table(value: Any) -> Json:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A short non-empty text; whole numbers count, since some senders forget the quotes."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        value = str(value) if abs(value) < 10**18 else ""
    if not isinstance(value, str):
        return None
    value = value.strip()
    return clean_text(value, MAX_NAME) if value else None


def first_text(values: Iterable[Any]) -> str | None:
    """The first value that is a text."""
    return next((first for value in values if (first := text(value)) is not None), None)


def seconds(value: Any) -> float | None:
    """A time as seconds since the epoch, from a number (also as text, also in milliseconds) or an ISO 8601 text."""
    if isinstance(value, bool) or value is None:
        return None
    seconds = finite(value)
    if seconds is None:
        return epoch_or_none(value)
    if seconds <= 0:
        return None
    if seconds >= _MILLISECONDS_FROM:
        seconds /= 1000
    return seconds if seconds <= _YEAR_9999_S else None


def digest(value: Any) -> str | None:
    """A digest with its algorithm; a bare 64-digit hex number is sha256."""
    digest = text(value)
    if digest is None:
        return None
    # Some write the whole reference.
    digest = digest.rpartition("@")[2]
    if re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        return f"sha256:{digest.lower()}"
    return digest if _DIGEST.match(digest) else None


def hub_repository(value: str) -> str:
    """A Docker Hub repository as `namespace/name`; official images are under `library`."""
    host, _, rest = value.partition("/")
    value = (rest if rest and registry_name(host) == HUB_HOST else value).strip("/")
    return value if "/" in value or not value else f"library/{value}"
