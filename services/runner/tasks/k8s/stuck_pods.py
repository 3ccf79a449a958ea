"""Pods of an earlier version that a StatefulSet waits for in vain.

Replaced in order, a broken pod must become ready before its set continues, even when the set's template is good again:
somebody has to delete it. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from .manifests import Object, is_being_deleted
from .rollout import condition


def of_set(live: Object, older: Iterable[Object], troubled: Container[str], *, put_back: bool) -> list[Object]:
    """Which of a set's older pods to delete.

    What is not ready may be on its way, so only trouble counts; but where a good manifest has been put back all was
    ready before, and what is not ready now is of the version that failed.
    """
    if live["kind"] != "StatefulSet":
        return []
    spec, status = live.get("spec") or {}, live.get("status") or {}
    observed = (status.get("observedGeneration") or 0) >= (live["metadata"].get("generation") or 0)
    partition = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition")
    if not status.get("updateRevision") or not observed or partition:
        return []
    return [
        pod
        for pod in older
        if not is_being_deleted(pod)
        and condition(pod, "Ready").get("status") != "True"
        and (put_back or pod["metadata"]["name"] in troubled)
    ]
