"""GET, DIFF and WAIT: actions that change nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.runner.task_protocol import Asked, Done, Running, Step, TaskFailed
from shared.contracts.base import Json

from . import apply, desired
from .cluster import Cluster
from .errors import count
from .manifests import Object, Ref, ref_of
from .outputs import response
from .watch import deadline, look, too_late


def named(asked: Asked, cluster: Cluster) -> list[Ref]:
    """The objects that a task means: those of its YAML, or the one that kind and name give."""
    if not asked.text("yaml").strip() and not asked.text("kind"):
        raise TaskFailed("Which object? Give its `kind` and `name`, or write its manifest into `yaml`.")
    if asked.text("yaml").strip():
        return [cluster.place(one, asked.text("namespace")) for one in desired.manifest(asked)]
    resource = cluster.find_kind(asked.text("kind"), asked.text("apiVersion"))
    name = asked.text("name")
    if not name:
        raise TaskFailed(f"Which {resource.kind}? Give its `name`.")
    place = (asked.text("namespace") or cluster.namespace) if resource.namespaced else ""
    return [Ref(resource.group_version, resource.kind, place, name)]


@dataclass(frozen=True)
class Get:
    """Reads objects into the output."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        labels = asked.text("filterByLabel").strip()
        found = self._listed(asked, cluster, labels) if self._lists(asked) else self._one_by_one(asked, cluster)
        output = response(found, asked.tools.masking_key())
        return Done(output, f"Read {count(len(found), 'object')}.")

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        return self.start(asked, cluster)

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """Nothing goes on."""

    def _lists(self, asked: Asked) -> bool:
        return bool(asked.text("kind")) and not asked.text("name") and not asked.text("yaml").strip()

    def _listed(self, asked: Asked, cluster: Cluster, labels: str) -> list[tuple[str, Object]]:
        resource = cluster.find_kind(asked.text("kind"), asked.text("apiVersion"))
        place = (asked.text("namespace") or cluster.namespace) if resource.namespaced else ""
        objects = cluster.find(resource.group_version, resource.kind, place, labels=labels)
        return [(str(resource.name), one) for one in objects]

    def _one_by_one(self, asked: Asked, cluster: Cluster) -> list[tuple[str, Object]]:
        found = []
        for ref in named(asked, cluster):
            live = cluster.get(ref)
            if live is None:
                raise TaskFailed(f"{ref} does not exist.")
            found.append((cluster.plural(ref), live))
        return found


@dataclass(frozen=True)
class Diff:
    """What APPLY would change."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        return apply.start(replace(asked, input={**asked.input, "dryRun": True}), cluster)

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        return self.start(asked, cluster)

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """Nothing goes on."""


@dataclass(frozen=True)
class Wait:
    """Waits until objects are ready, no matter who applied them."""

    def start(self, asked: Asked, cluster: Cluster) -> Step:
        refs = named(asked, cluster)
        missing = [ref for ref in refs if cluster.get(ref) is None]
        if missing:
            raise TaskFailed(f"{missing[0]} does not exist.")
        handle = {"objects": [ref.to_json() for ref in refs], "until": deadline(asked)}
        return Running(handle, "Waiting", again_after_s=0.0)

    def observe(self, asked: Asked, cluster: Cluster, handle: Json) -> Step:
        refs = [Ref.from_json(one) for one in handle["objects"]]
        seen = look(asked, cluster, refs, fenced=False)
        output = response(
            [(cluster.plural(ref_of(one)), one) for one in seen.objects],
            asked.tools.masking_key(),
            [seen.failure] if seen.failure else [],
        )
        if seen.ready:
            return Done(output, "All is ready.")
        if seen.failure:
            raise TaskFailed(seen.failure, output)
        if asked.tools.now() >= handle["until"]:
            raise TaskFailed(too_late(asked, seen), output)
        return Running(handle, "; ".join(seen.messages))

    def cancel(self, asked: Asked, cluster: Cluster, handle: Json) -> None:
        """Nothing of ours goes on."""
