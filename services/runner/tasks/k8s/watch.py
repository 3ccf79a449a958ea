"""Watching objects until they are ready, and finding out early why they will not be."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from services.runner.task_protocol import TaskFailed, TaskRequest
from services.runner.tasks.own_output import holds
from shared.contracts.base import Json
from shared.contracts.texts import counted
from shared.contracts.times import rfc3339_seconds

from . import fence
from . import stuck_pods as left_behind
from .cluster import ClusterConnection, selector
from .desired import manifest, stamp_of
from .errors import ClusterError, sentence
from .explanations import OLD_NEWS_S, happened_at, tell_events, why_not_ready, with_last_line
from .manifests import Object, Ref
from .pods import Trouble, describe_cause, troubles
from .rollout import Readiness, readiness, revision_of

OUTAGE_ALLOWED_S = 60.0
_EXPLAINED = 3
"""Objects whose state is explained when the time is over."""
_WATCHED = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass
class WatchSnapshot:
    """What one look at all objects found."""

    ready: bool = True
    messages: list[str] = field(default_factory=list)
    failure: str = ""
    objects: list[Object] = field(default_factory=list)
    waiting: list[tuple[Ref, list[Object], list[Object]]] = field(default_factory=list)
    """What is not ready, with its newest pods and what is between."""
    left_behind: list[Json] = field(default_factory=list)
    """Pods that hold the roll-out up until they are deleted, each with its `uid`."""


def snapshot(
    request: TaskRequest,
    cluster: ClusterConnection,
    refs: Iterable[Ref],
    *,
    fenced: bool = True,
    put_back: bool = False,
) -> WatchSnapshot:
    """Look at every object once. A cluster that does not answer for a while makes no failure."""
    progress = WatchSnapshot()
    try:
        for ref in refs:
            _look_at(request, cluster, ref, progress, fenced=fenced, put_back=put_back)
    except ClusterError as error:
        if not outage(request, error):
            raise
        return WatchSnapshot(ready=False, messages=["the cluster does not answer"])
    request.memory.pop("outage", None)
    return progress


def deadline(request: TaskRequest) -> float:
    """Until when to wait, by the task's `timeout` in minutes."""
    return request.tools.now() + timeout_s(request)


def too_late(request: TaskRequest, cluster: ClusterConnection, progress: WatchSnapshot) -> str:
    """What is not ready although the time is over, and in the last sentences why."""
    timeout = counted(timeout_s(request) / 60, "minute")
    words = f"Not ready within the timeout of {timeout}: {'; '.join(progress.messages)}"
    causes = (why_not_ready(request, cluster, *unready) for unready in progress.waiting[:_EXPLAINED])
    return " ".join([sentence(words), *filter(None, causes)])


def timeout_s(request: TaskRequest) -> float:
    """The task's `timeout`, which is in minutes, in seconds."""
    return 60 * request.number("timeout", 5)


def outage(request: TaskRequest, error: TaskFailed) -> bool:
    """Whether the cluster does not answer, for no longer yet than is to be waited out."""
    if not isinstance(error, ClusterError) or not error.passing:
        return False
    now = request.tools.now()
    if now - request.memory.setdefault("outage", now) > OUTAGE_ALLOWED_S:
        return False
    request.tools.log(f"{error.message} Trying again.")
    return True


def _look_at(
    request: TaskRequest, cluster: ClusterConnection, ref: Ref, progress: WatchSnapshot, *, fenced: bool, put_back: bool
) -> None:
    live = cluster.get(ref)
    if live is None:
        if _removed_when_finished(request, cluster, ref):
            return
        raise TaskFailed(f"{ref} was deleted by somebody else while the task waited for it.")
    if fenced:
        fence.check(live, stamp_of(request), ref)
    progress.objects.append(live)
    how = _own_condition(request, live) or readiness(live)
    if how.ready:
        return
    progress.ready = False
    progress.messages.append(f"{ref}: {how.message}")
    pods, owners, older = _pods_of(cluster, live, ref)
    progress.waiting.append((ref, pods, owners))
    tell_events(request, cluster, ref, [*owners, *pods])
    troubled = {trouble.pod for trouble in lasting(request.memory, request.tools.now(), older)}
    for pod in left_behind.of_set(live, older, troubled, put_back=put_back):
        place = Ref("v1", "Pod", ref.namespace, pod["metadata"]["name"])
        if uid := pod["metadata"].get("uid"):
            progress.left_behind.append({**place.to_json(), "uid": uid})
    troubles_of_pods = lasting(request.memory, request.tools.now(), pods)
    failed = _has_failed(request, ref, how)
    if progress.failure or not (failed or troubles_of_pods):
        return
    if troubles_of_pods:
        words = f"{ref} will not become ready: {describe_cause(troubles_of_pods[0])}"
        progress.failure = with_last_line(request, cluster, ref.namespace, words, troubles_of_pods)
    else:
        why = why_not_ready(request, cluster, ref, pods, owners)
        progress.failure = " ".join(filter(None, [sentence(f"{ref}: {how.message}"), why]))


