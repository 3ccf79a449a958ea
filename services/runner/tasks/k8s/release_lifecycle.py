"""CREATE and DELETE of a chart or an overlay: a first install, and the end of a release.

DELETE goes by the record of what the release made, not by what the chart says today. Hooks of deletion run around it,
and what Helm would leave stays: `helm.sh/resource-policy: keep`, and definitions of kinds with all their objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.runner.task_protocol import Done, Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json

from . import desired, hook_runs, hooks, inventory, manifests, release
from .cluster import ClusterConnection
from .mutations import DeleteObjects
from .pull_secrets import is_pull_secret
from .watch import deadline

_BEFORE, _AFTER = "before-delete", "after-delete"


@dataclass(frozen=True)
class CreateRelease:
    """Installs what is not there: as APPLY does, but where nothing of it exists yet."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        name = inventory.release_name(request)
        before = inventory.read(request, cluster, name)
        if before.deployed and request.flag("continueOnConflict"):
            return Done({"response": {"failures": []}}, f"Release {name} existed already and stayed as is.")
        if before.deployed:
            raise TaskFailed(
                f"Release {name} exists: choose Apply to upgrade it, or Continue on conflict to leave it as it is."
            )
        self._refuse_existing(request, cluster, before)
        return release.start(request, cluster)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        return release.observe(request, cluster, handle)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        release.cancel(request, cluster, handle)

    def _refuse_existing(self, request: TaskRequest, cluster: ClusterConnection, before: inventory.Inventory) -> None:
        """What an install that did not become ready left behind is the release's own, and no conflict."""
        own_keys = {inventory.key_of(ref) for ref in before.own_refs}
        objects = desired.objects(request, cluster.logins)
        new_kinds = desired.kinds_made(objects)
        for obj in objects:
            if desired.kind_of(obj) in new_kinds:
                continue
            ref = cluster.place(obj, request.text("namespace"))
            if is_pull_secret(ref) or inventory.key_of(ref) in own_keys:
                continue
            if (live := cluster.get(ref)) is None or manifests.is_being_deleted(live):
                continue
            raise TaskFailed(f"{ref} exists, and is not of this release: choose Apply to update it.")


@dataclass(frozen=True)
class DeleteRelease:
    """Deletes what the release made, and its record."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        name = inventory.release_name(request)
        before = inventory.read(request, cluster, name)
        if not before.refs:
            place = inventory.place_of(request, cluster, name)
            return Done({"response": {"failures": []}}, f"Nothing to do: {place} has no record of release {name}.")
        going, staying = inventory.leaving(request, cluster, before, ())
        for words in staying:
            request.tools.log(words)
        step = DeleteObjects().of(request, cluster, going[::-1])
        assert isinstance(step, Running)
        handle = {**step.handle, "then": step.handle["phase"], "phase": _BEFORE, "release": name}
        return replace(step, handle=handle)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        if handle["phase"] == _BEFORE:
            step = hook_runs.advance(request, cluster, handle, _hooks(request), ["pre-delete"])
            if isinstance(step, str):
                raise TaskFailed(f"{step} Nothing of the release was deleted.")
            following = {**handle, "phase": handle["then"], "until": deadline(request)}
            return step or Running(following, "Deleting", again_after_s=0.0, effect_next=True)
        if handle["phase"] == _AFTER:
            return self._after(request, cluster, handle)
        ended = DeleteObjects().observe(request, cluster, handle)
        if not isinstance(ended, Done) or handle.get("settled"):
            return ended
        return Running({**handle, "phase": _AFTER, "hook": None}, "Gone", again_after_s=0.0, effect_next=True)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """A deletion cannot be taken back."""

    def _after(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        step = hook_runs.advance(request, cluster, handle, _hooks(request), ["post-delete"])
        if isinstance(step, Running):
            return step
        # Also after a hook that failed: of the release itself nothing is left to record.
        cluster.delete(inventory.place_of(request, cluster, handle["release"]))
        if isinstance(step, str):
            raise TaskFailed(f"{step} The release itself is deleted.")
        return Running({**handle, "phase": "gone", "settled": True}, "Gone", again_after_s=0.0)


def _hooks(request: TaskRequest) -> list[hooks.Hook]:
    return hooks.hooks_of(manifests.read(request.text("yaml"))) if request.text("chart").strip() else []
