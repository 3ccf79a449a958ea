"""Taking away what we set and the server has filled up.

Server-side apply takes away exactly the fields that we set. Where the server has added its own beside them (the
thresholds of a probe), the rest stays, and a probe without its handler is refused. A strategic merge patch that says
null takes the whole. Pure. https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import copy
from typing import Any

from .managed_fields import applied_by
from .manifests import Object


def clearing(live: Object, body: Object) -> Object | None:
    """The patch that makes the live object what `body` says, our maps taken away whole; None where there are none."""
    ours = applied_by(live)
    nulls = _nulls(ours.get("spec"), body.get("spec")) if ours is not None else None
    if not nulls:
        return None
    patch = copy.deepcopy(body)
    _put_in(patch.setdefault("spec", {}), nulls)
    return patch


def _nulls(before: Any, after: Any) -> dict[str, Any]:
    """Null for each map that is gone, at its place."""
    found: dict[str, Any] = {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return found
    for key, value in before.items():
        if isinstance(value, dict) and key not in after:
            found[key] = None
        elif isinstance(value, dict) and (inner := _nulls(value, after[key])):
            found[key] = inner
        elif isinstance(value, list) and (members := _members(value, after.get(key))):
            found[key] = members
    return found


def _members(before: list[Any], after: Any) -> list[dict[str, Any]]:
    """The same within a list whose members have names, as containers have."""
    named = {one["name"]: one for one in after or () if isinstance(one, dict) and "name" in one}
    pairs = ((one, named.get(one["name"])) for one in before if isinstance(one, dict) and "name" in one)
    return [{"name": one["name"], **inner} for one, other in pairs if (inner := _nulls(one, other))]


def _put_in(body: dict[str, Any], nulls: dict[str, Any]) -> None:
    for key, value in nulls.items():
        if value is None:
            body[key] = None
        elif isinstance(value, dict):
            _put_in(body[key], value)
        else:
            named = {one["name"]: one for one in body[key] if isinstance(one, dict) and "name" in one}
            for one in value:
                _put_in(named[one["name"]], {part: sub for part, sub in one.items() if part != "name"})
