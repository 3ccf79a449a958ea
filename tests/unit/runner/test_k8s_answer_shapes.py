"""An answer of another shape than Kubernetes' own is an answer in words, and never an unforeseen failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.runner.tasks.k8s import answer_shapes, inventory, managed_fields, stuck_pods
from services.runner.tasks.k8s.answer_shapes import Shape, shaped
from services.runner.tasks.k8s.errors import ClusterError
from services.runner.tasks.k8s.manifests import Ref
from services.runner.tasks.k8s.rollout import keeps_old_pods, readiness, revision_of
from services.runner.tasks.k8s.server_defaults import clearing
from services.runner.tasks.k8s.watch import snapshot
from tests.fuzz.clusters import CLUSTERS, AnsweringCluster, asked

WEB = Ref("apps/v1", "Deployment", "apps", "web")


def deployment(**change: Any) -> dict[str, Any]:
    meta = {"name": "web", "namespace": "apps", "uid": "u1", "resourceVersion": "7", "generation": 1}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {}, "status": {}, **change}


def pod(**status: Any) -> dict[str, Any]:
    meta = {"name": "web-1", "namespace": "apps", "uid": "u2"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": status}


def managed(fields: Any) -> dict[str, Any]:
    meta = {**deployment()["metadata"], "managedFields": [{"manager": "portside", "fieldsV1": fields}]}
    return deployment(metadata=meta)


LIVE = answer_shapes.live_object
ODD: list[tuple[Any, Shape, str]] = [
    (deployment(status={"availableReplicas": "abc"}), LIVE, '"abc" as status.availableReplicas, where a number is'),
    (deployment(spec={"replicas": "2"}), LIVE, '"2" as spec.replicas, where a number is'),
    (deployment(spec={"replicas": 2.5}), LIVE, "2.5 as spec.replicas, where a number is"),
    (deployment(spec={"replicas": True}), LIVE, "true or false as spec.replicas, where a number is"),
    (deployment(status=[]), LIVE, "a list as status, where a map is"),
    (deployment(status={"conditions": {}}), LIVE, "a map as status.conditions, where a list is"),
    (deployment(status={"conditions": [None]}), LIVE, "nothing as status.conditions[0], where a map is"),
    (deployment(metadata=None), LIVE, "nothing as metadata, where a map is"),
    (deployment(metadata={"name": ["web"]}), LIVE, "a list as metadata.name, where a text is"),
    (deployment(metadata={"name": "web", "labels": {"a": 1}}), LIVE, "a number as metadata.labels.a, where a text is"),
    (deployment(kind=None), LIVE, "nothing as kind, where a text is"),
    (
        deployment(spec={"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
        LIVE,
        "a text as spec.selector.matchExpressions[0].operator, where one of In, NotIn, Exists, DoesNotExist is",
    ),
    (managed({"f:spec": "all"}), LIVE, "a text as metadata.managedFields[0].fieldsV1.f:spec, where a map is"),
    (managed({"k:[1]": {}}), LIVE, "where a field, or a member of a list is"),
    (
        pod(containerStatuses=[{"name": "web", "restartCount": "3"}]),
        LIVE,
        '"3" as status.containerStatuses[0].restartCount, where a number is',
    ),
    ({"items": "none"}, answer_shapes.PAGE, "a text as items, where a list is"),
    ({"groups": [{"versions": [{}]}]}, answer_shapes.GROUPS, "nothing as groups[0].versions[0].groupVersion"),
    ({"resources": [{"name": "pods", "kind": 1}]}, answer_shapes.RESOURCES, "a number as resources[0].kind"),
    ({"status": {"allowed": "yes"}}, answer_shapes.ACCESS_REVIEW, "a text as status.allowed, where true or false is"),
]


@pytest.mark.parametrize(("answer", "shape", "words"), ODD, ids=[words for _, _, words in ODD])
def test_an_odd_answer_is_told_with_its_place(answer: Any, shape: Shape, words: str) -> None:
    with pytest.raises(ClusterError) as raised:
        shaped(answer, shape, f"read {WEB}")
    assert str(raised.value).startswith("Cannot read Deployment apps/web: the cluster answered ")
    assert words in str(raised.value) and raised.value.reason == answer_shapes.ODD and not raised.value.passing


def test_of_a_text_that_may_be_secret_nothing_is_shown() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": "hunter2"}}
    with pytest.raises(ClusterError) as raised:
        shaped(secret, LIVE, "read it")
    assert "hunter2" not in str(raised.value)


def test_null_is_absent_and_what_is_not_read_may_have_any_shape() -> None:
    live = deployment(spec={"replicas": None, "selector": None, "strategy": 5}, status={"conditions": None})
    assert readiness(shaped(live, LIVE, "read it")).message == "waiting for the controller to see the new version"
    custom = {"apiVersion": "example.com/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": [], "status": "done"}
    assert shaped(custom, LIVE, "read it") is custom and readiness(custom).ready


def test_a_roll_out_that_is_answered_with_words_for_numbers_ends_in_words() -> None:
    answers = json.loads(CLUSTERS[0].seed)
    path = "/apis/apps/v1/namespaces/apps/deployments/web"
    assert snapshot(asked(WEB), AnsweringCluster(answers), [WEB]).messages
    answers["/api/v1/namespaces/apps/events"]["items"][0]["count"] = "many"
    assert snapshot(asked(WEB), AnsweringCluster(answers), [WEB]).messages, "events only explain"
    answers[path]["status"]["updatedReplicas"] = "abc"
    with pytest.raises(ClusterError, match=r'answered "abc" as status\.updatedReplicas, where a number is expected'):
        snapshot(asked(WEB), AnsweringCluster(answers), [WEB])


def test_fields_of_custom_kinds_are_not_taken_for_those_of_kubernetes() -> None:
    custom = {
        "apiVersion": "example.com/v1",
        "kind": "Cache",
        "metadata": {"name": "a"},
        "spec": {"updateStrategy": "RollingUpdate", "parts": [{"name": {"en": "a"}}]},
    }
    assert not keeps_old_pods(custom)
    assert stuck_pods.of_set(custom, [], (), put_back=False) == []
    entry = {"manager": "portside", "operation": "Apply", "fieldsV1": {"f:spec": {"f:parts": {}}}}
    owned = {**custom, "metadata": {"name": "a", "managedFields": [entry]}}
    assert clearing(owned, {"spec": {"parts": [{"name": {"en": "a"}}]}}) is None
    assert managed_fields.bare({**custom, "kind": "CronJob"})["spec"] == {}


@pytest.mark.parametrize(("written", "revision"), [("12", 12), ("", 0), ("abc", 0), ("9" * 40, 0)])
def test_a_revision_that_somebody_has_overwritten_counts_as_none(written: str, revision: int) -> None:
    assert revision_of({"metadata": {"annotations": {"deployment.kubernetes.io/revision": written}}}) == revision


@pytest.mark.parametrize("written", ["[", '{"a": 1}', '[{"kind": "Job"}]', "[5]"])
def test_a_record_of_a_release_that_somebody_has_changed_is_told(written: str) -> None:
    with pytest.raises(Exception, match=r"The record of the release in ConfigMap apps/portside-release-web cannot be"):
        inventory._entries(written, Ref("v1", "ConfigMap", "apps", "portside-release-web"))
