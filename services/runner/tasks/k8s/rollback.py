"""ROLLBACK: a Deployment, StatefulSet or DaemonSet to one of its earlier revisions, found as kubectl finds them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from services.runner.task_protocol import Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json

from . import apply, desired, fence, managed_fields
from .answer_shapes import REPLICA_SET, REVISION_DATA, shaped
from .cluster import ClusterConnection, selector
from .manifests import Object, Ref, cleaned
from .rollout import revision_of
from .watch import deadline
from .write import write

_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}


@dataclass(frozen=True)
class RollBackTemplate:
    """Writes an earlier template again and waits until it is live."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        kind = _KINDS.get(request.text("resourceType", "Deployment").strip().lower())
        name = request.text("resourceName") or request.text("name")
        if kind is None or not name:
            raise TaskFailed("ROLLBACK needs `resourceType` (Deployment, StatefulSet or DaemonSet) and `resourceName`.")
        ref = Ref("apps/v1", kind, request.text("namespace") or cluster.namespace, name)
        live = cluster.get(ref)
        if live is None:
            raise TaskFailed(f"{ref} does not exist.")
        fence.check(live, desired.stamp_of(request), ref)
        if (live.get("spec") or {}).get("paused"):
            raise TaskFailed(f"{ref} is paused; resume it first.")
        revision, template = _chosen(_revisions(cluster, live, ref), int(request.number("revision", -1)), ref)
        handle = {
            "phase": "undo",
            "until": deadline(request),
            "objects": [ref.to_json()],
            "revision": revision,
            "template": request.tools.seal(template),
            "changes": True,
            "did": f"Rolled {ref} back to revision {revision}.",
            "good": False,
            "previous": None,
        }
        return Running(handle, f"Rolling {ref} back to revision {revision}", again_after_s=0.0, effect_next=True)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        if handle["phase"] != "undo":
            return apply.observe(request, cluster, handle)
        ref = Ref.from_json(handle["objects"][0])
        live = cluster.get(ref)
        if live is None:
            raise TaskFailed(f"{ref} was deleted meanwhile.")
        body = cleaned(managed_fields.applied_by(live) or managed_fields.bare(live))
        body.setdefault("spec", {})["template"] = request.tools.unseal(handle["template"])
        desired.stamp_of(request).put_on(body)
        write(request, cluster, ref, body, force=True)
        request.tools.log(f"{ref} rolled back to revision {handle['revision']}")
        return Running({**handle, "phase": "rollout"}, "Waiting until it is ready", again_after_s=0.2)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """What was rolled back stays."""


def _revisions(cluster: ClusterConnection, live: Object, ref: Ref) -> list[tuple[int, Object]]:
    """Number and pod template of every revision kept, oldest first; the last is the present one."""
    labels = selector((live.get("spec") or {}).get("selector") or {})
    uid = live["metadata"].get("uid")
    kind = "ReplicaSet" if ref.kind == "Deployment" else "ControllerRevision"
    doing = f"read the revisions of {ref}"
    revisions: list[tuple[int, Object]] = []
    for row in cluster.find("apps/v1", kind, ref.namespace, labels=labels):
        if not any(owner.get("uid") == uid for owner in row["metadata"].get("ownerReferences") or ()):
            continue
        if kind == "ReplicaSet":
            revision = revision_of(row)
            template = copy.deepcopy(shaped(row, REPLICA_SET, doing)["spec"]["template"])
            ((template.get("metadata") or {}).get("labels") or {}).pop("pod-template-hash", None)
        else:
            revision = int(row.get("revision", 0))
            template = copy.deepcopy(shaped(row, REVISION_DATA, doing)["data"]["spec"]["template"])
            template.pop("$patch", None)
        (template.get("metadata") or {}).pop("creationTimestamp", None)
        revisions.append((revision, template))
    return sorted(revisions, key=lambda pair: pair[0])


def _chosen(revisions: list[tuple[int, Object]], wish: int, ref: Ref) -> tuple[int, Object]:
    """A positive wish is a revision's number, a negative one counts back from the present."""
    if len(revisions) < 2:
        raise TaskFailed(f"{ref} has no earlier revision to go back to (see its revisionHistoryLimit).")
    back = -wish if wish < 0 else 1
    if wish <= 0 and back < len(revisions):
        return revisions[-1 - back]
    for revision, template in revisions[:-1]:
        if revision == wish:
            return revision, template
    earlier = ", ".join(str(revision) for revision, _ in revisions[:-1])
    raise TaskFailed(f"{ref} has no earlier revision {wish}; it has {earlier}.")
