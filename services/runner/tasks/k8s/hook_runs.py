"""Running a chart's hooks one after the other: made, waited for, deleted by their policies."""

from __future__ import annotations

from collections.abc import Sequence

from services.runner.task_protocol import Running, TaskFailed, TaskRequest
from shared.contracts.base import Json

from . import desired, fence, hooks
from .cluster import ClusterConnection
from .errors import sentence
from .hooks import Hook
from .manifests import Ref
from .watch import WatchSnapshot, deadline, snapshot, too_late
from .write import await_gone

_TRY = "portside.dev/hook-of"
"""The try of the task that made a hook: what a crash repeats does not run it twice."""


def advance(
    request: TaskRequest, cluster: ClusterConnection, handle: Json, release_hooks: Sequence[Hook], events: Sequence[str]
) -> Running | str | None:
    """One step of running the hooks of some moments in turn: a step, why one failed, or None at the end."""
    queue = [(event, hook) for event in events for hook in hooks.at(release_hooks, event)]
    state = handle.get("hook") or {"position": 0, "made": False}
    if state["position"] >= len(queue):
        _delete(request, cluster, [hook for _, hook in queue], hooks.SUCCEEDED)
        return None
    event, hook = queue[state["position"]]
    if not state["made"]:
        _make(request, cluster, hook)
        state = {**state, "made": True, "until": deadline(request)}
        return Running({**handle, "hook": state}, f"{event} hook {hook.title} runs", again_after_s=0.5)
    progress = _look(request, cluster, hook)
    if progress.ready:
        request.tools.log(f"{event} hook {hook.title} succeeded")
        request.memory.clear()
        following = {**handle, "hook": {"position": state["position"] + 1, "made": False}}
        return Running(following, f"{event} hook {hook.title} succeeded", again_after_s=0.0, effect_next=True)
    if not progress.failure and request.tools.now() < state["until"]:
        return Running(handle, "; ".join(progress.messages))
    why = progress.failure or too_late(request, cluster, progress)
    _delete(request, cluster, [hook], hooks.FAILED)
    return sentence(f"The {event} hook {hook.title} failed: {why}")


def _make(request: TaskRequest, cluster: ClusterConnection, hook: Hook) -> None:
    item = desired.build(request, hook.body, cluster)
    item.body["metadata"]["annotations"][_TRY] = request.key
    live = await_gone(request, cluster, item.ref)
    fence.check(live, desired.stamp_of(request), item.ref)
    if fence.annotations_of(live).get(_TRY) == request.key:
        return
    if live is not None and hooks.BEFORE in hook.policies:
        cluster.delete(item.ref, live["metadata"].get("uid", ""))
        await_gone(request, cluster, item.ref)
    elif live is not None:
        raise TaskFailed(f"{item.ref} exists, and its hook-delete-policy does not let it be deleted before it runs.")
    cluster.apply(item.ref, item.body, force=True)
    request.tools.log(f"Hook {item.ref} made")


def _look(request: TaskRequest, cluster: ClusterConnection, hook: Hook) -> WatchSnapshot:
    """Whether it has succeeded: a Job or Pod by its end, anything else by being there, as Helm has it."""
    if hook.body["kind"] not in ("Job", "Pod"):
        return WatchSnapshot()
    progress = snapshot(request, cluster, [_ref(request, cluster, hook)])
    phases = [(obj.get("status") or {}).get("phase") for obj in progress.objects if obj["kind"] == "Pod"]
    if progress.ready and any(phase != "Succeeded" for phase in phases):
        return WatchSnapshot(ready=False, messages=[f"{hook.title} still runs"])
    return progress


def _delete(request: TaskRequest, cluster: ClusterConnection, done: Sequence[Hook], policy: str) -> None:
    for hook in done:
        if policy in hook.policies and cluster.delete(_ref(request, cluster, hook)):
            request.tools.log(f"Hook {hook.title} deleted ({policy})")


def _ref(request: TaskRequest, cluster: ClusterConnection, hook: Hook) -> Ref:
    return cluster.place(hook.body, request.text("namespace"))
