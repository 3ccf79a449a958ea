"""CREATE, DELETE and PATCH."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.runner.task_protocol import Done, Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.failures import FAILURE_CODE, FailureCode
from shared.contracts.texts import counted
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from . import apply, desired, fence, pull_secrets
from .answer_shapes import version_of
from .cluster import ClusterConnection
from .errors import ClusterError
from .manifests import Ref, is_being_deleted
from .outputs import hidden, trimmed
from .queries import named
from .watch import deadline, timeout_s
from .write import await_definition, await_gone, still_there


@dataclass(frozen=True)
class CreateObjects:
    """Makes what is not there, and waits until it is ready."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        objects = desired.objects(request, cluster.logins)
        new_kinds = desired.kinds_made(objects)
        for obj in objects:
            if desired.kind_of(obj) not in new_kinds:
                self._look(request, cluster, desired.build(request, obj, cluster))
        handle = {"phase": "create", "until": deadline(request), "changes": True, "good": False, "previous": None}
        return Running(handle, "Creating", again_after_s=0.0, effect_next=True)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        if handle["phase"] != "create":
            return apply.observe(request, cluster, handle)
        states: dict[Ref, _Found] = {}
        for obj in desired.objects(request, cluster.logins):
            item = desired.build(request, obj, cluster)
            states[item.ref] = self._look(request, cluster, item)
            if states[item.ref] is _Found.MISSING:
                await_gone(request, cluster, item.ref)
                # By apply, so that a later APPLY owns the same fields and meets no conflict with ourselves.
                cluster.apply(item.ref, item.body)
                request.tools.log(f"{item.ref} created")
                if item.ref.kind == "CustomResourceDefinition":
                    await_definition(cluster, item.ref)
        there = sum(1 for state in states.values() if state is _Found.THERE)
        did = f"Created {counted(len(states) - there, 'object')}."
        did += f" {counted(there, 'object')} existed already and stayed as is." if there else ""
        following = {**handle, "phase": "rollout", "objects": [ref.to_json() for ref in states], "did": did}
        return Running(following, "Waiting until all is ready", again_after_s=0.2)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """What was created stays."""

    def _look(self, request: TaskRequest, cluster: ClusterConnection, item: desired.DesiredObject) -> _Found:
        live = cluster.get(item.ref)
        if live is None or is_being_deleted(live) or pull_secrets.is_pull_secret(item.ref):
            return _Found.MISSING
        if fence.annotations_of(live).get(fence.EXECUTION) == request.about.execution_id:
            return _Found.OURS
        if request.flag("continueOnConflict"):
            request.tools.log(f"{item.ref} exists and stays as it is.")
            return _Found.THERE
        raise TaskFailed(
            f"{item.ref} exists: choose Apply to update it, or Continue on conflict to leave it as it is.",
            {FAILURE_CODE: FailureCode.OBJECT_EXISTS.value},
        )


class _Found(Enum):
    """What CREATE finds in an object's place."""

    MISSING = auto()
    OURS = auto()
    """This very run has made it."""
    THERE = auto()


