"""From a K8S task's input to the objects that the cluster is to have. Pure but for looking up where kinds live."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import TaskFailed, TaskRequest
from services.runner.tasks import references

from . import hooks, images, managed_fields, manifests, pull_secrets
from .fence import RESTARTED, TRACE, Stamp, annotations_of
from .manifests import Object, Ref, pod_template


class ObjectLocator(Protocol):
    """Knows where an object goes, and what is there."""

    def place(self, obj: Object, namespace: str = "") -> Ref: ...

    def get(self, ref: Ref) -> Object | None: ...


@dataclass(frozen=True, slots=True)
class DesiredObject:
    """One object of the manifest and its place, stamped, its image pinned."""

    ref: Ref
    body: Object
    pinned: tuple[str, ...] = ()
    pushed: bool = False
    """Its pods run the image that the run is about."""
    stale: tuple[str, ...] = ()
    """The pushed tag, where nodes that have an earlier content of it would keep that."""


def manifest(request: TaskRequest) -> list[Object]:
    """The objects in the task's input."""
    if request.text("yaml").strip():
        objects_of_text = manifests.read(request.text("yaml"))
        # Elsewhere the annotation of a hook is one as any other.
        return manifests.in_order(hooks.without(objects_of_text) if request.text("chart").strip() else objects_of_text)
    raise TaskFailed("The task has no YAML: write the manifest into `yaml`, or name its file at a Git endpoint.")


def objects(request: TaskRequest, logins: CloudLogins) -> list[Object]:
    """What is to be written: the manifest, and the pull secret where the task names an endpoint for one."""
    objects_of_task = manifest(request)
    if endpoint := request.text("imagePullSecretFrom").strip():
        secret = pull_secrets.pull_secret(request.tools.endpoint(endpoint), logins)
        return pull_secrets.put_in(objects_of_task, secret, request.text("namespace"))
    return objects_of_task


def stamp_of(request: TaskRequest) -> Stamp:
    """What this run writes on what it applies."""
    about = request.about
    return Stamp(about.pipeline_id, request.start_number, about.execution_id, about.index)


def owners(request: TaskRequest) -> managed_fields.Owners:
    """Whose fields become ours at our first apply: kubectl's, and Helm's where the task takes its release over."""
    return managed_fields.CLIENT_SIDE + (managed_fields.HELM if request.flag("takeOver") else ())


def kinds_made(objects: Iterable[Object]) -> set[tuple[str, str]]:
    """The kinds that the manifest's own CustomResourceDefinitions make: (group, kind)."""
    kinds = set()
    for obj in objects:
        if obj["kind"] == "CustomResourceDefinition":
            spec = obj.get("spec") or {}
            kinds.add((str(spec.get("group")), str((spec.get("names") or {}).get("kind"))))
    return kinds


def kind_of(obj: Object) -> tuple[str, str]:
    """An object's (group, kind)."""
    return obj["apiVersion"].rpartition("/")[0], obj["kind"]


def build(request: TaskRequest, obj: Object, places: ObjectLocator) -> DesiredObject:
    """One object as it is to be: pinned, in its namespace, stamped."""
    body = manifests.cleaned(obj)
    manifests.with_protocols(body)
    ref = places.place(body, request.text("namespace"))
    if ref.namespace:
        body["metadata"]["namespace"] = ref.namespace
    else:
        body["metadata"].pop("namespace", None)
    if request.flag("partial") and pod_template(body) is not None:
        body = _completed(body, places.get(ref), ref)
    push = references.pushed(request)
    pinned: list[str] = []
    uses = push is not None and images.uses(body, push)
    if push is not None and request.flag("pinDigest", default=True):
        pinned = images.pin(body, push)
    stale = images.pull_anew(body, push) if push is not None and pod_template(body) is not None else []
    stamp_of(request).put_on(body)
    return DesiredObject(ref, body, tuple(pinned), uses, tuple(stale))


def _completed(body: Object, live: Object | None, ref: Ref) -> Object:
    if live is None:
        raise TaskFailed(f"{ref} does not exist: a partial manifest changes only what is there; deploy it whole first.")
    return manifests.cleaned(managed_fields.laid_over(live, body))


def with_restart(body: Object, live: Object | None, execution_id: str | None) -> Object:
    """The object with new pods asked for, or with the last asking kept, so that leaving it out makes no new pods."""
    template = pod_template(body)
    if template is None or template is body:
        return body
    kept = annotations_of(pod_template(live) if live else None).get(RESTARTED)
    value = execution_id or kept
    if not value:
        return body
    asking = copy.deepcopy(body)
    meta = (pod_template(asking) or {}).setdefault("metadata", {})
    meta["annotations"] = {**(meta.get("annotations") or {}), RESTARTED: value}
    return asking


def with_trace(body: Object, live: Object | None, traceparent: str) -> Object:
    """A workload with the span of the task that changes it, or with the last one's kept where nothing else changes."""
    value = traceparent or annotations_of(live).get(TRACE)
    if not value or pod_template(body) is None:
        return body
    meta = body["metadata"]
    return {**body, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), TRACE: value}}}
