"""What a cluster's user needs in order to deploy, and the manifest that grants it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

ACCOUNT = "portside"


@dataclass(frozen=True, slots=True)
class ClusterRight:
    """One verb on one resource of one API group."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group}" if self.group else f"{self.verb} {self.resource}"


def _all(verbs: str, group: str, resource: str) -> tuple[ClusterRight, ...]:
    return tuple(ClusterRight(verb, group, resource) for verb in verbs.split())


NEEDED = (
    *_all("get create patch", "apps", "deployments"),
    *_all("list", "apps", "replicasets"),
    *_all("list", "", "pods"),
)
"""What a K8S task that applies a Deployment and watches it must be allowed."""

WISHED = (*_all("list", "", "events"), *_all("get", "", "pods/log"))
"""Without these a failure is explained in less detail."""

_GRANTED = (
    ("apps", "deployments", "get list watch create update patch delete"),
    ("apps", "replicasets", "get list watch"),
    ("", "pods", "get list watch"),
    ("", "pods/log", "get"),
    ("", "events", "list"),
    ("autoscaling", "horizontalpodautoscalers", "list"),
    ("", "services", "get list create update patch delete"),
    ("", "configmaps", "get list create update patch delete"),
    ("", "secrets", "get create patch"),
)
"""What the manifest grants: deployments with their Service, ConfigMap and pull Secret."""


def manifest(namespace: str, user: str) -> str:
    """YAML of a Role, and of the RoleBinding that gives it to `user` as the cluster names it. Without a user, of a
    ServiceAccount and its token too."""
    _, is_account, account = user.partition("system:serviceaccount:")
    place, _, name = account.partition(":")
    if is_account:
        subject = {"kind": "ServiceAccount", "namespace": place, "name": name}
    elif user:
        subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
    else:
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT}
    account_objects = [] if user else [_account(namespace), _token(namespace)]
    return yaml.safe_dump_all([*account_objects, _role(namespace), _binding(namespace, subject)], sort_keys=False)


def _meta(namespace: str, name: str = ACCOUNT) -> dict[str, Any]:
    return {"name": name, "namespace": namespace}


def _account(namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(namespace)}


def _token(namespace: str) -> dict[str, Any]:
    """A token that does not end; the cluster fills it in."""
    meta = {
        **_meta(namespace, f"{ACCOUNT}-token"),
        "annotations": {"kubernetes.io/service-account.name": ACCOUNT},
    }
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": meta}


def _role(namespace: str) -> dict[str, Any]:
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs.split()} for group, resource, verbs in _GRANTED
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _meta(namespace),
        "rules": rules,
    }


def _binding(namespace: str, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _meta(namespace),
        "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
    }
