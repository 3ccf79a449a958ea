"""What to try next where an address, a method or an object was not found. Pure.

Composed from the table of routes, so that a hint never names an address that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.grammar.names import did_you_mean, nearest

from .routes import PREFIXES, ROUTES

_COLLECTIONS = frozenset(
    route.path.removeprefix("/")
    for route in ROUTES
    if route.method == "GET" and not route.absolute and "/" not in route.path.removeprefix("/")
)
"""What can be read without naming an object, by its one word."""
_ABSOLUTE = tuple(route.path for route in ROUTES if route.absolute and "{" not in route.path)
_LONGEST = 200
"""Characters of an address that are compared with ours."""


def unknown_address(path: str) -> str:
    """Which address was probably meant, and where all of them are."""
    prefix, word = _split(path[:_LONGEST])
    if prefix:
        meant = " or ".join(f"{prefix}/{collection}" for collection in _like(word))
    else:
        meant = nearest(path[:_LONGEST], _ABSOLUTE, cutoff=0.7) or ""
    hint = did_you_mean(meant)
    return f"{hint[:1].upper()}{hint[1:]} GET /openapi.json lists all addresses; /docs/api explains them.".strip()


def wrong_method(allowed: Iterable[str]) -> str:
    """Which methods an address supports; HEAD and OPTIONS are everywhere."""
    methods = sorted(set(allowed) - {"HEAD", "OPTIONS"})
    return f"Use {' or '.join(methods)}." if methods else "See /docs/api for what is supported."


def unknown_object(path: str) -> str:
    """Where the objects of an address are listed; empty where they are in no list."""
    prefix, word = _split(path)
    if not prefix or word not in _COLLECTIONS or path.rstrip("/") == f"{prefix}/{word}":
        return ""
    return f"GET {prefix}/{word} lists those that you may read."


def _like(word: str) -> list[str]:
    holding = sorted(collection for collection in _COLLECTIONS if len(word) > 3 and word in collection)
    near = nearest(word, _COLLECTIONS, cutoff=0.6)
    return holding[:3] or ([near] if near else [])


def _split(path: str) -> tuple[str, str]:
    """Our prefix, blank for an address of another's, and the first word below it."""
    prefix = next((prefix for prefix in PREFIXES if path.startswith(f"{prefix}/")), "")
    return prefix, path.removeprefix(f"{prefix}/").partition("/")[0]
