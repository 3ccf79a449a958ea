"""What an apply changes, as people read it: a unified diff of YAML without bookkeeping, Secret values hidden."""

from __future__ import annotations

import copy
import difflib
from typing import Any

import yaml

from . import fence
from .manifests import Object, Ref, pod_template
from .outputs import hidden

_OURS = (fence.PIPELINE, fence.START, fence.EXECUTION, fence.INDEX)
_SERVERS = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
_CONTROLLERS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")


def comparable(obj: Object) -> Object:
    """The object without what says nothing about what it is meant to be."""
    shown = copy.deepcopy(obj)
    shown.pop("status", None)
    meta = shown["metadata"]
    for key in _SERVERS:
        meta.pop(key, None)
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if key not in _OURS and key not in _CONTROLLERS
    }
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    return shown


def changed(live: Object | None, wanted: Object) -> bool:
    """Whether an object becomes another than it is."""
    return live is None or comparable(live) != comparable(wanted)


def template_changed(live: Object | None, wanted: Object) -> bool:
    """Whether an object's pods become others than they are."""
    return live is None or pod_template(live) != pod_template(wanted)


def unified(ref: Ref, live: Object | None, wanted: Object | None, key: bytes) -> list[str]:
    """The lines of the diff, empty when nothing changes."""
    before, after = _lines(live, key), _lines(wanted, key)
    if before == after:
        return []
    return list(difflib.unified_diff(before, after, f"live {ref}", f"new {ref}", lineterm="", n=2))


def _lines(obj: Object | None, key: bytes) -> list[str]:
    if obj is None:
        return []
    text: Any = yaml.safe_dump(comparable(hidden(obj, key)), sort_keys=True, allow_unicode=True, width=120)
    return str(text).splitlines()
