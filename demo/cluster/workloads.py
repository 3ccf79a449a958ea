"""The controllers of Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs."""

from __future__ import annotations

import copy

from . import pods
from .errors import Obj
from .store import Key
from .verbs import remove_with_dependents
from .world import World, is_ready, keep_pods, owner_reference, template_hash

REVISION = "deployment.kubernetes.io/revision"


def deployments(world: World) -> None:
    """Make the ReplicaSet of each Deployment's template, scale, and say how far it is."""
    for key, deployment in world.store.select("apps/deployments"):
        generation = deployment["metadata"]["generation"]
        if world.born({"metadata": {"uid": f"{deployment['metadata']['uid']}#{generation}"}}) > world.now - (
            0.1 * world.pace_s
        ):
            world.unsettled = True
            continue
        _roll(world, key, deployment)


def _revision(rs: Obj) -> int:
    return int((rs["metadata"].get("annotations") or {}).get(REVISION, 0))


def _roll(world: World, key: Key, deployment: Obj) -> None:
    spec = deployment["spec"]
    sets = world.owned("apps/replicasets", deployment)
    clean = copy.deepcopy(spec["template"])
    mark = template_hash(clean)
    new = next(
        (rs for rs in sets if rs[1]["metadata"]["labels"].get("pod-template-hash") == mark),
        None,
    )
    newest = max((_revision(rs) for _, rs in sets), default=0)
    if not spec.get("paused"):
        if new is None:
            new = _new_set(world, deployment, mark, newest + 1)
            sets.append(new)
        elif _revision(new[1]) < newest:
            _set_revision(world, new[0], newest + 1)
        newest = max(newest, _revision(world.store.get(new[0]) or new[1]))
    desired = spec["replicas"]
    old = [rs for rs in sets if new is None or rs[0] != new[0]]
    new_ready = (new[1].get("status") or {}).get("readyReplicas", 0) if new else 0
    recreate = spec["strategy"]["type"] == "Recreate"
    old_pods = sum((rs.get("status") or {}).get("replicas", 0) for _, rs in old)
    for old_key, rs in old:
        if (recreate or new_ready >= desired) and new is not None:
            _scale(world, deployment, old_key, 0)
        elif rs["spec"]["replicas"] and new is None:
            _scale(world, deployment, old_key, desired)
    if new is not None:
        _scale(world, deployment, new[0], 0 if recreate and old_pods else desired)
    spent = sorted(
        (rs for rs in old if not rs[1]["spec"]["replicas"]),
        key=lambda rs: _revision(rs[1]),
    )
    for old_key, _ in spent[: max(0, len(spent) - spec["revisionHistoryLimit"])]:
        remove_with_dependents(world.store, old_key)
    _report(world, key, deployment, new[0] if new else None, newest)


def _new_set(world: World, deployment: Obj, mark: str, revision: int) -> tuple[Key, Obj]:
    metadata = deployment["metadata"]
    template = copy.deepcopy(deployment["spec"]["template"])
    labels = {**(template["metadata"].get("labels") or {}), "pod-template-hash": mark}
    template["metadata"]["labels"] = labels
    selector = copy.deepcopy(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})["pod-template-hash"] = mark
    annotations = {
        name: value
        for name, value in (metadata.get("annotations") or {}).items()
        if name != "kubectl.kubernetes.io/last-applied-configuration"
    }
    rs = world.create(
        "apps/replicasets",
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{mark}",
                "namespace": metadata["namespace"],
                "labels": labels,
                "annotations": {**annotations, REVISION: str(revision)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0},
        },
    )
    return ("apps/replicasets", metadata["namespace"], rs["metadata"]["name"]), rs


def _set_revision(world: World, key: Key, revision: int) -> None:
    world.change(key, lambda rs: rs["metadata"].setdefault("annotations", {}).update({REVISION: str(revision)}))


