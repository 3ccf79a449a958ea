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
    nulls: dict[str, Any] = {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return nulls
    for key, value in before.items():
        if isinstance(value, dict) and key not in after:
            nulls[key] = None
        elif isinstance(value, dict) and (inner := _nulls(value, after[key])):
            nulls[key] = inner
        elif isinstance(value, list) and (members := _members(value, after.get(key))):
            nulls[key] = members
    return nulls


def _members(before: list[Any], after: Any) -> list[dict[str, Any]]:
    """The same within a list whose members have names, as containers have."""
    named = _by_name(after)
    pairs = ((member, named.get(name)) for name, member in _by_name(before).items())
    return [{"name": member["name"], **inner} for member, other in pairs if (inner := _nulls(member, other))]


def _by_name(members: Any) -> dict[str, dict[str, Any]]:
    listed = members if isinstance(members, list) else ()
    return {
        member["name"]: member for member in listed if isinstance(member, dict) and isinstance(member.get("name"), str)
    }


def _put_in(body: dict[str, Any], nulls: dict[str, Any]) -> None:
    for key, value in nulls.items():
        if value is None:
            body[key] = None
        elif isinstance(value, dict):
            _put_in(body[key], value)
        else:
            named = _by_name(body[key])
            for member in value:
                _put_in(named[member["name"]], {part: sub for part, sub in member.items() if part != "name"})
