"""K8S: one task type for every action on a cluster."""

from __future__ import annotations

from typing import Protocol

from services.runner.task_protocol import Effect, Running, Step, Task, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import fill_input
from shared.grammar.resolving import Scope
from shared.outbound.http import HttpClient

from . import apply, mutations, queries, release, release_lifecycle, rollback, source
from .cluster import ClusterConnection, Clusters


class K8S(Task):
    """Hands each action to its module."""

    name = "K8S"
    raw = frozenset({"waitFor"})

    def __init__(self, clusters: Clusters, client: HttpClient) -> None:
        self._clusters = clusters
        self._client = client

    def effect(self, task_input: Json) -> Effect:
        if _action(task_input) in _PURE:
            return Effect.PURE
        # A start only reads; every change follows on its own leave, from what the handle says.
        return Effect.REPEATABLE

    def fill(self, task_input: Json, scope: Scope) -> Json:
        try:
            return fill_input(task_input, scope)
        except Malformed as error:
            raise TaskFailed(f"The YAML cannot be read{error.described}.") from None

    def start(self, request: TaskRequest) -> Step:
        module = _module(request)
        cluster = self._cluster(request)
        if not source.is_wanted(request):
            return module.start(request, cluster)
        text = source.fetch(request, self._client, cluster)
        step = module.start(source.put_in(request, text), cluster)
        return source.keep_text(request, step, text) if isinstance(step, Running) else step

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        return _module(request).observe(source.with_kept_text(request, handle), self._cluster(request), handle)

    def cancel(self, request: TaskRequest, handle: Json) -> None:
        _module(request).cancel(source.with_kept_text(request, handle), self._cluster(request), handle)

    def _cluster(self, request: TaskRequest) -> ClusterConnection:
        endpoint = request.endpoint("kubernetesServer")
        if endpoint.type not in ("k8s", "kubernetes"):
            raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; a K8S task needs one of type k8s.")
        return self._clusters.of(endpoint)


def _action(fields: Json) -> str:
    return str(fields.get("action") or "").strip().upper()


class ActionModule(Protocol):
    """What each action's module has."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step: ...

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step: ...

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None: ...


_MODULES: dict[str, ActionModule] = {
    "GET": queries.GetObjects(),
    "CREATE": mutations.CreateObjects(),
    "APPLY": apply,
    "DELETE": mutations.DeleteObjects(),
    "ROLLBACK": rollback.RollBackTemplate(),
    "PATCH": mutations.Patch(),
    "DIFF": queries.Diff(),
    "WAIT": queries.WaitForObjects(),
}

_OF_RELEASES: dict[str, ActionModule] = {
    "APPLY": release,
    "CREATE": release_lifecycle.CreateRelease(),
    "DELETE": release_lifecycle.DeleteRelease(),
    "DIFF": release.DiffOfRelease(),
    "GET": _MODULES["GET"],
    "WAIT": _MODULES["WAIT"],
}
"""For charts and overlays, which have hooks and a record of what they made."""

_PURE = frozenset({"GET", "DIFF", "WAIT"})


def _module(request: TaskRequest) -> ActionModule:
    action = _MODULES.get(_action(request.input))
    if action is None:
        names = ", ".join(_MODULES)
        raise TaskFailed(f"There is no K8S action {request.input.get('action')!r}: choose one of {names}.")
    if source.is_rendered(request):
        action = _OF_RELEASES.get(_action(request.input))
    if action is None:
        names = ", ".join(_OF_RELEASES)
        raise TaskFailed(f"A chart or an overlay can be used with {names}, not with {request.text('action')}.")
    return action
