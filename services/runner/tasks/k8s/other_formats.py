"""Files that people give as a manifest and that are not: a kustomization, a chart's template, a Compose file. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from shared.contracts.base import Json

_TEMPLATE = re.compile(r"\{\{[^{}]*\.(?:Values|Release|Chart|Capabilities|Files)\b|\{\{-?\s*include\s")
"""What only Helm fills in. Others write braces too: Prometheus its alerts, Argo its workflows, Vault annotations."""
_KUSTOMIZE = "kustomize.config.k8s.io"
_KUSTOMIZE_FIELDS = frozenset({"resources", "bases", "components", "patches", "patchesStrategicMerge", "namePrefix"})
_AS_CHART = "deploy the chart instead: name its folder at a Git endpoint in `chart`, and helm renders it"
_AS_OVERLAY = "deploy the overlay instead: name its folder at a Git endpoint in `kustomization`, and kubectl builds it"


def of_text(text: str) -> str:
    """What a text that cannot be read as YAML may be, with what to do; empty where that is not known."""
    return f"It is a template of a Helm chart; {_AS_CHART}." if _TEMPLATE.search(text) else ""


def of_document(document: Json) -> str:
    """The same for a document that is not an object of a cluster."""
    return next((words for is_one, words in _FORMATS if is_one(document)), "")


def _is_kustomization(document: Json) -> bool:
    group = str(document.get("apiVersion") or "").partition("/")[0]
    nameless = not document.get("kind") and not document.get("apiVersion")
    return group == _KUSTOMIZE or (nameless and bool(_KUSTOMIZE_FIELDS & document.keys()))


def _is_chart(document: Json) -> bool:
    return document.get("apiVersion") in ("v1", "v2") and not document.get("kind") and "version" in document


def _is_compose(document: Json) -> bool:
    return not document.get("kind") and not document.get("apiVersion") and isinstance(document.get("services"), dict)


def _is_template(document: Json) -> bool:
    return any(_TEMPLATE.search(text) for text in _names_and_images({key: document.get(key) for key in _PARTS}))


_PARTS = ("metadata", "spec")


def _names_and_images(value: Any) -> Iterator[str]:
    """The texts in which no other program's braces can be."""
    if isinstance(value, list):
        for part in value:
            yield from _names_and_images(part)
    elif isinstance(value, dict):
        meta = value.get("metadata")
        labels = meta.get("labels") if isinstance(meta, dict) else None
        for part, keys in ((value, ("image",)), (meta, ("name", "namespace")), (labels, None)):
            if isinstance(part, dict):
                yield from (part[key] for key in keys or part if isinstance(part.get(key), str))
        for part in value.values():
            yield from _names_and_images(part)


_FORMATS: tuple[tuple[Callable[[Json], bool], str], ...] = (
    (_is_kustomization, f"is a kustomization, not an object; {_AS_OVERLAY}"),
    (_is_chart, f"is the Chart.yaml of a Helm chart, not an object; {_AS_CHART}"),
    (_is_compose, "is a Compose file, not an object; write Kubernetes objects, as `kompose convert` makes of it"),
    (_is_template, f"is a template of a Helm chart; {_AS_CHART}"),
)
