"""Whether an object is ready, as `kubectl rollout status` sees it, and for other kinds as their status says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.contracts.texts import counted, whole_number

from .manifests import Object

REVISION = "deployment.kubernetes.io/revision"
"""The annotation of a ReplicaSet that says which revision of its Deployment it is."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far an object is: ready, failed for good, or neither yet."""

    ready: bool
    message: str
    failed: bool = False
    patience_s: float = 0.0
    """How long a failure must last to count: Kubernetes itself tries again."""


REFUSED_PATIENCE_S = 150.0
_HEALS = re.compile(r"exceeded quota|serviceaccount \S+ not found", re.IGNORECASE)
"""Refusals that may pass: a quota is full until old pods are gone, a ServiceAccount is made a moment later."""


def readiness(obj: Object) -> Readiness:
    """How far an object is; of kinds that have nothing to wait for, ready."""
    rule = _rule(obj)
    return Readiness(True, "") if rule is None else rule(obj)


def _rule(obj: Object) -> Callable[[Object], Readiness] | None:
    groups, rule = _RULES.get(obj.get("kind", ""), ((), None))
    return rule if str(obj.get("apiVersion", "")).rpartition("/")[0] in groups else None


def revision_of(replica_set: Object) -> int:
    """Which revision of its Deployment a ReplicaSet is; 0 where nobody has written it, or something else."""
    revision = ((replica_set.get("metadata") or {}).get("annotations") or {}).get(REVISION)
    return whole_number(revision or "", digits=18) or 0


def condition(obj: Object, kind: str) -> dict[str, Any]:
    """One of an object's conditions, empty when it has none of that type."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def _count(values: dict[str, Any] | None, key: str, default: int = 0) -> int:
    value = (values or {}).get(key)
    return default if value is None else int(value)


def _behind(obj: Object) -> bool:
    return _count(obj.get("metadata"), "generation") > _count(obj.get("status"), "observedGeneration")


def _deployment(obj: Object) -> Readiness:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if _behind(obj):
        return Readiness(False, "waiting for the controller to see the new version")
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(False, "made no progress within its progressDeadlineSeconds", failed=True)
    refused = condition(obj, "ReplicaFailure")
    if refused.get("status") == "True":
        why = refused.get("message", refused.get("reason", ""))
        patience_s = REFUSED_PATIENCE_S if _HEALS.search(why) else 0.0
        return Readiness(False, f"its pods are refused: {why}", failed=True, patience_s=patience_s)
    replicas = _count(spec, "replicas", 1)
    updated, total = _count(status, "updatedReplicas"), _count(status, "replicas")
    if spec.get("paused") and (updated < replicas or total > updated):
        meta = obj.get("metadata") or {}
        place = f" -n {meta['namespace']}" if meta.get("namespace") else ""
        resume = f"kubectl rollout resume deployment/{meta.get('name')}{place}"
        return Readiness(False, f"is paused, so nothing rolls out; resume it with: {resume}", failed=True)
    available = _count(status, "availableReplicas")
    if updated < replicas:
        return Readiness(False, f"{updated} of {counted(replicas, 'pod')} updated")
    if total > updated:
        return Readiness(False, f"{counted(total - updated, 'pod')} of an earlier version still running")
    if available < updated:
        return Readiness(False, f"{available} of {counted(updated, 'updated pod')} available")
    return Readiness(True, f"{available} of {counted(replicas, 'pod')} available")


def updates_on_delete(obj: Object) -> bool:
    """Whether a workload's pods get a new version only when somebody deletes them."""
    strategy = (obj.get("spec") or {}).get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "OnDelete")


def keeps_old_pods(obj: Object) -> bool:
    """Whether an object is ready while some of its pods run an earlier version: OnDelete, or a partition."""
    if _rule(obj) not in (_stateful_set, _daemon_set):
        return False
    rolling = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate")
    return updates_on_delete(obj) or _count(rolling, "partition") > 0


def _on_delete(ready: int, pods: int, updated: int) -> str:
    words = f"{ready} of {counted(pods, 'pod')} ready"
    if updated >= pods:
        return words
    return f"{words}, {pods - updated} of an earlier version until they are deleted (OnDelete)"


