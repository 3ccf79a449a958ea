"""What is kept of a payload: short, without secrets, and storable anywhere."""

from __future__ import annotations

import math
import re
from typing import Any

from shared.contracts.base import Json
from shared.contracts.secrets import MASK
from shared.contracts.texts import UNKEEPABLE

MAX_TEXT = 1_000
"""Descriptions reach 25 kB and a `dockerfile` has no bound: nobody reads them here."""
MAX_ITEMS = 100
MAX_DEPTH = 12
MAX_INTEGER = 2**63 - 1

_SECRET_KEY = re.compile(r"pass(word|wd|phrase)|secret|token|authorization|api_?key|credential", re.IGNORECASE)


def clean_text(value: str, limit: int = MAX_TEXT) -> str:
    """Cut, and free of what a database or UTF-8 cannot hold (NUL, lone surrogates)."""
    cut = value if len(value) <= limit else value[:limit] + "…"
    return UNKEEPABLE.sub("\ufffd", cut) if UNKEEPABLE.search(cut) else cut


def _trim(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return clean_text(value)
    if kind is dict:
        if depth >= MAX_DEPTH:
            return "…"
        kept: Json = {}
        for key, item in value.items():
            if len(kept) >= MAX_ITEMS:
                kept["…"] = f"{len(value) - MAX_ITEMS} more"
                break
            secret = isinstance(item, str | list | dict) and item and _SECRET_KEY.search(key)
            kept[clean_text(key, 200)] = MASK if secret else _trim(item, depth + 1)
        return kept
    if kind is list:
        if depth >= MAX_DEPTH:
            return "…"
        items = [_trim(item, depth + 1) for item in value[:MAX_ITEMS]]
        return items if len(value) <= MAX_ITEMS else [*items, f"… {len(value) - MAX_ITEMS} more"]
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int and abs(value) > MAX_INTEGER:
        return str(value)[:MAX_TEXT]
    return value


def trim(body: Json) -> Json:
    """The payload as Activity keeps it."""
    trimmed: Json = _trim(body, 0)
    return trimmed
