"""What an apply changes, as people read it: a unified diff of YAML without bookkeeping, Secret values hidden."""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from . import fence
from .manifests import Object, Ref, cleaned, pod_template
from .outputs import hidden
from .rollout import REVISION

_BOOKKEEPING = frozenset(
    {
        *(fence.PIPELINE, fence.START, fence.EXECUTION, fence.INDEX, fence.TRACE),
        *(REVISION, "kubectl.kubernetes.io/last-applied-configuration"),
    }
)


def comparable(obj: Object) -> Object:
    """The object without what says nothing about what it is meant to be."""
    plain = cleaned(obj)
    meta = plain["metadata"]
    annotations = {name: value for name, value in fence.annotations_of(obj).items() if name not in _BOOKKEEPING}
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    return plain


def template_changed(live: Object | None, result: Object) -> bool:
    """Whether an object's pods become others than they are."""
    return live is None or pod_template(live) != pod_template(result)


def unified(ref: Ref, live: Object | None, result: Object | None, key: bytes) -> list[str]:
    """The lines of the diff, empty when nothing changes."""
    before, after = _lines(live, key), _lines(result, key)
    if before == after:
        return []
    return list(difflib.unified_diff(before, after, f"live {ref}", f"new {ref}", lineterm="", n=2))


def _lines(obj: Object | None, key: bytes) -> list[str]:
    if obj is None:
        return []
    text: Any = yaml.safe_dump(comparable(hidden(obj, key)), sort_keys=True, allow_unicode=True, width=120)
    return str(text).splitlines()
