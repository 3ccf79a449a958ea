"""What every controller uses: the store, the pace, children of an owner, pods, events."""

from __future__ import annotations

import copy
import hashlib
import json
import time
import uuid
from collections.abc import Callable

from . import pods
from .defaults import random_suffix
from .errors import Obj
from .store import Key, Store
from .verbs import remove_with_dependents, stamp


class World:
    """What the controllers know beyond the store: when each pod was born, and how fast things go."""

    def __init__(self, store: Store, pace_s: float) -> None:
        self.store = store
        self.pace_s = pace_s
        self.now = time.time()
        self.unsettled = False
        self._births: dict[str, float] = {}

    def born(self, obj: Obj) -> float:
        """When this process first saw the object (a state file's pods start again)."""
        return self._births.setdefault(obj["metadata"]["uid"], self.now)

    def age(self, obj: Obj) -> float:
        """In units of the pace."""
        return (self.now - self.born(obj)) / self.pace_s

    def owned(self, resource: str, owner: Obj) -> list[tuple[Key, Obj]]:
        """The objects of a resource that `owner` controls."""
        uid = owner["metadata"]["uid"]
        return [
            (key, obj)
            for key, obj in self.store.select(resource, owner["metadata"].get("namespace", ""))
            if any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or ())
        ]

    def create(self, resource: str, obj: Obj) -> Obj:
        """Put a new object of the cluster's own making."""
        obj["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": stamp()}
        if "spec" in obj:
            obj["metadata"]["generation"] = 1
        key = (resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
        self.born(obj)
        return self.store.put(key, obj)

    def change(self, key: Key, edit: Callable[[Obj], None]) -> Obj | None:
        """Change a stored object; nothing happens when `edit` changes nothing."""
        old = self.store.get(key)
        if old is None:
            return None
        new = copy.deepcopy(old)
        edit(new)
        if new.get("spec") != old.get("spec") and "generation" in new["metadata"]:
            new["metadata"]["generation"] += 1
        return self.store.put(key, new)

    def event(self, about: Obj, kind: str, reason: str, message: str, component: str) -> None:
        """Write an Event object, or count the same one up."""
        metadata = about["metadata"]
        mark = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:16]
        key = ("/events", metadata["namespace"], f"{metadata['name']}.{mark}")
        if self.store.get(key) is not None:
            self.change(key, lambda event: event.update(count=event["count"] + 1, lastTimestamp=stamp()))
            return
        reference = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        }
        event: Obj = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": key[2], "namespace": key[1]},
            "involvedObject": reference,
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": stamp(),
            "lastTimestamp": stamp(),
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }
        self.create("/events", event)


def owner_reference(obj: Obj) -> Obj:
    """The controller reference that a child carries."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def template_hash(template: Obj) -> str:
    """What `pod-template-hash` holds: equal for equal templates."""
    text = json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(str.maketrans("abcdef013", "bcdfghjkm"))


def keep_pods(world: World, owner: Obj, count: int, labels: dict[str, str]) -> list[Obj]:
    """Have `count` pods of the owner's template; the youngest go first."""
    have = world.owned("/pods", owner)
    metadata = owner["metadata"]
    for _ in range(count - len(have)):
        name = f"{metadata['name']}-{random_suffix()}"
        pod = pods.make(owner["spec"]["template"], name, metadata["namespace"], owner_reference(owner), labels)
        created = world.create("/pods", pod)
        have.append((("/pods", metadata["namespace"], name), created))
        world.event(
            created,
            "Normal",
            "Scheduled",
            f"Successfully assigned {metadata['namespace']}/{name} to fake-node",
            "default-scheduler",
        )
        world.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {name}", f"{owner['kind'].lower()}-controller")
    for key, pod in sorted(have, key=lambda pair: world.born(pair[1]))[count:]:
        remove_with_dependents(world.store, key)
        have.remove((key, pod))
    return [pod for _, pod in have]


def is_ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition holds."""
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in (pod.get("status") or {}).get("conditions") or ()
    )


def move_pods(world: World) -> None:
    """Let every pod be as old as it is."""
    for key, pod in world.store.select("/pods"):
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        status, unsettled = pods.status_at(pod, world.born(pod), world.now, world.pace_s)
        world.unsettled |= unsettled
        before = pod.get("status") or {}
        if status == before:
            continue
        world.change(key, lambda new, status=status: new.update(status=status))  # type: ignore[misc]
        for kind, reason, message in pods.news(before, status, pod["spec"]["containers"]):
            world.event(pod, kind, reason, message, "kubelet")