def _has_failed(request: TaskRequest, ref: Ref, how: Readiness) -> bool:
    """Whether a failure has lasted as long as it must to count."""
    first: dict[Ref, float] = request.memory.setdefault("failing since", {})
    if not how.failed:
        first.pop(ref, None)
        return False
    return request.tools.now() - first.setdefault(ref, request.tools.now()) >= how.patience_s


_JOB_FAILURES = frozenset({"BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy"})


def _removed_when_finished(request: TaskRequest, cluster: ClusterConnection, ref: Ref) -> bool:
    """Whether a Job is gone because it finished and its TTL removed it; its last events say how it ended."""
    ttl = any(
        (obj["kind"], obj["metadata"]["name"]) == ("Job", ref.name)
        and (obj.get("spec") or {}).get("ttlSecondsAfterFinished") is not None
        for obj in manifest(request)
    )
    if ref.kind != "Job" or not ttl:
        return False
    since = rfc3339_seconds(request.tools.now() - OLD_NEWS_S)
    for event in cluster.find("v1", "Event", ref.namespace, fields=f"involvedObject.name={ref.name}"):
        if event.get("reason") in _JOB_FAILURES and happened_at(event) >= since:
            raise TaskFailed(f"{ref}: failed: {event.get('message') or event['reason']}")
    request.tools.log(f"{ref} finished, and was removed after its ttlSecondsAfterFinished.")
    return True


def _own_condition(request: TaskRequest, live: Object) -> Readiness | None:
    """`waitFor` decides for kinds whose readiness is not known."""
    condition = request.text("waitFor").strip()
    if not condition or live["kind"] in (*_WATCHED, "Namespace", "ConfigMap", "Secret", "Service"):
        return None
    try:
        ready = holds(request, condition, "object", live)
    except Exception as error:
        return Readiness(False, f"its `waitFor` cannot be evaluated yet: {error}")
    return Readiness(ready, "waits until its `waitFor` holds")


def _pods_of(cluster: ClusterConnection, live: Object, ref: Ref) -> tuple[list[Object], list[Object], list[Object]]:
    """The pods of an object's newest version, what is between it and them, and a StatefulSet's other pods."""
    if live["kind"] == "Pod":
        return [live], [], []
    if live["kind"] not in _WATCHED:
        return [], [], []
    labels = (live.get("spec") or {}).get("selector") or {}
    if live["kind"] == "Job" and not labels:
        labels = {"matchLabels": {"job-name": ref.name}}
    pods = cluster.find("v1", "Pod", ref.namespace, labels=selector(labels))
    if live["kind"] == "Deployment":
        return *_of_newest_set(cluster, live, ref, pods, selector(labels)), []
    pods = [pod for pod in pods if _owned_by(pod, live)]
    if live["kind"] == "Job":
        return pods, [], []
    if live["kind"] == "StatefulSet":
        newest = str((live.get("status") or {}).get("updateRevision"))
        others = [pod for pod in pods if _label(pod, "controller-revision-hash") != newest]
        return [pod for pod in pods if pod not in others], [], others
    newest = _newest_revision(cluster, live, ref, selector(labels))
    return [pod for pod in pods if not newest or _label(pod, "controller-revision-hash") == newest], [], []


def _of_newest_set(
    cluster: ClusterConnection, live: Object, ref: Ref, pods: list[Object], labels: str
) -> tuple[list[Object], list[Object]]:
    sets = [
        candidate
        for candidate in cluster.find("apps/v1", "ReplicaSet", ref.namespace, labels=labels)
        if _owned_by(candidate, live)
    ]
    newest = max(sets, key=revision_of, default=None)
    if newest is None:
        return [], []
    return [pod for pod in pods if _owned_by(pod, newest)], [newest]


def _newest_revision(cluster: ClusterConnection, live: Object, ref: Ref, labels: str) -> str:
    revisions = cluster.find("apps/v1", "ControllerRevision", ref.namespace, labels=labels)
    newest = max(
        (revision for revision in revisions if _owned_by(revision, live)),
        key=lambda revision: revision.get("revision", 0),
        default=None,
    )
    return _label(newest, "controller-revision-hash") if newest else ""


def _owned_by(obj: Object, owner: Object) -> bool:
    uid = owner["metadata"].get("uid")
    return any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or ())


def _label(obj: Object, name: str) -> str:
    return str((obj["metadata"].get("labels") or {}).get(name) or "")


def lasting(memory: MutableMapping[str, Any], now: float, pods: list[Object]) -> list[Trouble]:
    """The troubles that have lasted as long as they must to count."""
    first: dict[tuple[str, str, str], float] = memory.setdefault("troubles", {})
    lasting = []
    for pod in pods:
        for trouble in troubles(pod):
            # What has once been final stays so, also where a later look says less about it.
            since = first.setdefault(trouble.kind, now) if trouble.patience_s else float("-inf")
            first[trouble.kind] = since
            if now - since >= trouble.patience_s:
                lasting.append(trouble)
    return lasting