def _stateful_set(obj: Object) -> Readiness:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if not _count(status, "observedGeneration") or _behind(obj):
        return Readiness(False, "waiting for the controller to see the new version")
    replicas = _count(spec, "replicas", 1)
    ready, updated = _count(status, "readyReplicas"), _count(status, "updatedReplicas")
    if ready < replicas:
        return Readiness(False, f"{ready} of {counted(replicas, 'pod')} ready")
    if updates_on_delete(obj):
        return Readiness(True, _on_delete(ready, replicas, updated))
    partition = _count(strategy.get("rollingUpdate"), "partition")
    if partition:
        if updated < replicas - partition:
            return Readiness(
                False, f"{updated} of {counted(replicas - partition, 'pod')} updated (partition {partition})"
            )
        return Readiness(True, f"{counted(updated, 'pod')} updated (partition {partition})")
    if replicas and status.get("updateRevision") != status.get("currentRevision"):
        return Readiness(False, f"{updated} of {counted(replicas, 'pod')} updated")
    return Readiness(True, f"{ready} of {counted(replicas, 'pod')} ready")


def _daemon_set(obj: Object) -> Readiness:
    status = obj.get("status") or {}
    if _behind(obj):
        return Readiness(False, "waiting for the controller to see the new version")
    scheduled = _count(status, "desiredNumberScheduled")
    updated, available = _count(status, "updatedNumberScheduled"), _count(status, "numberAvailable")
    if updates_on_delete(obj):
        return Readiness(available >= scheduled, _on_delete(available, scheduled, updated))
    if updated < scheduled:
        return Readiness(False, f"{updated} of {counted(scheduled, 'pod')} updated")
    if available < scheduled:
        return Readiness(False, f"{available} of {counted(scheduled, 'pod')} available")
    return Readiness(True, f"{available} of {counted(scheduled, 'pod')} available")


def _job(obj: Object) -> Readiness:
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        why = _JOB_REASONS.get(failed.get("reason", ""), failed.get("reason", ""))
        return Readiness(False, f"failed: {why}" + (f" ({failed['message']})" if failed.get("message") else ""), True)
    if condition(obj, "Complete").get("status") == "True":
        return Readiness(True, "complete")
    if (obj.get("spec") or {}).get("suspend") is True:
        return Readiness(False, "is suspended")
    status = obj.get("status") or {}
    return Readiness(False, f"{counted(_count(status, 'active'), 'pod')} active, {_count(status, 'failed')} failed")


_JOB_REASONS = {
    "BackoffLimitExceeded": "its pods failed as often as backoffLimit allows",
    "DeadlineExceeded": "it took longer than activeDeadlineSeconds allows",
    "PodFailurePolicy": "a pod failed in a way that its podFailurePolicy ends the Job for",
}


def _pod(obj: Object) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "Pending")
    if phase == "Succeeded":
        return Readiness(True, "succeeded")
    if phase == "Failed":
        return Readiness(
            False, f"failed: {(obj.get('status') or {}).get('message') or 'a container ended in error'}", True
        )
    if condition(obj, "Ready").get("status") == "True":
        return Readiness(True, "ready")
    return Readiness(False, f"is {phase}, not ready")


def _claim(obj: Object) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "Pending")
    # A claim whose storage class waits for the first pod stays Pending, and that is right.
    return Readiness(phase != "Lost", f"is {phase}", failed=phase == "Lost")


def _definition(obj: Object) -> Readiness:
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return Readiness(False, f"its names are not accepted: {names.get('message', '')}", failed=True)
    if condition(obj, "Established").get("status") == "True":
        return Readiness(True, "established")
    return Readiness(False, "is not established yet")


def _namespace(obj: Object) -> Readiness:
    phase = (obj.get("status") or {}).get("phase", "Active")
    if phase == "Terminating":
        return Readiness(False, "is being deleted", failed=True)
    return Readiness(True, "active")


_RULES: dict[str, tuple[tuple[str, ...], Callable[[Object], Readiness]]] = {
    "Deployment": (("apps", "extensions"), _deployment),
    "StatefulSet": (("apps",), _stateful_set),
    "DaemonSet": (("apps", "extensions"), _daemon_set),
    "Job": (("batch",), _job),
    "Pod": (("",), _pod),
    "PersistentVolumeClaim": (("",), _claim),
    "CustomResourceDefinition": (("apiextensions.k8s.io",), _definition),
    "Namespace": (("",), _namespace),
}
