"""APPLY: check everything at the server, apply each object under our field manager, wait, and put back where wanted.

The phases are in the handle, so that the next holder continues from the last one recorded: `apply` writes,
`rollout` watches, `put-back` writes the last good manifest, `put-back-rollout` watches that, and `unblock` deletes pods
that would hold up either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.runner.task_protocol import Asked, Done, Running, Step, TaskFailed
from shared.contracts.base import Json
from shared.contracts.history import Deployed

from . import conflicts, desired, diff, fence, images, managed_fields
from .cluster import Cluster, selector
from .errors import ClusterError, count, sentence
from .manifests import Object, Ref, cleaned
from .outputs import response
from .rollout import readiness, updates_on_delete
from .watch import Seen, deadline, look, outage, too_late
from .write import await_definition, is_being_deleted, sent, write

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
    changes: bool = False
    diff: list[str] = field(default_factory=list)


def start(asked: Asked, cluster: Cluster) -> Step:
    """Read, fence and try everything without changing anything; remember what is there now."""
    objects = desired.objects(asked)
    here = {(one["kind"], one["metadata"]["name"]) for one in objects}
    made = desired.kinds_made(objects)
    found = _Findings()
    for obj in objects:
        if desired.kind_of(obj) in made:
            asked.tools.log(f"{obj['kind']} {obj['metadata']['name']}: its kind comes with this manifest.")
            found.changes = True
        else:
            _examine(asked, cluster, desired.build(asked, obj, cluster), here, found)
    _tell_diff(asked, found.diff)
    if asked.flag("dryRun"):
        message = "Dry run: nothing was changed." if found.changes else "Nothing to do."
        return Done({"diff": "\n".join(found.diff), "changed": found.changes}, message)
    handle = {
        "phase": "apply",
        "until": deadline(asked),
        "restarts": found.restarts,
        "changes": found.changes,
        "previous": asked.tools.seal(found.previous) if found.previous else None,
        "good": found.good and bool(found.previous),
    }
    return Running(handle, f"Applying {count(len(objects), 'object')}", again_after_s=0.0, effect_next=True)


def _examine(asked: Asked, cluster: Cluster, item: desired.Wanted, here: set[Any], found: _Findings) -> None:
    for image in item.pinned:
        asked.tools.log(f"{item.ref}: the pushed image is deployed as {image}")
    for image in item.stale:
        asked.tools.log(f"{item.ref}: nodes that have an earlier content of {image} keep it.")
    live = cluster.get(item.ref)
    if live is not None and is_being_deleted(live):
        asked.tools.log(f"{item.ref} is being deleted; it is made again once it is gone.")
        live, found.changes = None, True
        result: Object | None = None
    else:
        fence.check(live, desired.stamp_of(asked), item.ref)
        result = _try(asked, cluster, item, live, here)
    if live is not None and result is not None:
        result = managed_fields.without_dropped(result, live, item.body)
    if _needs_restart(item, live, result):
        found.restarts.append(item.ref.to_json())
        asked.tools.log(_restart_words(item.ref))
        found.changes = True
    if live is not None:
        found.previous.append(cleaned(managed_fields.applied_by(live) or managed_fields.projected(live, item.body)))
        found.good = found.good and readiness(live).ready
    shown = diff.unified(item.ref, live, result or item.body, asked.tools.masking_key())
    found.changes = found.changes or bool(shown)
    found.diff += shown


def observe(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    """Go on with the phase that the handle names."""
    return _PHASES[handle["phase"]](asked, cluster, handle)


def cancel(asked: Asked, cluster: Cluster, handle: Json) -> None:
    """A cancelled roll-out is put back where that is wanted; else it stays as it is."""
    if handle["phase"] != "put-back-rollout" and asked.flag("rollbackOnFailure") and handle["good"]:
        _put_back(asked, cluster, handle)
        asked.tools.log("The last good manifest was put back.")


def _try(asked: Asked, cluster: Cluster, item: desired.Wanted, live: Object | None, here: set[Any]) -> Object | None:
    """What the server would make of it; None where that cannot be known because the manifest makes its namespace."""
    body = desired.with_restart(item.body, live, None)
    try:
        return sent(cluster, item.ref, body, live, force=asked.flag("force"), dry_run=True)
    except ClusterError as error:
        if error.status == 404 and ("Namespace", item.ref.namespace) in here:
            return None
        if error.status == 409:
            raise TaskFailed(conflicts.words(item.ref, error)) from None
        raise


def _apply(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    refs: list[Ref] = []
    try:
        for item in _items(asked, cluster):
            if asked.tools.stopping():
                return Running(handle, "Canceled between two objects", effect_next=True)
            restart_for = asked.about.execution_id if item.ref.to_json() in handle["restarts"] else None
            write(asked, cluster, item.ref, item.body, force=asked.flag("force"), restart_for=restart_for)
            refs.append(item.ref)
            asked.tools.log(f"{item.ref} applied")
            if item.ref.kind == "CustomResourceDefinition":
                await_definition(cluster, item.ref)
    except fence.Superseded:
        raise
    except TaskFailed as error:
        if outage(asked, error):
            return Running(handle, "The cluster does not answer", effect_next=True)
        if not refs:
            raise
        return _gave_up(asked, handle, error.message, {})
    asked.memory.pop("outage", None)
    following = {**handle, "phase": "rollout", "objects": [ref.to_json() for ref in refs]}
    return Running(following, "Waiting until all is ready", again_after_s=0.2)


def _items(asked: Asked, cluster: Cluster) -> Iterator[desired.Wanted]:
    """One after the other: where an object goes may be known only when the one before it is there."""
    return (desired.build(asked, obj, cluster) for obj in desired.objects(asked))


def _rollout(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    refs = [Ref.from_json(one) for one in handle["objects"]]
    seen = look(asked, cluster, refs)
    if seen.ready:
        return _done(asked, cluster, handle, seen.objects)
    if not seen.failure and asked.tools.now() < handle["until"]:
        return _unblocked(handle, seen) or Running(handle, "; ".join(seen.messages))
    why = seen.failure or too_late(asked, seen)
    return _gave_up(asked, handle, why, _output(asked, cluster, seen.objects, [why]))


def _gave_up(asked: Asked, handle: Json, why: str, output: Json) -> Step:
    """The end of a change that failed, or the way back where that is wanted."""
    if not asked.flag("rollbackOnFailure"):
        raise TaskFailed(why, output)
    if not handle["good"]:
        nothing = "There is no good manifest to put back: the objects are new, or were not ready before."
        raise TaskFailed(f"{sentence(why)} {nothing}", output)
    asked.tools.log(why)
    following = {**handle, "phase": "put-back", "why": sentence(why)}
    return Running(following, "Putting back the last good manifest", again_after_s=0.0, effect_next=True)


def _unblocked(handle: Json, seen: Seen) -> Running | None:
    """The way by `unblock` where pods hold the roll-out up that were not deleted for that already."""
    asked_for = handle.get("unblocked") or []
    pods = [one for one in seen.left_behind if one["uid"] not in asked_for]
    if not pods:
        return None
    following = {**handle, "phase": "unblock", "then": handle["phase"], "pods": pods}
    following["unblocked"] = [*asked_for, *(one["uid"] for one in pods)]
    return Running(following, "Deleting pods that hold the roll-out up", again_after_s=0.0, effect_next=True)


def _unblock(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    for pod in handle["pods"]:
        ref = Ref.from_json(pod)
        try:
            if cluster.delete(ref, pod["uid"]):
                asked.tools.log(
                    f"{ref} deleted: it is of an earlier version, broken, and its StatefulSet waits for it."
                )
        except ClusterError as error:
            asked.tools.log(
                f"{ref} is of an earlier version, broken, and its StatefulSet waits for it. {error.message} Delete it "
                f"by hand: kubectl delete pod {ref.name} -n {ref.namespace}"
            )
    return Running({**handle, "phase": handle["then"]}, "Waiting until all is ready", again_after_s=0.2)


def _done(asked: Asked, cluster: Cluster, handle: Json, objects: list[Object]) -> Done:
    output = _output(asked, cluster, objects, [])
    deployed = _deployed(asked, objects)
    if not handle["changes"]:
        return Done(output, "Already live, nothing to do.", deployed=deployed)
    did = handle.get("did") or f"Applied {count(len(objects), 'object')}."
    parts = []
    for one in objects:
        how = readiness(one)
        run = list(dict.fromkeys(_images_of_pods(cluster, one) or images.running(one)))
        if run:
            parts.append(f"{one['kind']} {one['metadata']['name']} runs {', '.join(run)}: {how.message}")
    return Done(output, " ".join((did, *(["; ".join(parts)] if parts else []))), deployed=deployed)


def _images_of_pods(cluster: Cluster, obj: Object) -> list[str]:
    """Of a workload whose pods are updated only when they are deleted, what they run now."""
    if not updates_on_delete(obj):
        return []
    labels = selector((obj.get("spec") or {}).get("selector") or {})
    pods = cluster.find("v1", "Pod", obj["metadata"].get("namespace", ""), labels=labels)
    return [image for pod in pods for image in images.running(pod)]


def _deployed(asked: Asked, objects: list[Object]) -> tuple[Deployed, ...]:
    """The workloads that keep running; a Job or a bare Pod is over one day."""
    return tuple(
        Deployed(
            endpoint=asked.roles["kubernetesServer"],
            api_version=one["apiVersion"],
            kind=one["kind"],
            namespace=one["metadata"].get("namespace", ""),
            name=one["metadata"]["name"],
            images=tuple(dict.fromkeys(images.running(one))),
        )
        for one in objects
        if one["kind"] in ROLLED_OUT and images.running(one)
    )


def _put_back_phase(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    try:
        refs = _put_back(asked, cluster, handle)
    except TaskFailed as error:
        if outage(asked, error):
            return Running(handle, "The cluster does not answer", effect_next=True)
        raise TaskFailed(f"{handle['why']} It could not be put back: {error.message}") from None
    following = {
        **handle,
        "phase": "put-back-rollout",
        "objects": [ref.to_json() for ref in refs],
        "until": asked.tools.now() + PUT_BACK_S,
    }
    asked.memory.clear()
    return Running(following, "Waiting until the last good manifest is live again", again_after_s=0.2)


def _put_back(asked: Asked, cluster: Cluster, handle: Json) -> list[Ref]:
    stamp = desired.stamp_of(asked)
    refs = []
    for body in asked.tools.unseal(handle["previous"]):
        ref = cluster.place(body)
        stamp.put_on(body)
        write(asked, cluster, ref, body, force=True)
        refs.append(ref)
        asked.tools.log(f"{ref} put back")
    return refs


def _put_back_rollout(asked: Asked, cluster: Cluster, handle: Json) -> Step:
    refs = [Ref.from_json(one) for one in handle["objects"]]
    seen = look(asked, cluster, refs, put_back=True)
    if not seen.ready and not seen.failure and asked.tools.now() < handle["until"]:
        return _unblocked(handle, seen) or Running(handle, "; ".join(seen.messages))
    if seen.ready:
        again = "; ".join(
            f"{one['kind']} {one['metadata']['name']} runs {', '.join(dict.fromkeys(images.running(one)))} again"
            for one in seen.objects
            if images.running(one)
        )
        ending = f"Put back: {again or 'the objects are as they were'}."
    else:
        ending = f"Putting back failed too: {seen.failure or '; '.join(seen.messages)}"
    raise TaskFailed(f"{handle['why']} {ending}", _output(asked, cluster, seen.objects, [handle["why"]]))


_PHASES = {
    "apply": _apply,
    "rollout": _rollout,
    "put-back": _put_back_phase,
    "put-back-rollout": _put_back_rollout,
    "unblock": _unblock,
}


def _output(asked: Asked, cluster: Cluster, objects: list[Object], failures: list[str]) -> Json:
    named = [(cluster.plural(Ref(one["apiVersion"], one["kind"], "", "")), one) for one in objects]
    return response(named, asked.tools.masking_key(), failures)


def _needs_restart(item: desired.Wanted, live: Object | None, result: Object | None) -> bool:
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


def _tell_diff(asked: Asked, lines: list[str]) -> None:
    for line in lines[:_DIFF_LINES]:
        asked.tools.log(line)
    if len(lines) > _DIFF_LINES:
        asked.tools.log(f"… {len(lines) - _DIFF_LINES} more lines of the diff …")
