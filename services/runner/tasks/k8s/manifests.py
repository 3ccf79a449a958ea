"""Reading manifests: documents, the objects in them, and the images that their pods run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import without_byte_order_marks
from shared.grammar.yaml_parser import parse_yaml

from . import other_formats

Object = Json
"""A Kubernetes object as a plain dict."""

MANAGER = "portside"
"""Field manager of everything we write."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which object is meant."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"

    def to_json(self) -> Json:
        """The shape that stands in handles."""
        return {"apiVersion": self.api_version, "kind": self.kind, "namespace": self.namespace, "name": self.name}

    @classmethod
    def from_json(cls, value: Json) -> Ref:
        """Read back what `to_json` wrote."""
        return cls(value["apiVersion"], value["kind"], value["namespace"], value["name"])


def ref_of(obj: Object, namespace: str = "") -> Ref:
    """The reference of an object; `namespace` where it names none."""
    meta = obj.get("metadata") or {}
    return Ref(obj["apiVersion"], obj["kind"], meta.get("namespace") or namespace, meta.get("name") or "")


def read(text: str) -> list[Object]:
    """The objects of a manifest, lists unpacked; every fault names its document and line."""
    try:
        documents = parse_yaml(without_byte_order_marks(text), MANIFESTS)
    except Malformed as error:
        words = f"The YAML cannot be read{error.described}. {other_formats.of_text(text)}"
        raise TaskFailed(words.rstrip()) from None
    objects: list[Object] = []
    for position, document in enumerate(documents, start=1):
        if document is not None:
            objects += list(_unpack(document, f"document {position}"))
    if not objects:
        raise TaskFailed("The YAML holds no object: it needs a document with apiVersion, kind and metadata.")
    return objects


def _unpack(document: Any, place: str) -> Iterator[Object]:
    if not isinstance(document, dict):
        raise TaskFailed(f"In the YAML, {place} is {type(document).__name__}, not an object with apiVersion and kind.")
    if other_format := other_formats.of_document(document):
        raise TaskFailed(f"In the YAML, {place} {other_format}.")
    for key in ("apiVersion", "kind"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise TaskFailed(f"In the YAML, {place} has no {key}.")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for position, item in enumerate(document["items"], start=1):
            yield from _unpack(item, f"{place}, item {position}")
        return
    meta = document.get("metadata")
    if not isinstance(meta, dict) or not meta.get("name"):
        if isinstance(meta, dict) and meta.get("generateName"):
            raise TaskFailed(
                f"In the YAML, {place} ({document['kind']}) has generateName and no name. Apply needs a name: "
                "write one, as in `name: migrate-${executionIndex}`."
            )
        raise TaskFailed(f"In the YAML, {place} ({document['kind']}) has no metadata.name.")
    for key in ("labels", "annotations"):
        if not isinstance(meta.get(key) or {}, dict):
            raise TaskFailed(f"In the YAML, {place} ({document['kind']}) has metadata.{key} that is not a map.")
    meta["name"] = str(meta["name"])
    if meta.get("namespace") is not None:
        meta["namespace"] = str(meta["namespace"])
    yield document


def in_order(objects: list[Object]) -> list[Object]:
    """What others need to be there comes first: namespaces, then definitions of kinds, then the rest as written."""
    ranks = {"Namespace": 0, "CustomResourceDefinition": 1}
    return sorted(objects, key=lambda obj: ranks.get(obj["kind"], 2))


def cleaned(obj: Object) -> Object:
    """The object as server-side apply takes it: without what the server alone writes."""
    body = copy.deepcopy(obj)
    body.pop("status", None)
    meta = body["metadata"]
    for key in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"):
        meta.pop(key, None)
    return body


def is_being_deleted(live: Object) -> bool:
    """Whether an object has been deleted and is only still shown."""
    return bool(live["metadata"].get("deletionTimestamp"))


def holders(live: Object) -> str:
    """The finalizers that keep an object from going; blank where it has none."""
    return ", ".join(live["metadata"].get("finalizers") or ())


def with_protocols(body: Object) -> None:
    """Write down the default protocol of a Service's ports: servers before 1.21 cannot merge ports without it."""
    spec = body.get("spec")
    ports = spec.get("ports") if isinstance(spec, dict) and (body["apiVersion"], body["kind"]) == _SERVICE else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict):
            port.setdefault("protocol", "TCP")


_SERVICE = ("v1", "Service")

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where a kind keeps the template of its pods."""


def pod_template(obj: Object) -> Object | None:
    """The template of the pods that an object makes; a Pod is its own."""
    if obj.get("kind") == "Pod":
        return obj
    path = _TEMPLATES.get(obj.get("kind", ""))
    if path is None:
        return None
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None


def containers(obj: Object) -> Iterator[Json]:
    """Every container of the pods that an object makes; of unknown kinds, whatever looks like one."""
    template = pod_template(obj)
    if template is None:
        if obj.get("kind") not in ("ConfigMap", "Secret", "CustomResourceDefinition"):
            yield from _looks_like_containers(obj.get("spec"))
        return
    spec = template.get("spec")
    for key in ("initContainers", "containers"):
        listed = spec.get(key) if isinstance(spec, dict) else None
        # Anything else there is the server's to refuse.
        yield from (
            container for container in (listed if isinstance(listed, list) else ()) if isinstance(container, dict)
        )


def _looks_like_containers(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                yield from (container for container in inner if isinstance(container, dict) and "image" in container)
            else:
                yield from _looks_like_containers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _looks_like_containers(inner)
