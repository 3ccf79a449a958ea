"""Values that are too large or too deep to be kept: a mark stands in place of what is cut. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts.bounds import MAX_DEPTH, TOO_DEEP, TOO_MANY_NODES, excess, is_within, size_of

CUT_MARK = "portside.cut"
"""Key of the object that replaces a part that was cut; its value is the size in bytes, or says what was too much."""


def fitted(value: Any, limit: int) -> Any:
    """A JSON value within `limit` bytes and the bounds on depth and nodes, its largest parts cut where it is not."""
    if is_within(value, limit):
        return value
    shallow = cut_deep(value)
    return cut(shallow, limit) if not excess(shallow) else {CUT_MARK: TOO_MANY_NODES}


def cut_deep(value: Any, levels: int = MAX_DEPTH) -> Any:
    """The value with a mark in place of each collection that reaches deeper than this many levels."""
    if not isinstance(value, dict | list | tuple):
        return value
    parts = value.values() if isinstance(value, dict) else value
    if levels == 1 and any(isinstance(part, dict | list | tuple) for part in parts):
        return {CUT_MARK: TOO_DEEP}
    if isinstance(value, dict):
        return {key: cut_deep(part, levels - 1) for key, part in value.items()}
    return [cut_deep(part, levels - 1) for part in value]


def cut(value: Any, limit: int) -> Any:
    """The value with its largest parts replaced by a mark until it fits into `limit` bytes of JSON."""
    total = size_of(value)
    if total <= limit:
        return value
    if isinstance(value, dict) and value:
        return _cut_parts(value, total, limit)
    if isinstance(value, list) and value:
        kept = _cut_parts(dict(enumerate(value)), total, limit)
        return [kept[index] for index in range(len(value))] if len(kept) == len(value) else {CUT_MARK: total}
    return {CUT_MARK: total}


def _cut_parts(parts: dict[Any, Any], total: int, limit: int) -> dict[Any, Any]:
    """Cut within the largest part, as far down as one part alone is to blame."""
    sizes = {key: size_of(part) for key, part in parts.items()}
    kept = dict(parts)
    for key, taken in sorted(sizes.items(), key=lambda pair: pair[1], reverse=True):
        room = limit - (total - taken)
        kept[key] = cut(parts[key], room) if room > taken // 4 and room > 1024 else {CUT_MARK: taken}
        total += size_of(kept[key]) - taken
        if total <= limit:
            return kept
    return {CUT_MARK: sum(sizes.values())}


def has_cut(value: Any) -> bool:
    """Whether some part of a value was cut."""
    if isinstance(value, Mapping):
        return CUT_MARK in value or any(map(has_cut, value.values()))
    return isinstance(value, list | tuple) and any(map(has_cut, value))