def _scale(world: World, deployment: Obj, key: Key, count: int) -> None:
    rs = world.store.get(key)
    if rs is None or rs["spec"]["replicas"] == count:
        return
    was = rs["spec"]["replicas"]
    world.change(key, lambda obj: obj["spec"].update(replicas=count))
    direction = "up" if count > was else "down"
    message = f"Scaled {direction} replica set {key[2]} from {was} to {count}"
    world.event(deployment, "Normal", "ScalingReplicaSet", message, "deployment-controller")


def _report(world: World, key: Key, deployment: Obj, new: Key | None, revision: int) -> None:
    desired = deployment["spec"]["replicas"]
    sets = [item for _, item in world.owned("apps/replicasets", deployment)]
    total = sum((item.get("status") or {}).get("replicas", 0) for item in sets)
    ready = sum((item.get("status") or {}).get("readyReplicas", 0) for item in sets)
    current = (world.store.get(new) if new else None) or {}
    updated = (current.get("status") or {}).get("replicas", 0)
    updated_ready = (current.get("status") or {}).get("readyReplicas", 0)
    done = updated == desired and updated_ready == desired and total == updated
    counters = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, max(desired, total) - ready),
    }
    status: Obj = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counters.items() if count}
    before = {item["type"]: item for item in (deployment.get("status") or {}).get("conditions") or ()}
    name = current.get("metadata", {}).get("name", "")
    late = (
        not done and _progress_age_s(world, deployment, updated_ready) > deployment["spec"]["progressDeadlineSeconds"]
    )
    if done:
        progress = ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    elif late:
        progress = ("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')
    else:
        progress = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    if ready >= desired:
        available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        available = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    status["conditions"] = [
        _condition(world, before.get(kind), kind, *words)
        for kind, words in (("Available", available), ("Progressing", progress))
    ]
    if not done and not late:
        world.unsettled = True

    def edit(obj: Obj) -> None:
        obj["status"] = status
        if revision:
            obj["metadata"].setdefault("annotations", {})[REVISION] = str(revision)

    world.change(key, edit)


def _progress_age_s(world: World, deployment: Obj, ready: int) -> float:
    mark = f"{deployment['metadata']['uid']}#{deployment['metadata']['generation']}#{ready}"
    return world.now - world.born({"metadata": {"uid": mark}})


def _condition(world: World, before: Obj | None, kind: str, state: str, reason: str, message: str) -> Obj:
    if before and (before["status"], before["reason"], before["message"]) == (state, reason, message):
        return before
    at = pods.moment(world.now)
    changed = before["lastTransitionTime"] if before and before["status"] == state else at
    return {
        "type": kind,
        "status": state,
        "reason": reason,
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": changed,
    }


def replica_sets(world: World) -> None:
    """Keep the wanted number of pods and count them."""
    for key, rs in world.store.select("apps/replicasets"):
        labels = {
            name: value for name, value in (rs["metadata"].get("labels") or {}).items() if name == "pod-template-hash"
        }
        mine = keep_pods(world, rs, rs["spec"]["replicas"], labels)
        ready = sum(map(is_ready, mine))
        status: Obj = {"replicas": len(mine), "observedGeneration": rs["metadata"]["generation"]}
        if mine:
            status["fullyLabeledReplicas"] = len(mine)
        if ready:
            status |= {"readyReplicas": ready, "availableReplicas": ready}
        world.change(key, lambda obj, status=status: obj.update(status=status))  # type: ignore[misc]


def _ordered(world: World, key: Key, owner: Obj, names: list[str]) -> tuple[int, int, int, str]:
    """Pods with fixed names, replaced from the last to the first; (all, ready, updated, hash)."""
    mark = f"{owner['metadata']['name']}-{template_hash(owner['spec']['template'])}"
    have = {pod_key[2]: pod for pod_key, pod in world.owned("/pods", owner)}
    namespace = owner["metadata"]["namespace"]
    for name in set(have) - set(names):
        remove_with_dependents(world.store, ("/pods", namespace, name))
        del have[name]
    for name in names:
        if name not in have:
            labels = {"controller-revision-hash": mark}
            pod = pods.make(owner["spec"]["template"], name, namespace, owner_reference(owner), labels)
            have[name] = world.create("/pods", pod)
    outdated = [name for name in names if have[name]["metadata"]["labels"]["controller-revision-hash"] != mark]
    updated = [have[name] for name in names if name not in outdated]
    if outdated and all(map(is_ready, updated)):
        remove_with_dependents(world.store, ("/pods", namespace, outdated[-1]))
        world.unsettled = True
    return len(have), sum(map(is_ready, have.values())), len(updated), mark


def stateful_sets(world: World) -> None:
    """Ordinal pods, one updated after the other."""
    for key, stateful_set in world.store.select("apps/statefulsets"):
        replicas = stateful_set["spec"]["replicas"]
        names = [f"{key[2]}-{ordinal}" for ordinal in range(replicas)]
        count, ready, updated, mark = _ordered(world, key, stateful_set, names)
        before = stateful_set.get("status") or {}
        done = updated == replicas and ready == replicas
        status: Obj = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": count,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": updated,
            "currentReplicas": updated if done else count - updated,
            "updateRevision": mark,
            "currentRevision": mark if done else before.get("currentRevision", mark),
            "collisionCount": 0,
        }
        world.change(key, lambda obj, status=status: obj.update(status=status))  # type: ignore[misc]


