"""Whether an autoscaler decides how many pods a workload has, and what of `replicas` is sent then. Pure.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .manifests import Object, Ref

KIND = "HorizontalPodAutoscaler"
VERSIONS = ("autoscaling/v2", "autoscaling/v1")
"""Where its objects are read, the first that the cluster serves."""
_SCALE = "scale"
_CONTROLLER = "kube-controller-manager"
"""The field manager of what HorizontalPodAutoscalers do."""
_BY_HAND = ("kubectl",)
"""Field managers that scale when a person says so."""


def has_replicas(body: Object) -> bool:
    """Whether a manifest says how many pods there are to be."""
    spec = body.get("spec")
    return isinstance(spec, dict) and spec.get("replicas") is not None


def switches(body: Object, live: Object) -> bool:
    """Whether a manifest switches autoscaling off or on: it rests while there are to be no pods.

    A 0 that an autoscaler itself has written, as some do without load, is not meant.
    """
    wished, now = body["spec"]["replicas"], _replicas(live)
    return wished == 0 or (now == 0 and all(manager in _BY_HAND for manager in _scaled_by(live)))


def autoscaler_of(ref: Ref, live: Object, autoscalers: Iterable[Object] | None) -> str:
    """What scales a live object, empty for nothing.

    `autoscalers` are the HorizontalPodAutoscalers of its namespace; None where the endpoint's user may not read them,
    so that only the field managers of the `scale` subresource show one.
    """
    for autoscaler in autoscalers or ():
        target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
        group = str(target.get("apiVersion") or "").rpartition("/")[0]
        if (target.get("kind"), target.get("name"), group) == (ref.kind, ref.name, ref.api_version.rpartition("/")[0]):
            return f"{KIND} {autoscaler['metadata']['name']}"
    # What the controller wrote stays on record when its autoscaler is gone.
    ignored = (*_BY_HAND, _CONTROLLER) if autoscalers is not None else _BY_HAND
    return next((manager for manager in _scaled_by(live) if manager not in ignored), "")


def without_replicas(body: Object, live: Object) -> Object:
    """The manifest for a workload that is autoscaled.

    A field that only we own would be reset to 1 by leaving it out: it keeps its live value until the autoscaler writes.
    """
    spec = {key: value for key, value in body["spec"].items() if key != "replicas"}
    if not list(_scaled_by(live)) and has_replicas(live):
        spec["replicas"] = _replicas(live)
    return {**body, "spec": spec}


def words(ref: Ref, body: Object, live: Object, autoscaler: str) -> str:
    """What the diff and the log say of it."""
    return (
        f"{ref}: replicas {body['spec']['replicas']} of the manifest are not sent: {autoscaler} sets them, "
        f"{_replicas(live) if has_replicas(live) else 'not yet known'} now."
    )


def _replicas(obj: Object) -> Any:
    return obj["spec"]["replicas"] if has_replicas(obj) else None


def _scaled_by(live: Object) -> Iterable[str]:
    """The managers that own `replicas` by the scale subresource."""
    entries: list[dict[str, Any]] = (live.get("metadata") or {}).get("managedFields") or []
    for entry in entries:
        spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if entry.get("subresource") == _SCALE and "f:replicas" in spec:
            yield str(entry.get("manager"))
