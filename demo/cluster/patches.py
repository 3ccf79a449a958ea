"""JSON merge patch and strategic merge patch; JSON patch, RFC 6902."""

from __future__ import annotations

import copy
from typing import Any

from . import fields
from .errors import Obj, bad_request


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = merge_patch(merged.get(field), value)
    return merged


def strategic_patch(target: Any, patch: Any, names: fields.Path = ()) -> Any:
    """Like a merge patch, but keyed lists merge by their first key and `$patch` directives count."""
    if isinstance(patch, dict):
        if patch.get("$patch") == "replace":
            return {field: copy.deepcopy(value) for field, value in patch.items() if field != "$patch"}
        merged = dict(target) if isinstance(target, dict) else {}
        for field, value in patch.items():
            if field.startswith("$"):
                continue
            if value is None:
                merged.pop(field, None)
            else:
                merged[field] = strategic_patch(merged.get(field), value, (*names, field))
        return merged
    if isinstance(patch, list):
        keys = fields.list_keys(names, custom=False)
        if keys and isinstance(target, list) and all(isinstance(item, dict) for item in patch):
            return _merge_items(list(target), patch, keys[0], names)
        if names and names[-1] == "finalizers" and isinstance(target, list):
            return target + [item for item in patch if item not in target]
    return copy.deepcopy(patch)


def _merge_items(items: list[Any], patch: list[Obj], key: str, names: fields.Path) -> list[Any]:
    for change in patch:
        at = next((index for index, item in enumerate(items) if item.get(key) == change.get(key)), -1)
        if change.get("$patch") == "delete":
            if at >= 0:
                del items[at]
        elif at >= 0:
            items[at] = strategic_patch(items[at], change, names)
        else:
            items.append(strategic_patch({}, change, names))
    return items


def json_patch(target: Obj, operations: Any) -> Obj:
    """RFC 6902."""
    if not isinstance(operations, list):
        raise bad_request("cannot unmarshal the body into a list of JSON patch operations")
    document: Any = {"": copy.deepcopy(target)}
    for operation in operations:
        try:
            _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as wrong:
            raise bad_request(f"the server rejected our request due to an error in our request: {wrong}") from wrong
    result: Obj = document[""]
    return result


def _operate(document: Any, operation: Obj) -> None:
    verb, path = operation["op"], operation["path"]
    if verb == "test":
        if _take(document, path, remove=False) != operation["value"]:
            raise ValueError(f"testing path {path} failed")
    elif verb == "remove":
        _take(document, path, remove=True)
    elif verb == "replace":
        _take(document, path, remove=True)
        _put(document, path, copy.deepcopy(operation["value"]))
    elif verb == "add":
        _put(document, path, copy.deepcopy(operation["value"]))
    elif verb in ("move", "copy"):
        value = copy.deepcopy(_take(document, operation["from"], remove=verb == "move"))
        _put(document, path, value)
    else:
        raise ValueError(f"unexpected kind of operation: {verb}")


def _steps(document: Any, path: str) -> tuple[Any, str]:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
    parent = document
    for part in way:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    return parent, last


def _take(document: Any, path: str, *, remove: bool) -> Any:
    holder, last = _steps(document, path)
    step: Any = int(last) if isinstance(holder, list) else last
    return holder.pop(step) if remove else holder[step]


def _put(document: Any, path: str, value: Any) -> None:
    holder, last = _steps(document, path)
    if isinstance(holder, list):
        index = len(holder) if last == "-" else int(last)
        if index > len(holder):
            raise IndexError(f"{path} is outside the list")
        holder.insert(index, value)
    else:
        holder[last] = value