@dataclass(frozen=True)
class DeleteObjects:
    """Deletes objects and waits until they are gone."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        return self.of(request, cluster, named(request, cluster)[::-1])

    def of(self, request: TaskRequest, cluster: ClusterConnection, refs: Sequence[Ref]) -> Step:
        """The first step of deleting these, in this order."""
        entries: list[Json] = []
        for ref in refs:
            live = cluster.get(ref)
            fence.check(live, desired.stamp_of(request), ref)
            uid = live["metadata"].get("uid", "") if live else ""
            state = hidden(trimmed(live), request.tools.masking_key()) if live else None
            entries.append({"ref": ref.to_json(), "uid": uid, "state": state})
        handle = {"phase": "delete", "until": deadline(request), "objects": entries}
        return Running(handle, "Deleting", again_after_s=0.0, effect_next=True)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        refs = [(Ref.from_json(target["ref"]), target) for target in handle["objects"]]
        if handle["phase"] == "delete":
            for ref, target in refs:
                if target["uid"] and self._delete(cluster, ref, target["uid"]):
                    request.tools.log(f"{ref} deleted")
            return Running({**handle, "phase": "gone"}, "Waiting until all is gone", again_after_s=0.2)
        for ref, target in refs:
            live = cluster.get(ref) if target["uid"] else None
            if live is None or live["metadata"].get("uid") != target["uid"]:
                continue
            if request.tools.now() < handle["until"]:
                return Running(handle, f"{ref} is being deleted")
            raise TaskFailed(still_there(ref, live, timeout_s(request)))
        output: Json = {"failures": []}
        for ref, target in refs:
            entry: Json = {"metadata": {"name": ref.name, "namespace": ref.namespace}, "status": {"phase": "Removed"}}
            entry["oldState"] = target["state"]
            output.setdefault(cluster.plural(ref).lower(), {})[ref.name] = entry
        absent = [str(ref) for ref, target in refs if not target["uid"]]
        removed = f"Removed {counted(len(refs) - len(absent), 'object')}."
        return Done({"response": output}, removed + (f" Not there before: {', '.join(absent)}." if absent else ""))

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """A deletion cannot be taken back."""

    def _delete(self, cluster: ClusterConnection, ref: Ref, uid: str) -> bool:
        try:
            return cluster.delete(ref, uid)
        except ClusterError as error:
            if error.status == 409:
                return False  # another object has the name by now; it is not the one that was meant
            raise


@dataclass(frozen=True)
class Patch:
    """Changes parts of one object and waits until it is ready again."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        refs = named(request, cluster)
        if len(refs) != 1:
            raise TaskFailed("PATCH changes one object: name its `kind` and `name`.")
        live = cluster.get(refs[0])
        if live is None:
            raise TaskFailed(f"{refs[0]} does not exist.")
        fence.check(live, desired.stamp_of(request), refs[0])
        kind, body = self._body(request)
        cluster.patch(refs[0], body, kind, dry_run=True)
        handle = {
            "phase": "patch",
            "until": deadline(request),
            "objects": [refs[0].to_json()],
            "version": version_of(live, f"patch {refs[0]}"),
            "changes": True,
            "did": f"Patched {refs[0]}.",
            "good": False,
            "previous": None,
        }
        return Running(handle, f"Patching {refs[0]}", again_after_s=0.0, effect_next=True)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        if handle["phase"] != "patch":
            return apply.observe(request, cluster, handle)
        ref = Ref.from_json(handle["objects"][0])
        kind, body = self._body(request)
        if kind == "json":
            # Its operations are not harmless to repeat, so they hold for the version that was read only.
            same = {"op": "test", "path": "/metadata/resourceVersion", "value": handle["version"]}
            body = [same, *body]
        cluster.patch(ref, body, kind)
        request.tools.log(f"{ref} patched")
        return Running({**handle, "phase": "rollout"}, "Waiting until it is ready", again_after_s=0.2)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """What was patched stays."""

    def _body(self, request: TaskRequest) -> tuple[str, Any]:
        kind = request.text("patchType", "merge").lower() or "merge"
        if kind not in ("merge", "strategic", "json"):
            raise TaskFailed(f"There is no patchType {kind!r}: choose merge, strategic or json.")
        patch = request.input.get("patch")
        try:
            body = parse_one_yaml(patch, MANIFESTS) if isinstance(patch, str) else copy.deepcopy(patch)
        except Malformed as error:
            raise TaskFailed(f"The patch cannot be read{error.described}.") from None
        if not body:
            raise TaskFailed("The patch is empty: write what to change into `patch`.")
        if isinstance(body, list) != (kind == "json"):
            raise TaskFailed("A json patch is a list of operations; merge and strategic patches are maps.")
        return kind, body
