"""Writing an object: fenced, on top of what was read just before, and with the ways round what servers refuse."""

from __future__ import annotations

import time

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.process import clock

from . import conflicts, desired, fence, managed_fields, scaling, server_defaults
from .answer_shapes import version_of
from .cluster import ClusterConnection
from .errors import ClusterError
from .manifests import Object, Ref, holders, is_being_deleted
from .rollout import readiness
from .watch import timeout_s

_RACES = 6
"""How often others may write in between before the task reports them."""
_ESTABLISHED_WITHIN_S = 30.0
_GONE_WITHIN_S = 120.0


def write(
    request: TaskRequest,
    cluster: ClusterConnection,
    ref: Ref,
    body: Object,
    *,
    force: bool,
    restart_for: str | None = None,
    traceparent: str = "",
) -> Object:
    """Apply what was read just before and nothing newer: a start that comes late loses."""
    stamp = desired.stamp_of(request)
    for tries_left in reversed(range(_RACES)):
        live = taken_over(cluster, ref, await_gone(request, cluster, ref), desired.owners(request))
        fence.check(live, stamp, ref)
        newest = desired.with_trace(desired.with_restart(body, live, restart_for), live, traceparent)
        if live is not None:
            newest = as_scaled(cluster, ref, newest, live)[0]
            meta = {**newest["metadata"], "resourceVersion": version_of(live, f"apply {ref}")}
            newest = {**newest, "metadata": meta}
        try:
            return sent(cluster, ref, newest, live, force=force)
        except ClusterError as error:
            if error.status != 409:
                raise
            if "the object has been modified" not in error.message or not tries_left:
                raise TaskFailed(conflicts.words(ref, error)) from None
        time.sleep(0.2)
    raise AssertionError("unreachable")


def as_scaled(cluster: ClusterConnection, ref: Ref, body: Object, live: Object) -> tuple[Object, str]:
    """What is sent of a workload that an autoscaler scales, and in words what of the manifest is not; else the body."""
    if not scaling.has_replicas(body) or scaling.switches(body, live):
        return body, ""
    autoscaler = scaling.autoscaler_of(ref, live, _autoscalers(cluster, ref.namespace))
    if not autoscaler:
        return body, ""
    return scaling.without_replicas(body, live), scaling.words(ref, body, live, autoscaler)


def _autoscalers(cluster: ClusterConnection, namespace: str) -> list[Object] | None:
    """The HorizontalPodAutoscalers of a namespace, or None where the endpoint's user may not read them."""
    version = next((version for version in scaling.VERSIONS if cluster.serves(version, scaling.KIND)), "")
    try:
        return cluster.find(version, scaling.KIND, namespace) if version else []
    except ClusterError as error:
        if error.status != 403:
            raise
    return None


def await_gone(request: TaskRequest, cluster: ClusterConnection, ref: Ref) -> Object | None:
    """The live object; one that is being deleted is waited for. Raises `TaskFailed`, naming what holds it."""
    patience_s = min(_GONE_WITHIN_S, timeout_s(request))
    until = clock.monotonic() + patience_s
    waiting = False
    while (live := cluster.get(ref)) is not None and is_being_deleted(live):
        if not waiting:
            request.tools.log(f"{ref} is being deleted; it is made again once it is gone.")
            waiting = True
        if clock.monotonic() > until or request.tools.stopping():
            raise TaskFailed(still_there(ref, live, patience_s))
        time.sleep(0.5)
    return live


def still_there(ref: Ref, live: Object, patience_s: float) -> str:
    """Why an object that was deleted did not go, in words, with what to do."""
    held_by = holders(live) or "no finalizer; its pods may be ending"
    return (
        f"{ref} is being deleted and did not go within {patience_s:g} s. What holds it: {held_by}. "
        "Find out why its controller does not finish, then run this again."
    )


def taken_over(
    cluster: ClusterConnection, ref: Ref, live: Object | None, whose: managed_fields.Owners
) -> Object | None:
    """The live object, with what a client-side `kubectl apply` owned made ours at our first apply.

    Otherwise a field that is taken out of the manifest would stay, owned by a manager that writes no more. What an
    editor or an autoscaler owns stays theirs, and what Helm does unless its release is taken over. Source: csaupgrade
    in k8s.io/client-go.
    """
    entries = managed_fields.taken_over(live, whose) if live is not None else None
    if live is None or entries is None:
        return live
    version = version_of(live, f"take over the fields of {ref}")
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]
    return cluster.patch(ref, patch, "json")


def sent(
    cluster: ClusterConnection, ref: Ref, body: Object, live: Object | None, *, force: bool, dry_run: bool = False
) -> Object:
    """Apply; where the server refuses what is left of a map that goes, take the map away first, in the same change."""
    try:
        return cluster.apply(ref, body, force=force, dry_run=dry_run)
    except ClusterError as error:
        if conflicts.ours_alone(error):
            return cluster.apply(ref, body, force=True, dry_run=dry_run)
        # Conflicts would have been reported first: nobody else's fields are written over.
        patch = server_defaults.clearing(live, body) if error.status == 422 and live is not None else None
        if patch is None:
            raise
    patched = cluster.patch(ref, patch, "strategic", dry_run=dry_run)
    if dry_run:
        return patched
    newest = {**body["metadata"], "resourceVersion": version_of(patched, f"apply {ref}")}
    return cluster.apply(ref, {**body, "metadata": newest}, force=force)


def await_definition(cluster: ClusterConnection, ref: Ref) -> None:
    """Objects of a new kind can follow in the same manifest once the kind is served."""
    until = clock.monotonic() + _ESTABLISHED_WITHIN_S
    while clock.monotonic() < until:
        live = cluster.get(ref)
        how = readiness(live) if live is not None else None
        if how is not None and how.failed:
            raise TaskFailed(f"{ref}: {how.message}")
        if how is not None and how.ready:
            cluster.forget_kinds()
            return
        time.sleep(0.3)
    raise TaskFailed(f"{ref} was not established within {_ESTABLISHED_WITHIN_S:g} s.")
