"""Who owns which field: `metadata.managedFields` under applies and under other writes."""

from __future__ import annotations

import copy
from typing import Any

from . import fields
from .errors import Obj, apply_conflict


def _entries(obj: Obj) -> list[Obj]:
    return list(obj.get("metadata", {}).get("managedFields") or ())


def _entry(manager: str, operation: str, api_version: str, now: str, paths: set[fields.Path], sub: str) -> Obj:
    entry: Obj = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.to_v1(paths),
    }
    if sub:
        entry["subresource"] = sub
    return entry


def _is(entry: Obj, manager: str, operation: str, sub: str) -> bool:
    return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (manager, operation, sub)


def apply(live: Obj | None, applied: Obj, *, manager: str, force: bool, now: str, custom: bool, sub: str = "") -> Obj:
    """The object after `manager` applied `applied`: merged, its dropped fields removed, ownership written.

    Raises 409 with the other owners when values differ and `force` is not given.
    """
    base = copy.deepcopy(live) if live else {}
    applied_paths = fields.field_set(applied, custom=custom, status=bool(sub))
    others: list[tuple[Obj, set[fields.Path]]] = []
    before: set[fields.Path] = set()
    for entry in _entries(base):
        paths = fields.from_v1(entry.get("fieldsV1") or {})
        if _is(entry, manager, "Apply", sub):
            before = paths
        else:
            others.append((entry, paths))
    differing = {path for path in applied_paths if fields.value_at(base, path) != fields.value_at(applied, path)}
    conflicts = [
        (_owner(entry), fields.readable(path))
        for entry, paths in others
        for path in sorted(paths & differing)
        if path[-1] != "."
    ]
    if conflicts and not force:
        raise apply_conflict(conflicts)
    merged: Obj = fields.merge(base, applied, (), custom)
    kept = set().union(*(paths for _, paths in others)) if others else set()
    for path in sorted(before - applied_paths, key=len, reverse=True):
        if path not in kept and not (path[-1] == "." and any(own[: len(path) - 1] == path[:-1] for own in kept)):
            fields.remove_at(merged, path)
    entries = [_entry(manager, "Apply", applied["apiVersion"], now, applied_paths, sub)]
    for entry, paths in others:
        rest = paths - differing
        if rest:
            entries.append(entry | {"fieldsV1": fields.to_v1(rest)})
    _write(merged, live, entries)
    return merged


def _owner(entry: Obj) -> str:
    text = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    return text if entry["operation"] == "Apply" else f"{text} using {entry['apiVersion']}"


def update(old: Obj | None, new: Obj, *, manager: str, now: str, custom: bool, sub: str = "") -> None:
    """Write into `new` who owns what after a create, replace or patch by `manager`."""
    before: Any = old or {}
    paths_before = fields.field_set(before, custom=custom, status=bool(sub))
    paths_now = fields.field_set(new, custom=custom, status=bool(sub))
    changed = {path for path in paths_now if fields.value_at(before, path) != fields.value_at(new, path)}
    removed = paths_before - paths_now
    entries: list[Obj] = []
    mine: set[fields.Path] = set()
    for entry in _entries(before):
        paths = fields.from_v1(entry.get("fieldsV1") or {})
        if _is(entry, manager, "Update", sub):
            mine = paths
            continue
        kept = paths - changed - removed if entry.get("subresource", "") == sub else paths
        if kept:
            entries.append(entry | {"fieldsV1": fields.to_v1(kept)})
    mine = (mine | changed) - removed
    if mine:
        entries.append(_entry(manager, "Update", new["apiVersion"], now, mine, sub))
    _write(new, old, entries)


def _write(obj: Obj, old: Obj | None, entries: list[Obj]) -> None:
    kept = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry for entry in _entries(old or {})
    }
    result = []
    for entry in entries:
        before = kept.get((entry["manager"], entry["operation"], entry.get("subresource", "")))
        same = before is not None and before["fieldsV1"] == entry["fieldsV1"]
        # An unchanged entry keeps its time, so that a write that changes nothing is recognised as one.
        result.append(before if same and before is not None else entry)
    obj.setdefault("metadata", {})["managedFields"] = result
