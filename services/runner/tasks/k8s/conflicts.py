"""Whose fields an apply would write over, from what the API server says of it. Pure."""

from __future__ import annotations

import re

from .errors import ClusterError
from .manifests import MANAGER, Ref

_OWNER = re.compile(r'conflict(?:s)? with "([^"]+)"(?: [^:\n]{0,200})?:\s*([^\n]*(?:\n- [^\n]+)*)')


def ours_alone(error: ClusterError) -> bool:
    """Whether all the fields in conflict are our own: a PATCH of ours owns what it changed beside our applies."""
    owners = _OWNER.findall(error.message)
    return error.status == 409 and bool(owners) and all(manager == MANAGER for manager, _ in owners)


def words(ref: Ref, error: ClusterError) -> str:
    """Who owns what, and what to do about it."""
    others = [(manager, fields) for manager, fields in _OWNER.findall(error.message) if manager != MANAGER]
    if not others:
        return f"{error.message} Apply again, or set `force: true` to take the fields over."
    owners = "; ".join(f"{manager} owns {_fields(fields)}" for manager, fields in others)
    return (
        f"{ref} is partly managed by others: {owners}. Take those fields out, or set `force: true` to take them over."
    )


def _fields(text: str) -> str:
    return ", ".join(part.strip(" -") for part in re.split(r"\n-|\n", text) if part.strip(" -"))
