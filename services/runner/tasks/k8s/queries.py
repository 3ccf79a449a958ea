"""GET, DIFF and WAIT: actions that change nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.runner.task_protocol import Done, Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.texts import counted

from . import apply, desired
from .cluster import ClusterConnection
from .manifests import Object, Ref, ref_of
from .outputs import response
from .watch import deadline, snapshot, too_late


def named(request: TaskRequest, cluster: ClusterConnection) -> list[Ref]:
    """The objects that a task means: those of its YAML, or the one that kind and name give."""
    if not request.text("yaml").strip() and not request.text("kind"):
        raise TaskFailed("Which object? Give its `kind` and `name`, or write its manifest into `yaml`.")
    if request.text("yaml").strip():
        return [cluster.place(obj, request.text("namespace")) for obj in desired.manifest(request)]
    resource = cluster.find_kind(request.text("kind"), request.text("apiVersion"))
    name = request.text("name")
    if not name:
        raise TaskFailed(f"Which {resource.kind}? Give its `name`.")
    place = (request.text("namespace") or cluster.namespace) if resource.namespaced else ""
    return [Ref(resource.group_version, resource.kind, place, name)]


@dataclass(frozen=True)
class GetObjects:
    """Reads objects into the output."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        labels = request.text("filterByLabel").strip()
        objects = self._listed(request, cluster, labels) if self._lists(request) else self._one_by_one(request, cluster)
        output = response(objects, request.tools.masking_key())
        return Done(output, f"Read {counted(len(objects), 'object')}.")

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        return self.start(request, cluster)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """Nothing runs outside."""

    def _lists(self, request: TaskRequest) -> bool:
        return bool(request.text("kind")) and not request.text("name") and not request.text("yaml").strip()

    def _listed(self, request: TaskRequest, cluster: ClusterConnection, labels: str) -> list[tuple[str, Object]]:
        resource = cluster.find_kind(request.text("kind"), request.text("apiVersion"))
        place = (request.text("namespace") or cluster.namespace) if resource.namespaced else ""
        objects = cluster.find(resource.group_version, resource.kind, place, labels=labels)
        return [(str(resource.name), obj) for obj in objects]

    def _one_by_one(self, request: TaskRequest, cluster: ClusterConnection) -> list[tuple[str, Object]]:
        objects = []
        for ref in named(request, cluster):
            live = cluster.get(ref)
            if live is None:
                raise TaskFailed(f"{ref} does not exist.")
            objects.append((cluster.plural(ref), live))
        return objects


@dataclass(frozen=True)
class Diff:
    """What APPLY would change."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        return apply.start(replace(request, input={**request.input, "dryRun": True}), cluster)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        return self.start(request, cluster)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """Nothing runs outside."""


@dataclass(frozen=True)
class WaitForObjects:
    """Waits until objects are ready, no matter who applied them."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        refs = named(request, cluster)
        missing = [ref for ref in refs if cluster.get(ref) is None]
        if missing:
            raise TaskFailed(f"{missing[0]} does not exist.")
        handle = {"objects": [ref.to_json() for ref in refs], "until": deadline(request)}
        return Running(handle, "Waiting", again_after_s=0.0)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        refs = [Ref.from_json(entry) for entry in handle["objects"]]
        progress = snapshot(request, cluster, refs, fenced=False)
        output = response(
            [(cluster.plural(ref_of(entry)), entry) for entry in progress.objects],
            request.tools.masking_key(),
            [progress.failure] if progress.failure else [],
        )
        if progress.ready:
            return Done(output, "All is ready.")
        if progress.failure:
            raise TaskFailed(progress.failure, output)
        if request.tools.now() >= handle["until"]:
            raise TaskFailed(too_late(request, cluster, progress), output)
        return Running(handle, "; ".join(progress.messages))

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """Nothing of ours runs outside."""