def daemon_sets(world: World) -> None:
    """One pod on the one node."""
    for key, daemon_set in world.store.select("apps/daemonsets"):
        count, ready, updated, _ = _ordered(world, key, daemon_set, [f"{key[2]}-node1"])
        status: Obj = {
            "observedGeneration": daemon_set["metadata"]["generation"],
            "currentNumberScheduled": count,
            "desiredNumberScheduled": 1,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready,
            "updatedNumberScheduled": updated,
        }
        if ready < 1:
            status["numberUnavailable"] = 1
        world.change(key, lambda obj, status=status: obj.update(status=status))  # type: ignore[misc]


def jobs(world: World) -> None:
    """Run pods until enough succeeded or too many failed."""
    for key, job in world.store.select("batch/jobs"):
        status = job.get("status") or {}
        spec = job["spec"]
        finished = any(
            condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
            for condition in status.get("conditions") or ()
        )
        if finished and spec.get("ttlSecondsAfterFinished") == 0:
            remove_with_dependents(world.store, key)
        if finished or spec.get("suspend"):
            continue
        mine = [pod for _, pod in world.owned("/pods", job)]
        phases = [(pod.get("status") or {}).get("phase") for pod in mine]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        at = pods.moment(world.now)
        new: Obj = {"startTime": status.get("startTime", at), "uncountedTerminatedPods": {}}
        new |= {name: count for name, count in (("succeeded", succeeded), ("failed", failed)) if count}
        ends = (
            (
                succeeded >= spec["completions"],
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ),
            (
                failed > spec["backoffLimit"],
                "Failed",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            ),
            (
                world.now - world.born(job) > spec.get("activeDeadlineSeconds", float("inf")),
                "Failed",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ),
        )
        over = next((words for holds, *words in ends if holds), None)
        if over:
            condition = {
                "type": over[0],
                "status": "True",
                "reason": over[1],
                "message": over[2],
                "lastProbeTime": at,
                "lastTransitionTime": at,
            }
            new["conditions"] = [condition]
            if over[0] == "Complete":
                new["completionTime"] = at
            kind = "Normal" if over[0] == "Complete" else "Warning"
            world.event(job, kind, "Completed" if over[0] == "Complete" else over[1], over[2], "job-controller")
        else:
            active = min(spec["parallelism"], spec["completions"] - succeeded)
            keep_pods(world, job, len(mine) - phases.count("Pending") - phases.count("Running") + active, {})
            new["active"] = active
            world.unsettled = True
        world.change(key, lambda obj, new=new: obj.update(status=new))  # type: ignore[misc]


ALL = (deployments, replica_sets, stateful_sets, daemon_sets, jobs)
