"""The table of resources that the cluster serves; a CustomResourceDefinition adds rows while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KindRow:
    """One resource. `model` names the official client's model that knows its schema; empty for custom resources."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    model: str = ""
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`deployments.apps`, as error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def id(self) -> str:
        return f"{self.group}/{self.plural}"


def _row(api_version: str, plural: str, kind: str, model: str, *rest: str, namespaced: bool = True) -> KindRow:
    group, _, version = api_version.rpartition("/")
    short = tuple(word for word in rest if not word.startswith("/"))
    subresources = tuple(word[1:] for word in rest if word.startswith("/"))
    return KindRow(group, version, plural, kind, namespaced, model, short, subresources)


_RBAC = "rbac.authorization.k8s.io/v1"
_NET = "networking.k8s.io/v1"

BUILT_IN: tuple[KindRow, ...] = (
    _row("v1", "namespaces", "Namespace", "V1Namespace", "ns", "/status", namespaced=False),
    _row("v1", "nodes", "Node", "V1Node", "no", namespaced=False),
    _row("v1", "persistentvolumes", "PersistentVolume", "V1PersistentVolume", "pv", namespaced=False),
    _row("v1", "pods", "Pod", "V1Pod", "po", "/status", "/log"),
    _row("v1", "services", "Service", "V1Service", "svc", "/status"),
    _row("v1", "configmaps", "ConfigMap", "V1ConfigMap", "cm"),
    _row("v1", "secrets", "Secret", "V1Secret"),
    _row("v1", "serviceaccounts", "ServiceAccount", "V1ServiceAccount", "sa"),
    _row("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "V1PersistentVolumeClaim", "pvc"),
    _row("v1", "endpoints", "Endpoints", "V1Endpoints", "ep"),
    _row("v1", "limitranges", "LimitRange", "V1LimitRange"),
    _row("v1", "resourcequotas", "ResourceQuota", "V1ResourceQuota", "quota"),
    _row("v1", "events", "Event", "CoreV1Event", "ev"),
    _row("apps/v1", "deployments", "Deployment", "V1Deployment", "deploy", "/status", "/scale"),
    _row("apps/v1", "replicasets", "ReplicaSet", "V1ReplicaSet", "rs", "/status", "/scale"),
    _row("apps/v1", "statefulsets", "StatefulSet", "V1StatefulSet", "sts", "/status", "/scale"),
    _row("apps/v1", "daemonsets", "DaemonSet", "V1DaemonSet", "ds", "/status"),
    _row("apps/v1", "controllerrevisions", "ControllerRevision", "V1ControllerRevision"),
    _row("batch/v1", "jobs", "Job", "V1Job", "/status"),
    _row("batch/v1", "cronjobs", "CronJob", "V1CronJob", "cj", "/status"),
    _row(_NET, "ingresses", "Ingress", "V1Ingress", "ing", "/status"),
    _row(_NET, "networkpolicies", "NetworkPolicy", "V1NetworkPolicy", "netpol"),
    _row(_NET, "ingressclasses", "IngressClass", "V1IngressClass", namespaced=False),
    _row(_RBAC, "roles", "Role", "V1Role"),
    _row(_RBAC, "rolebindings", "RoleBinding", "V1RoleBinding"),
    _row(_RBAC, "clusterroles", "ClusterRole", "V1ClusterRole", namespaced=False),
    _row(_RBAC, "clusterrolebindings", "ClusterRoleBinding", "V1ClusterRoleBinding", namespaced=False),
    _row("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "V1PodDisruptionBudget", "pdb"),
    _row("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "V2HorizontalPodAutoscaler", "hpa"),
    _row("storage.k8s.io/v1", "storageclasses", "StorageClass", "V1StorageClass", "sc", namespaced=False),
    _row(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "V1CustomResourceDefinition",
        "crd",
        "/status",
        namespaced=False,
    ),
)

REVIEWS: dict[str, str] = {"selfsubjectaccessreviews": "SelfSubjectAccessReview"}
"""Create-only resources of authorization.k8s.io/v1."""


def custom_rows(crd: dict[str, Any]) -> list[KindRow]:
    """The resources that a CustomResourceDefinition adds, one per served version."""
    spec = crd["spec"]
    names = spec["names"]
    return [
        KindRow(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            kind=names["kind"],
            namespaced=spec.get("scope") == "Namespaced",
            short=tuple(names.get("shortNames") or ()),
            subresources=tuple(version.get("subresources") or ()),
        )
        for version in spec.get("versions") or ()
        if version.get("served")
    ]
