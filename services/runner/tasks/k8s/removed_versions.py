"""API versions that Kubernetes no longer serves, and what to write instead. Pure.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemovedVersion:
    """A group and version of some kinds, with its successor."""

    api_version: str
    kinds: tuple[str, ...]
    removed_in: str
    """The minor version of Kubernetes that stopped to serve it."""
    successor: str
    """An `apiVersion`; empty for kinds that are gone."""
    changes: str = ""
    """What else is written differently."""


def _row(api_version: str, kinds: str, removed_in: str, successor: str, changes: str = "") -> RemovedVersion:
    return RemovedVersion(api_version, tuple(kinds.split()), removed_in, successor, changes)


_WORKLOADS = "Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision"
_INGRESS = "its backends became service.name and service.port.number, and each path has a pathType"
_SELECTOR = "spec.selector is required"
_SIDE_EFFECTS = "sideEffects and admissionReviewVersions are required"
_ROLES = "ClusterRole ClusterRoleBinding Role RoleBinding"
_REVIEWS = "SubjectAccessReview SelfSubjectAccessReview LocalSubjectAccessReview SelfSubjectRulesReview"
_WEBHOOKS = "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
_FLOW = "FlowSchema PriorityLevelConfiguration"
_NO_POD_SECURITY = "label the namespace with pod-security.kubernetes.io/enforce instead"

REMOVED = (
    _row("extensions/v1beta1", "Deployment DaemonSet ReplicaSet", "1.16", "apps/v1", _SELECTOR),
    _row("extensions/v1beta1", "NetworkPolicy", "1.16", "networking.k8s.io/v1"),
    _row("extensions/v1beta1", "PodSecurityPolicy", "1.16", "", _NO_POD_SECURITY),
    _row("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1", _INGRESS),
    _row("apps/v1beta1", _WORKLOADS, "1.16", "apps/v1", _SELECTOR),
    _row("apps/v1beta2", _WORKLOADS, "1.16", "apps/v1"),
    _row("admissionregistration.k8s.io/v1beta1", _WEBHOOKS, "1.22", "admissionregistration.k8s.io/v1", _SIDE_EFFECTS),
    _row(
        "apiextensions.k8s.io/v1beta1",
        "CustomResourceDefinition",
        "1.22",
        "apiextensions.k8s.io/v1",
        "each of its versions has a schema of its own",
    ),
    _row("apiregistration.k8s.io/v1beta1", "APIService", "1.22", "apiregistration.k8s.io/v1"),
    _row("authentication.k8s.io/v1beta1", "TokenReview", "1.22", "authentication.k8s.io/v1"),
    _row("authorization.k8s.io/v1beta1", _REVIEWS, "1.22", "authorization.k8s.io/v1"),
    _row(
        "certificates.k8s.io/v1beta1",
        "CertificateSigningRequest",
        "1.22",
        "certificates.k8s.io/v1",
        "signerName and usages are required",
    ),
    _row("coordination.k8s.io/v1beta1", "Lease", "1.22", "coordination.k8s.io/v1"),
    _row("networking.k8s.io/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1", _INGRESS),
    _row("networking.k8s.io/v1beta1", "IngressClass", "1.22", "networking.k8s.io/v1"),
    _row("rbac.authorization.k8s.io/v1beta1", _ROLES, "1.22", "rbac.authorization.k8s.io/v1"),
    _row("rbac.authorization.k8s.io/v1alpha1", _ROLES, "1.22", "rbac.authorization.k8s.io/v1"),
    _row("scheduling.k8s.io/v1beta1", "PriorityClass", "1.22", "scheduling.k8s.io/v1"),
    _row("storage.k8s.io/v1beta1", "CSIDriver CSINode StorageClass VolumeAttachment", "1.22", "storage.k8s.io/v1"),
    _row("batch/v2alpha1", "CronJob", "1.21", "batch/v1"),
    _row("batch/v1beta1", "CronJob", "1.25", "batch/v1"),
    _row(
        "discovery.k8s.io/v1beta1",
        "EndpointSlice",
        "1.25",
        "discovery.k8s.io/v1",
        "topology became nodeName and zone",
    ),
    _row("events.k8s.io/v1beta1", "Event", "1.25", "events.k8s.io/v1"),
    _row(
        "autoscaling/v2beta1",
        "HorizontalPodAutoscaler",
        "1.25",
        "autoscaling/v2",
        "targetAverageUtilization became target.averageUtilization with target.type",
    ),
    _row("policy/v1beta1", "PodDisruptionBudget", "1.25", "policy/v1"),
    _row("policy/v1beta1", "PodSecurityPolicy", "1.25", "", _NO_POD_SECURITY),
    _row("node.k8s.io/v1beta1", "RuntimeClass", "1.25", "node.k8s.io/v1"),
    _row("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2"),
    _row("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, "1.26", "flowcontrol.apiserver.k8s.io/v1"),
    _row("storage.k8s.io/v1beta1", "CSIStorageCapacity", "1.27", "storage.k8s.io/v1"),
    _row("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, "1.29", "flowcontrol.apiserver.k8s.io/v1"),
    _row("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW, "1.32", "flowcontrol.apiserver.k8s.io/v1"),
)
_ROWS = {(row.api_version, kind): row for row in REMOVED for kind in row.kinds}


def advice(api_version: str, kind: str, served: Sequence[str]) -> str:
    """What to write where a cluster does not know a kind; `served` are the apiVersions under which it has that kind."""
    row = _ROWS.get((api_version, kind))
    if row is not None and (not served or row.successor in served or not row.successor):
        instead = f"write apiVersion {row.successor}" if row.successor else row.changes
        changes = f" ({row.changes})" if row.successor and row.changes else ""
        return f"it was removed in Kubernetes {row.removed_in}; {instead}{changes}"
    if served:
        return f"the cluster has it in {' and '.join(served)}; write apiVersion {served[0]}"
    return "if a CustomResourceDefinition makes it, apply that first"
