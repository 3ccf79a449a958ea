"""The task's output in Code Stream's shape, `response.<plural>.<name>`, with Secret values hidden."""

from __future__ import annotations

import copy
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from shared.contracts.base import Json

from .manifests import Object


def hidden(obj: Object, key: bytes) -> Object:
    """A Secret as key names with keyed hashes, so that a change shows and no value does; others as they are."""
    meta = obj.get("metadata") or {}
    if obj.get("kind") != "Secret":
        return obj
    shown = copy.deepcopy(obj)
    for part in ("data", "stringData"):
        if isinstance(shown.get(part), dict):
            shown[part] = {name: _hash(value, key) for name, value in shown[part].items()}
    annotations = meta.get("annotations") or {}
    last = "kubectl.kubernetes.io/last-applied-configuration"
    if last in annotations:
        shown["metadata"]["annotations"][last] = _hash(annotations[last], key)
    return shown


def _hash(value: Any, key: bytes) -> str:
    return "hash:" + hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()[:16]


def trimmed(obj: Object) -> Object:
    """The object without the bookkeeping that no expression reads."""
    meta = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "managedFields"}
    return {**obj, "metadata": meta}


def response(objects: Iterable[tuple[str, Object]], key: bytes, failures: Iterable[str] = ()) -> Json:
    """Objects with their plural names as `response`."""
    answer: Json = {"failures": list(failures)}
    for plural, obj in objects:
        shown = hidden(trimmed(obj), key)
        answer.setdefault(plural.lower(), {})[obj["metadata"]["name"]] = shown
    return {"response": answer}
