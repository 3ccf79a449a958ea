"""CREATE, DELETE and PATCH."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.runner.task_protocol import Asked, Done, Running, Step, TaskFailed
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from . import apply, desired, fence
from .cluster import Cluster
from .errors import ClusterError, count
from .manifests import Ref
from .outputs import hidden, trimmed
from .queries import named
from .watch import deadline
from .write import await_definition


@dataclass(frozen=True)
class Create:
    """Makes what is not there, and waits until it is ready."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        objects = desired.objects(asked)
        made = desired.kinds_made(objects)
        for obj in objects:
            if desired.kind_of(obj) not in made:
                self._look(asked, cluster, desired.build(asked, obj, cluster))
        handle = {"phase": "create", "until": deadline(asked), "changes": True, "good": False, "previous": None}
        return Running(handle, "Creating", again_after_s=0.0, effect_next=True)

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        if handle["phase"] != "create":
            return apply.observe(asked, cluster, handle)
        found: dict[Ref, _Found] = {}
        for obj in desired.objects(asked):
            item = desired.build(asked, obj, cluster)
            found[item.ref] = self._look(asked, cluster, item)
            if found[item.ref] is _Found.MISSING:
                # By apply, so that a later APPLY owns the same fields and meets no conflict with ourselves.
                cluster.apply(item.ref, item.body)
                asked.tools.log(f"{item.ref} created")
                if item.ref.kind == "CustomResourceDefinition":
                    await_definition(cluster, item.ref)
        there = sum(1 for one in found.values() if one is _Found.THERE)
        did = f"Created {count(len(found) - there, 'object')}."
        did += f" {count(there, 'object')} existed already and stayed as is." if there else ""
        following = {**handle, "phase": "rollout", "objects": [ref.to_json() for ref in found], "did": did}
        return Running(following, "Waiting until all is ready", again_after_s=0.2)

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """What was created stays."""

    def _look(self, asked: Asked, cluster: Cluster, item: desired.Wanted) -> _Found:
        live = cluster.get(item.ref)
        if live is None or desired.is_pull_secret(item.ref):
            return _Found.MISSING
        if fence.annotations_of(live).get(fence.EXECUTION) == asked.about.execution_id:
            return _Found.OURS
        if asked.flag("continueOnConflict"):
            asked.tools.log(f"{item.ref} exists and stays as it is.")
            return _Found.THERE
        raise TaskFailed(f"{item.ref} exists: choose Apply to update it, or Continue on conflict to leave it as it is.")


class _Found(Enum):
    """What CREATE finds in an object's place."""

    MISSING = auto()
    OURS = auto()
    """This very run has made it."""
    THERE = auto()


@dataclass(frozen=True)
class Delete:
    """Deletes objects and waits until they are gone."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        found: list[Json] = []
        for ref in reversed(named(asked, cluster)):
            live = cluster.get(ref)
            fence.check(live, desired.stamp_of(asked), ref)
            uid = live["metadata"].get("uid", "") if live else ""
            state = hidden(trimmed(live), asked.tools.masking_key()) if live else None
            found.append({"ref": ref.to_json(), "uid": uid, "state": state})
        handle = {"phase": "delete", "until": deadline(asked), "objects": found}
        return Running(handle, "Deleting", again_after_s=0.0, effect_next=True)

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        refs = [(Ref.from_json(one["ref"]), one) for one in handle["objects"]]
        if handle["phase"] == "delete":
            for ref, one in refs:
                if one["uid"] and self._delete(cluster, ref, one["uid"]):
                    asked.tools.log(f"{ref} deleted")
            return Running({**handle, "phase": "gone"}, "Waiting until all is gone", again_after_s=0.2)
        left = [ref for ref, one in refs if one["uid"] and self._there(cluster, ref, one["uid"])]
        if left and asked.tools.now() < handle["until"]:
            return Running(handle, f"{left[0]} is being deleted")
        if left:
            raise TaskFailed(f"{left[0]} was not gone in time; a finalizer may hold it.")
        output: Json = {"failures": []}
        for ref, one in refs:
            entry: Json = {"metadata": {"name": ref.name, "namespace": ref.namespace}, "status": {"phase": "Removed"}}
            entry["oldState"] = one["state"]
            output.setdefault(cluster.plural(ref).lower(), {})[ref.name] = entry
        absent = [str(ref) for ref, one in refs if not one["uid"]]
        removed = f"Removed {count(len(refs) - len(absent), 'object')}."
        return Done({"response": output}, removed + (f" Not there before: {', '.join(absent)}." if absent else ""))

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """A deletion cannot be taken back."""

    def _delete(self, cluster: Cluster, ref: Ref, uid: str) -> bool:
        try:
            return cluster.delete(ref, uid)
        except ClusterError as error:
            if error.status == 409:
                return False  # another object has the name by now; it is not the one that was meant
            raise

    def _there(self, cluster: Cluster, ref: Ref, uid: str) -> bool:
        live = cluster.get(ref)
        return live is not None and live["metadata"].get("uid") == uid


@dataclass(frozen=True)
class Patch:
    """Changes parts of one object and waits until it is ready again."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        refs = named(asked, cluster)
        if len(refs) != 1:
            raise TaskFailed("PATCH changes one object: name its `kind` and `name`.")
        live = cluster.get(refs[0])
        if live is None:
            raise TaskFailed(f"{refs[0]} does not exist.")
        fence.check(live, desired.stamp_of(asked), refs[0])
        kind, body = self._body(asked)
        cluster.patch(refs[0], body, kind, dry_run=True)
        handle = {
            "phase": "patch",
            "until": deadline(asked),
            "objects": [refs[0].to_json()],
            "version": live["metadata"]["resourceVersion"],
            "changes": True,
            "did": f"Patched {refs[0]}.",
            "good": False,
            "previous": None,
        }
        return Running(handle, f"Patching {refs[0]}", again_after_s=0.0, effect_next=True)

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        if handle["phase"] != "patch":
            return apply.observe(asked, cluster, handle)
        ref = Ref.from_json(handle["objects"][0])
        kind, body = self._body(asked)
        if kind == "json":
            # Its operations are not harmless to repeat, so they hold for the version that was read only.
            same = {"op": "test", "path": "/metadata/resourceVersion", "value": handle["version"]}
            body = [same, *body]
        cluster.patch(ref, body, kind)
        asked.tools.log(f"{ref} patched")
        return Running({**handle, "phase": "rollout"}, "Waiting until it is ready", again_after_s=0.2)

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """What was patched stays."""

    def _body(self, asked: Asked) -> tuple[str, Any]:
        kind = asked.text("patchType", "merge").lower() or "merge"
        if kind not in ("merge", "strategic", "json"):
            raise TaskFailed(f"There is no patchType {kind!r}: choose merge, strategic or json.")
        written = asked.input.get("patch")
        try:
            body = parse_one_yaml(written, MANIFESTS) if isinstance(written, str) else copy.deepcopy(written)
        except Malformed as error:
            raise TaskFailed(f"The patch cannot be read{error.described}.") from None
        if not body:
            raise TaskFailed("The patch is empty: write what to change into `patch`.")
        if isinstance(body, list) != (kind == "json"):
            raise TaskFailed("A json patch is a list of operations; merge and strategic patches are maps.")
        return kind, body
