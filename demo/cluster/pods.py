"""The kubelet and the image registry as pods see them: a pod's status is a function of its age and its images."""

from __future__ import annotations

import copy
import hashlib
from datetime import UTC, datetime
from typing import Any

from .defaults import image_tag
from .errors import Obj


def behaviour(image: str) -> str:
    """What happens to a container of this image: `ok`, `broken`, `crash`, `slow` or `fail`."""
    tag = image_tag(image)
    return next((word for word in ("broken", "crash", "slow", "fail") if word in tag), "ok")


def image_id(image: str) -> str:
    """What the kubelet would say it pulled: by the digest in the reference, else one made from its name."""
    name, at, digest = image.partition("@")
    repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    host = repository.split("/")[0]
    if "." not in host and ":" not in host and host != "localhost":
        repository = f"docker.io/{repository if '/' in repository else f'library/{repository}'}"
    return f"{repository}@{digest if at else 'sha256:' + hashlib.sha256(image.encode()).hexdigest()}"


def moment(at: float) -> str:
    """Seconds since the epoch as Kubernetes writes them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status_at(pod: Obj, born: float, now: float, pace_s: float) -> tuple[Obj, bool]:
    """The pod's status `now`, and whether it may still change; `pace_s` is how long a good start takes."""
    containers = pod["spec"]["containers"]
    words = [behaviour(container["image"]) for container in containers]
    factor = 10.0 if "slow" in words else 1.0
    age = (now - born) / (pace_s * factor)
    job = any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences") or ())
    states = [
        _container(container, word, age, job, born, now) for container, word in zip(containers, words, strict=True)
    ]
    ready = all(state["ready"] for state in states)
    ended = [state["state"].get("terminated") for state in states]
    phase = "Pending"
    if all(ended):
        phase = "Succeeded" if all(end["exitCode"] == 0 for end in ended if end) else "Failed"
    elif all(
        "running" in state["state"] or end or state["restartCount"] for state, end in zip(states, ended, strict=True)
    ):
        phase = "Running"
    status: Obj = {"phase": phase, "qosClass": "BestEffort", "startTime": moment(born), "containerStatuses": states}
    status["conditions"] = [
        _condition("PodScheduled", True, born),
        _condition("Initialized", True, born),
        _condition("ContainersReady", ready, born if not ready else born + 0.8 * pace_s, "ContainersNotReady"),
        _condition("Ready", ready, born if not ready else born + 0.8 * pace_s, "ContainersNotReady"),
    ]
    if age >= 0.1:
        octets = hashlib.sha256(pod["metadata"]["uid"].encode()).digest()
        status |= {"hostIP": "10.0.0.1", "podIP": f"10.244.{octets[0]}.{octets[1] % 253 + 2}"}
    settled = phase in ("Succeeded", "Failed") or (age > 1.6 and ("broken" in words or ready))
    return status, not settled


def _condition(kind: str, true: bool, at: float, reason: str = "") -> Obj:
    condition: Obj = {
        "type": kind,
        "status": "True" if true else "False",
        "lastProbeTime": None,
        "lastTransitionTime": moment(at),
    }
    return condition if true else condition | {"reason": reason, "message": "containers with unready status"}


def _container(container: Obj, word: str, age: float, job: bool, born: float, now: float) -> Obj:
    image = container["image"]
    state: Obj = {"waiting": {"reason": "ContainerCreating"}}
    last: Obj = {}
    ready, restarts = False, 0
    if word == "broken":
        if age >= 0.3:
            text = (
                f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
                f'failed to resolve reference "{image}": not found'
            )
            state = {"waiting": {"reason": "ErrImagePull", "message": text}}
        if age >= 0.6:
            # Kubelets before 1.31 leave the cause out here.
            text = f'Back-off pulling image "{image}": ErrImagePull: {text}'
            state = {"waiting": {"reason": "ImagePullBackOff", "message": text}}
    elif word == "crash" and not job:
        if age >= 0.4:
            restarts = min(int((age - 0.4) / 0.4) + 1, 5)
            last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": moment(born)}}
            text = f"back-off 10s restarting failed container={container['name']}"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    elif age >= 0.5:
        state = {"running": {"startedAt": moment(born)}}
        ready = age >= 0.8
        if job and age >= 1.0:
            failed = word in ("fail", "crash")
            state = {
                "terminated": {
                    "exitCode": 1 if failed else 0,
                    "reason": "Error" if failed else "Completed",
                    "startedAt": moment(born),
                    "finishedAt": moment(now),
                }
            }
            ready = False
    pulled = word != "broken" and age >= 0.4
    return {
        "name": container["name"],
        "image": image,
        "imageID": image_id(image) if pulled else "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": last,
    }


def news(before: Obj, after: Obj, containers: list[Obj]) -> list[tuple[str, str, str]]:
    """Events (type, reason, message) for what changed between two statuses of a pod."""
    events: list[tuple[str, str, str]] = []
    old: dict[str, Any] = {state["name"]: state["state"] for state in before.get("containerStatuses") or ()}
    for container, state in zip(containers, after["containerStatuses"], strict=True):
        name, image = container["name"], container["image"]
        was, now = _word(old.get(name, {})), _word(state["state"])
        if was == now:
            continue
        if now == "ContainerCreating":
            events.append(("Normal", "Pulling", f'Pulling image "{image}"'))
        elif now == "running":
            events.append(("Normal", "Pulled", f'Successfully pulled image "{image}"'))
            events.append(("Normal", "Created", f"Created container {name}"))
            events.append(("Normal", "Started", f"Started container {name}"))
        elif now == "ErrImagePull":
            events.append(
                ("Warning", "Failed", f'Failed to pull image "{image}": {state["state"]["waiting"]["message"]}')
            )
            events.append(("Warning", "Failed", "Error: ErrImagePull"))
        elif now == "ImagePullBackOff":
            events.append(("Normal", "BackOff", f'Back-off pulling image "{image}"'))
            events.append(("Warning", "Failed", "Error: ImagePullBackOff"))
        elif now == "CrashLoopBackOff":
            events.append(("Warning", "BackOff", f"Back-off restarting failed container {name}"))
    return events


def _word(state: Obj) -> str:
    if "waiting" in state:
        return str(state["waiting"]["reason"])
    return next(iter(state), "")


def make(template: Obj, name: str, namespace: str, owner: Obj, labels: dict[str, str]) -> Obj:
    """A pod from a workload's template."""
    metadata = copy.deepcopy(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata |= {"name": name, "namespace": namespace, "labels": {**(metadata.get("labels") or {}), **labels}}
    metadata["ownerReferences"] = [owner]
    spec = copy.deepcopy(template["spec"])
    spec["nodeName"] = "fake-node"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}
