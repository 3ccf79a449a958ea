"""Field sets as server-side apply sees them: which leaf belongs to whom, how lists with keys merge.

A path is a tuple of the elements of `fieldsV1`: `f:<field>`, `k:<keys as JSON>` for an item of a keyed list,
`v:<value>` for a member of a set, and a last `.` for the item itself.
"""

from __future__ import annotations

import copy
import json
from typing import Any

Path = tuple[str, ...]
Obj = dict[str, Any]

_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "secrets": ("name",),
}
_SETS = frozenset({"finalizers"})
_ATOMIC_MAPS = frozenset(
    {"selector", "nodeSelector", "fieldRef", "configMapKeyRef", "secretKeyRef", "resourceFieldRef"}
)
_IGNORED_METADATA = frozenset(
    {"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink", "name", "namespace"}
)
MISSING = object()


def list_keys(names: Path, custom: bool) -> tuple[str, ...]:
    """The keys of the list at `names` (plain field names, outermost first); empty for an atomic list."""
    if custom and names[:1] != ("metadata",):
        return ()
    last = names[-1] if names else ""
    if last == "ports":
        if len(names) > 1 and names[-2] in ("containers", "initContainers", "ephemeralContainers"):
            return ("containerPort", "protocol")
        return ("port", "protocol") if names == ("spec", "ports") else ()
    return _LIST_KEYS.get(last, ())


def _key_of(item: Obj, keys: tuple[str, ...]) -> str:
    values = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return "k:" + json.dumps(values, separators=(",", ":"), sort_keys=True)


def _names(path: Path) -> Path:
    return tuple(part[2:] for part in path if part.startswith("f:"))


def field_set(obj: Obj, *, custom: bool = False, status: bool = False) -> set[Path]:
    """Every leaf of `obj` that can be owned; `status` counts only for writes to that subresource."""
    paths: set[Path] = set()
    for field, value in obj.items():
        if field in ("apiVersion", "kind") or (field == "status" and not status):
            continue
        if field == "metadata":
            value = {name: part for name, part in (value or {}).items() if name not in _IGNORED_METADATA}
            if not value:
                continue
        _walk(value, (f"f:{field}",), custom, paths)
    return paths


def _walk(value: Any, path: Path, custom: bool, paths: set[Path]) -> None:
    names = _names(path)
    if isinstance(value, dict) and value and not (not custom and names[-1] in _ATOMIC_MAPS):
        for field, part in value.items():
            _walk(part, (*path, f"f:{field}"), custom, paths)
        return
    if isinstance(value, list):
        keys = list_keys(names, custom)
        if keys and all(isinstance(item, dict) for item in value):
            for item in value:
                item_path = (*path, _key_of(item, keys))
                paths.add((*item_path, "."))
                for field, part in item.items():
                    _walk(part, (*item_path, f"f:{field}"), custom, paths)
            return
        if names[-1] in _SETS:
            paths.update((*path, "v:" + json.dumps(item)) for item in value)
            return
    paths.add(path)


def _find_item(items: list[Any], element: str) -> int:
    if element.startswith("v:"):
        value = json.loads(element[2:])
        return items.index(value) if value in items else -1
    keys = json.loads(element[2:])
    for index, item in enumerate(items):
        if isinstance(item, dict) and _key_of(item, tuple(keys)) == element:
            return index
    return -1


def value_at(obj: Any, path: Path) -> Any:
    """The value at `path`, or MISSING."""
    for element in path:
        if element == ".":
            return True
        if element.startswith("f:"):
            if not isinstance(obj, dict) or element[2:] not in obj:
                return MISSING
            obj = obj[element[2:]]
        else:
            index = _find_item(obj, element) if isinstance(obj, list) else -1
            if index < 0:
                return MISSING
            obj = obj[index]
    return obj


def remove_at(obj: Any, path: Path) -> None:
    """Remove the value at `path`, and parents that became empty with it."""
    trail: list[tuple[Any, Any]] = []
    parent = obj
    for element in path:
        if element == ".":
            break
        step: Any = element[2:]
        if not element.startswith("f:"):
            step = _find_item(parent, element) if isinstance(parent, list) else -1
            if step < 0:
                return
        elif not isinstance(parent, dict) or step not in parent:
            return
        trail.append((parent, step))
        parent = parent[step]
    for depth, (holder, step) in enumerate(reversed(trail)):
        if depth and holder[step] not in ({}, []):
            return
        del holder[step]


def merge(live: Any, applied: Any, names: Path, custom: bool) -> Any:
    """`applied` laid over `live`, by the rules of the lists' keys."""
    if isinstance(live, dict) and isinstance(applied, dict):
        if names and not custom and names[-1] in _ATOMIC_MAPS:
            return copy.deepcopy(applied)
        merged = dict(live)
        for field, value in applied.items():
            merged[field] = merge(live.get(field, MISSING), value, (*names, field), custom)
        return merged
    if isinstance(live, list) and isinstance(applied, list):
        keys = list_keys(names, custom)
        if keys and all(isinstance(item, dict) for item in live + applied):
            items = list(live)
            for item in applied:
                index = _find_item(items, _key_of(item, keys))
                if index < 0:
                    items.append(copy.deepcopy(item))
                else:
                    items[index] = merge(items[index], item, names, custom)
            return items
        if names and names[-1] in _SETS:
            return live + [item for item in applied if item not in live]
    return copy.deepcopy(applied)


def to_v1(paths: set[Path]) -> Obj:
    """The nested form of `fieldsV1`."""
    tree: Obj = {}
    for path in sorted(paths):
        branch = tree
        for element in path:
            branch = branch.setdefault(element, {})
    return tree


def from_v1(tree: Obj, prefix: Path = ()) -> set[Path]:
    """The paths of a `fieldsV1`."""
    paths: set[Path] = set()
    for element, below in tree.items():
        path = (*prefix, element)
        paths |= from_v1(below, path) if below else {path}
    return paths


def readable(path: Path) -> str:
    """`.spec.template.spec.containers[name="web"].image`, as conflicts name a field."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("k:"):
            pairs = json.loads(element[2:])
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in pairs.items()) + "]"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
    return text
