"""APPLY: check everything at the server, apply each object under our field manager, wait, and put back where wanted.

The phases are in the handle, so that the next holder continues from the last one recorded: `apply` writes,
`rollout` watches, `put-back` writes the last good manifest, `put-back-rollout` watches that, `unblock` deletes pods
that would hold up either, and `renew-pull` renews a pull secret that ends meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from services.runner.task_protocol import Done, Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.history import Deployed
from shared.contracts.texts import counted

from . import conflicts, desired, diff, fence, images, managed_fields, pull_secrets, rollout_trace
from .cluster import ClusterConnection, selector
from .errors import ClusterError, sentence
from .manifests import Object, Ref, cleaned, is_being_deleted
from .outputs import response
from .rollout import keeps_old_pods, readiness
from .watch import WatchSnapshot, deadline, outage, snapshot, too_late
from .write import as_scaled, await_definition, sent, write

PUT_BACK_S = 180.0
_DIFF_LINES = 200
ROLLED_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


@dataclass
class _Findings:
    """What a start learnt of the objects, one after the other, and changed nothing."""

    previous: list[Object] = field(default_factory=list)
    """Of those that are there, what putting them back would write."""
    good: bool = True
    """All that are there were ready."""
    restarts: list[Json] = field(default_factory=list)
    changed: list[Json] = field(default_factory=list)
    """Objects that an apply makes others than they are."""
    changes: bool = False
    diff: list[str] = field(default_factory=list)


def start(request: TaskRequest, cluster: ClusterConnection) -> Step:
    """Read, fence and try everything without changing anything; remember what is there now."""
    objects = desired.objects(request, cluster.logins)
    own_objects = {(obj["kind"], obj["metadata"]["name"]) for obj in objects}
    new_kinds = desired.kinds_made(objects)
    findings = _Findings()
    for obj in objects:
        if desired.kind_of(obj) in new_kinds:
            request.tools.log(f"{obj['kind']} {obj['metadata']['name']}: its kind comes with this manifest.")
            findings.changes = True
        else:
            _examine(request, cluster, desired.build(request, obj, cluster), own_objects, findings)
    _tell_diff(request, findings.diff)
    pull_secrets.warn(request, objects)
    if request.flag("dryRun"):
        message = "Dry run: nothing was changed." if findings.changes else "Nothing to do."
        return Done({"diff": "\n".join(findings.diff), "changed": findings.changes}, message)
    handle = {
        "phase": "apply",
        "until": deadline(request),
        "restarts": findings.restarts,
        "changed": findings.changed,
        "began": request.tools.now(),
        "changes": findings.changes,
        "previous": request.tools.seal(findings.previous) if findings.previous else None,
        "good": findings.good and bool(findings.previous),
        **pull_secrets.renewal(request, objects),
    }
    return Running(handle, f"Applying {counted(len(objects), 'object')}", again_after_s=0.0, effect_next=True)


def _examine(
    request: TaskRequest,
    cluster: ClusterConnection,
    item: desired.DesiredObject,
    own_objects: set[Any],
    findings: _Findings,
) -> None:
    for image in item.pinned:
        request.tools.log(f"{item.ref}: the pushed image is deployed as {image}")
    for image in item.stale:
        request.tools.log(f"{item.ref}: nodes that have an earlier content of {image} keep it.")
    live = cluster.get(item.ref)
    if live is not None and is_being_deleted(live):
        request.tools.log(f"{item.ref} is being deleted; it is made again once it is gone.")
        live, findings.changes = None, True
        result: Object | None = None
    else:
        fence.check(live, desired.stamp_of(request), item.ref)
        if live is not None:
            body, words = as_scaled(cluster, item.ref, item.body, live)
            item = replace(item, body=body)
            findings.diff += [words] if words else []
        result = _try(request, cluster, item, live, own_objects)
    if live is not None and result is not None:
        result = managed_fields.without_dropped(result, live, item.body, desired.owners(request))
    if _needs_restart(item, live, result):
        findings.restarts.append(item.ref.to_json())
        request.tools.log(_restart_words(item.ref))
        findings.changes = True
    if live is not None:
        findings.previous.append(cleaned(managed_fields.applied_by(live) or managed_fields.projected(live, item.body)))
        findings.good = findings.good and readiness(live).ready
    changes = diff.unified(item.ref, live, result or item.body, request.tools.masking_key())
    if changes or item.ref.to_json() in findings.restarts:
        findings.changed.append(item.ref.to_json())
    findings.changes = findings.changes or bool(changes)
    findings.diff += changes


def observe(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    """Continue with the phase that the handle names."""
    return _PHASES[handle["phase"]](request, cluster, handle)


def cancel(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
    """A cancelled roll-out is put back where that is wanted; else it stays as it is."""
    if handle["phase"] != "put-back-rollout" and request.flag("rollbackOnFailure") and handle["good"]:
        _put_back(request, cluster, handle)
        request.tools.log("The last good manifest was put back.")


def _try(
    request: TaskRequest,
    cluster: ClusterConnection,
    item: desired.DesiredObject,
    live: Object | None,
    own_objects: set[Any],
) -> Object | None:
    """What the server would make of it; None where that cannot be known because the manifest makes its namespace."""
    body = desired.with_restart(item.body, live, None)
    try:
        return sent(cluster, item.ref, body, live, force=request.flag("force"), dry_run=True)
    except ClusterError as error:
        if error.status == 404 and ("Namespace", item.ref.namespace) in own_objects:
            return None
        if error.status == 409:
            raise TaskFailed(conflicts.words(item.ref, error)) from None
        raise


def _apply(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    refs: list[Ref] = []
    try:
        for item in _items(request, cluster):
            if request.tools.stopping():
                return Running(handle, "Canceled between two objects", effect_next=True)
            restart_for = request.about.execution_id if item.ref.to_json() in handle["restarts"] else None
            write(
                request,
                cluster,
                item.ref,
                item.body,
                force=request.flag("force"),
                restart_for=restart_for,
                traceparent=request.traceparent if item.ref.to_json() in handle.get("changed", ()) else "",
            )
            refs.append(item.ref)
            request.tools.log(f"{item.ref} applied")
            if item.ref.kind == "CustomResourceDefinition":
                await_definition(cluster, item.ref)
    except fence.Superseded:
        raise
    except TaskFailed as error:
        if outage(request, error):
            return Running(handle, "The cluster does not answer", effect_next=True)
        if not refs:
            raise
        return gave_up(request, handle, error.message, {})
    request.memory.pop("outage", None)
    following = {**handle, "phase": "rollout", "objects": [ref.to_json() for ref in refs]}
    return Running(following, "Waiting until all is ready", again_after_s=0.2)


def _items(request: TaskRequest, cluster: ClusterConnection) -> Iterator[desired.DesiredObject]:
    """One after the other: where an object goes may be known only when the one before it is there."""
    return (desired.build(request, obj, cluster) for obj in desired.objects(request, cluster.logins))


def _rollout(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    refs = [Ref.from_json(entry) for entry in handle["objects"]]
    if pull_secrets.is_due(request, handle):
        following = {**handle, "phase": "renew-pull", "then": handle["phase"]}
        return Running(following, "Renewing the pull secret", again_after_s=0.0, effect_next=True)
    progress = snapshot(request, cluster, refs)
    if progress.ready:
        rollout_trace.rolled_out(request, handle, progress.objects)
        return _done(request, cluster, handle, progress.objects)
    if not progress.failure and request.tools.now() < handle["until"]:
        return _unblocked(handle, progress) or Running(handle, "; ".join(progress.messages))
    why = progress.failure or too_late(request, cluster, progress)
    return gave_up(request, handle, why, _output(request, cluster, progress.objects, [why]))


def gave_up(request: TaskRequest, handle: Json, why: str, output: Json) -> Step:
    """The end of a change that failed, or the way back where that is wanted."""
    if not request.flag("rollbackOnFailure"):
        raise TaskFailed(why, output)
    if not handle["good"]:
        nothing = "There is no good manifest to put back: the objects are new, or were not ready before."
        raise TaskFailed(f"{sentence(why)} {nothing}", output)
    request.tools.log(why)
    following = {**handle, "phase": "put-back", "why": sentence(why)}
    return Running(following, "Putting back the last good manifest", again_after_s=0.0, effect_next=True)


def _unblocked(handle: Json, progress: WatchSnapshot) -> Running | None:
    """The way by `unblock` where pods hold the roll-out up that were not deleted for that already."""
    asked_for = handle.get("unblocked") or []
    pods = [pod for pod in progress.left_behind if pod["uid"] not in asked_for]
    if not pods:
        return None
    following = {**handle, "phase": "unblock", "then": handle["phase"], "pods": pods}
    following["unblocked"] = [*asked_for, *(pod["uid"] for pod in pods)]
    return Running(following, "Deleting pods that hold the roll-out up", again_after_s=0.0, effect_next=True)


def _unblock(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    for pod in handle["pods"]:
        ref = Ref.from_json(pod)
        try:
            if cluster.delete(ref, pod["uid"]):
                request.tools.log(
                    f"{ref} deleted: it is of an earlier version, broken, and its StatefulSet waits for it."
                )
        except ClusterError as error:
            request.tools.log(
                f"{ref} is of an earlier version, broken, and its StatefulSet waits for it. {error.message} Delete it "
                f"by hand: kubectl delete pod {ref.name} -n {ref.namespace}"
            )
    return Running({**handle, "phase": handle["then"]}, "Waiting until all is ready", again_after_s=0.2)


def _renew_pull(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    renewal = pull_secrets.renew(request, cluster, desired.objects(request, cluster.logins))
    return Running({**handle, **renewal, "phase": handle["then"]}, "Waiting until all is ready", again_after_s=0.2)


def _done(request: TaskRequest, cluster: ClusterConnection, handle: Json, objects: list[Object]) -> Done:
    output = _output(request, cluster, objects, [])
    deployed = _deployed(request, objects)
    if not handle["changes"]:
        return Done(output, "Already live, nothing to do.", deployed=deployed)
    did = handle.get("did") or f"Applied {counted(len(objects), 'object')}."
    parts = []
    for obj in objects:
        how = readiness(obj)
        run = list(dict.fromkeys(_images_of_pods(cluster, obj) or images.running(obj)))
        if run:
            parts.append(f"{obj['kind']} {obj['metadata']['name']} runs {', '.join(run)}: {how.message}")
    return Done(output, " ".join((did, *(["; ".join(parts)] if parts else []))), deployed=deployed)


def _images_of_pods(cluster: ClusterConnection, obj: Object) -> list[str]:
    """Of a workload that keeps pods of an earlier version, what they run now."""
    if not keeps_old_pods(obj):
        return []
    labels = selector((obj.get("spec") or {}).get("selector") or {})
    pods = cluster.find("v1", "Pod", obj["metadata"].get("namespace", ""), labels=labels)
    return [image for pod in pods for image in images.running(pod)]


def _deployed(request: TaskRequest, objects: list[Object]) -> tuple[Deployed, ...]:
    """The workloads that keep running; a Job or a bare Pod is over one day."""
    return tuple(
        Deployed(
            endpoint=request.roles["kubernetesServer"],
            api_version=obj["apiVersion"],
            kind=obj["kind"],
            namespace=obj["metadata"].get("namespace", ""),
            name=obj["metadata"]["name"],
            images=tuple(dict.fromkeys(images.running(obj))),
        )
        for obj in objects
        if obj["kind"] in ROLLED_OUT and images.running(obj)
    )


def _put_back_phase(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    try:
        refs = _put_back(request, cluster, handle)
    except TaskFailed as error:
        if outage(request, error):
            return Running(handle, "The cluster does not answer", effect_next=True)
        raise TaskFailed(f"{handle['why']} It could not be put back: {error.message}") from None
    following = {
        **handle,
        "phase": "put-back-rollout",
        "objects": [ref.to_json() for ref in refs],
        "until": request.tools.now() + PUT_BACK_S,
    }
    request.memory.clear()
    return Running(following, "Waiting until the last good manifest is live again", again_after_s=0.2)


def _put_back(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> list[Ref]:
    stamp = desired.stamp_of(request)
    refs = []
    for body in request.tools.unseal(handle["previous"]):
        ref = cluster.place(body)
        stamp.put_on(body)
        write(request, cluster, ref, body, force=True)
        refs.append(ref)
        request.tools.log(f"{ref} put back")
    return refs


def _put_back_rollout(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    refs = [Ref.from_json(entry) for entry in handle["objects"]]
    progress = snapshot(request, cluster, refs, put_back=True)
    if not progress.ready and not progress.failure and request.tools.now() < handle["until"]:
        return _unblocked(handle, progress) or Running(handle, "; ".join(progress.messages))
    if progress.ready:
        again = "; ".join(
            f"{entry['kind']} {entry['metadata']['name']} runs {', '.join(dict.fromkeys(images.running(entry)))} again"
            for entry in progress.objects
            if images.running(entry)
        )
        ending = f"Put back: {again or 'the objects are as they were'}."
    else:
        ending = f"Putting back failed too: {progress.failure or '; '.join(progress.messages)}"
    raise TaskFailed(f"{handle['why']} {ending}", _output(request, cluster, progress.objects, [handle["why"]]))


_PHASES = {
    "apply": _apply,
    "rollout": _rollout,
    "put-back": _put_back_phase,
    "put-back-rollout": _put_back_rollout,
    "unblock": _unblock,
    "renew-pull": _renew_pull,
}


def _output(request: TaskRequest, cluster: ClusterConnection, objects: list[Object], failures: list[str]) -> Json:
    named = [(cluster.plural(Ref(obj["apiVersion"], obj["kind"], "", "")), obj) for obj in objects]
    return response(named, request.tools.masking_key(), failures)


def _needs_restart(item: desired.DesiredObject, live: Object | None, result: Object | None) -> bool:
    """The pushed tag may have new content that no change of the manifest shows."""
    by_tag = (
        item.ref.kind in ROLLED_OUT
        and item.pushed
        and not item.pinned
        and any("@" not in image for image in images.running(item.body))
    )
    return by_tag and live is not None and result is not None and not diff.template_changed(live, result)


def _restart_words(ref: Ref) -> str:
    return (
        f"{ref}: the manifest is unchanged and the pushed image's digest is not used, so its pods are restarted to "
        "pull the tag again."
    )


def _tell_diff(request: TaskRequest, lines: list[str]) -> None:
    for line in lines[:_DIFF_LINES]:
        request.tools.log(line)
    if len(lines) > _DIFF_LINES:
        request.tools.log(f"… {counted(len(lines) - _DIFF_LINES, 'more line')} of the diff …")
