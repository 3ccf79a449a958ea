"""Answers of a cluster's API server, read by all that watches, reads, compares, rolls back or writes objects.

`cluster_answers.json` has what a Kubernetes 1.20 answered about a Deployment whose new pods cannot start, a StatefulSet
that does not become ready, and a Job that fails: by path, pods by what made them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from kubernetes.client.exceptions import ApiException

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import Running, TaskFailed, TaskRequest, Tools
from services.runner.tasks.k8s import apply, mutations, queries, rollback
from services.runner.tasks.k8s.answer_shapes import ODD
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.discovery import DOING, Discovery
from services.runner.tasks.k8s.errors import ClusterError
from services.runner.tasks.k8s.manifests import Ref
from services.runner.tasks.k8s.watch import snapshot, too_late
from shared.contracts.runs import Started
from tests.support.in_process import InProcess
from tests.support.outbound import LOOPBACK

from .target import Target, as_json

_ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "cluster_answers.json").read_text())
_PODS = "/api/v1/namespaces/apps/pods"
_ABOUT = Started(execution_id="e", project="p", pipeline="web", pipeline_id="p1", index=1, requested_by="ann")
_TASK = {"kind": "Deployment", "name": "web", "namespace": "apps", "resourceName": "web", "patch": {"spec": {}}}
_MANIFEST = (
    '{"apiVersion": "%s", "kind": "%s", "metadata": {"name": "%s", "namespace": "apps"}, "spec": {"replicas": 3, '
    '"template": {"spec": {"containers": [{"name": "web", "image": "registry.example.com/acme/web:1.1"}]}}}}'
)


class AnsweringCluster(ClusterConnection):
    """A connection whose answers are in a table by path; what is written is answered as it was read."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.url, self.namespace = "https://k8s.example.com", "apps"
        self.logins = CloudLogins(LOOPBACK)
        self._answers = answers
        self._discovery = Discovery(lambda path: self._read(DOING, path))

    def _answer(self, method: str, path: str, **request: Any) -> bytes:
        if path.endswith("/log"):
            return b"no database"
        if path not in self._answers:
            raise ApiException(status=404, reason="Not Found")
        return as_json(self._answers[path])


class _Tools:
    """As much of a task's tools as reading a cluster takes."""

    at = 1_796_054_900.0

    def log(self, line: str) -> None:
        str(line)

    def now(self) -> float:
        self.at += 120.0
        return self.at

    def seal(self, value: Any) -> Any:
        return value

    def masking_key(self) -> bytes:
        return b"key"

    def stopping(self) -> bool:
        return False


def asked(ref: Ref, **more: Any) -> TaskRequest:
    given = {"timeout": 60, **more, "namespace": "apps"}
    return TaskRequest("K8S", "S", "T", 1, 1, 1, given, {}, _ABOUT, {}, cast("Tools", _Tools()), {})


def _watch(cluster: ClusterConnection, ref: Ref) -> None:
    request = asked(ref)
    snapshot(request, cluster, [ref])
    too_late(request, cluster, snapshot(request, cluster, [ref]))


def _apply(cluster: ClusterConnection, ref: Ref) -> None:
    request = asked(ref, yaml=_MANIFEST % (ref.api_version, ref.kind, ref.name))
    step = apply.start(request, cluster)
    if isinstance(step, Running):
        apply.observe(request, cluster, step.handle)


def _get(cluster: ClusterConnection, ref: Ref) -> None:
    named = {"kind": ref.kind, "apiVersion": ref.api_version}
    queries.GetObjects().start(asked(ref, name=ref.name, **named), cluster)
    queries.GetObjects().start(asked(ref, kind="po"), cluster)


def _patch(cluster: ClusterConnection, ref: Ref) -> None:
    named = {"kind": ref.kind, "apiVersion": ref.api_version, "name": ref.name}
    mutations.Patch().start(asked(ref, patch={"spec": {"replicas": 1}}, **named), cluster)
    mutations.DeleteObjects().start(asked(ref, **named), cluster)


def _roll_back(cluster: ClusterConnection, ref: Ref) -> None:
    rollback.RollBackTemplate().start(asked(ref, resourceType=ref.kind, resourceName=ref.name), cluster)


def _check(cluster: ClusterConnection, ref: Ref) -> None:
    cluster.version()
    cluster.may("get", "apps", "deployments", "apps")
    cluster.user()


_READINGS: tuple[Callable[[ClusterConnection, Ref], None], ...] = (_watch, _apply, _get, _patch, _roll_back, _check)


def _answered(ref: Ref) -> Callable[[InProcess, bytes], bool]:
    def send(_inside: InProcess, document: bytes) -> bool:
        try:
            answers = json.loads(document)
        except ValueError:
            return False
        if not isinstance(answers, dict):
            return False
        odd = 0
        for reading in _READINGS:
            try:
                reading(AnsweringCluster(answers), ref)
            except TaskFailed as error:
                odd += isinstance(error, ClusterError) and error.reason == ODD
        return odd < len(_READINGS)

    return send


def _conversation(ref: Ref, path: str) -> Target:
    """Everything that is asked about one workload."""
    answers = {place: answer for place, answer in _ANSWERS.items() if "/namespaces/" not in place or place == path}
    about = {place: answer for place, answer in _ANSWERS.items() if "/namespaces/" in place and _is_list(answer)}
    lists = {place: answer for place, answer in about.items() if not place.startswith(_PODS)}
    return Target(
        f"cluster, {ref.kind}", as_json({**answers, **lists, _PODS: about[f"{_PODS}?{ref.name}"]}), _answered(ref), 4
    )


def _is_list(answer: Any) -> bool:
    return "items" in answer


CLUSTERS: tuple[Target, ...] = (
    _conversation(Ref("apps/v1", "Deployment", "apps", "web"), "/apis/apps/v1/namespaces/apps/deployments/web"),
    _conversation(Ref("apps/v1", "StatefulSet", "apps", "db"), "/apis/apps/v1/namespaces/apps/statefulsets/db"),
    _conversation(Ref("batch/v1", "Job", "apps", "migrate"), "/apis/batch/v1/namespaces/apps/jobs/migrate"),
)
