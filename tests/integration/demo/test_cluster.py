"""The fake cluster, met through the official client as a runner meets it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from kubernetes import client
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic import exceptions as k8s_errors

from demo.cluster.server import FakeCluster
from tests.support.patience import until

Obj = dict[str, Any]
PACE_S = 0.25


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    fake = FakeCluster(pace_s=PACE_S, namespaces=("apps",))
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def dynamic(cluster: FakeCluster, tmp_path_factory: pytest.TempPathFactory) -> DynamicClient:
    return connect(cluster, tmp_path_factory.mktemp("discovery") / "cache.json")


@pytest.fixture
def namespace(dynamic: DynamicClient, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"n{abs(hash(request.node.name)) % 10**8}"
    kind = dynamic.resources.get(api_version="v1", kind="Namespace")
    kind.create(body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kind.delete(name=name)


def connect(cluster: FakeCluster, cache: Path) -> DynamicClient:
    configuration = client.Configuration(host=cluster.url)
    configuration.api_key = {"authorization": f"Bearer {cluster.token}"}
    return DynamicClient(client.ApiClient(configuration), cache_file=str(cache))  # type: ignore[no-untyped-call]


def deployment(tag: str, *, name: str = "web", **spec: Any) -> Obj:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": f"acme/web:{tag}"}]},
            },
            **spec,
        },
    }


def rolled_out(obj: Any) -> bool:
    """As kubectl judges it."""
    status: Any = obj.status or {}
    wanted = obj.spec.replicas
    return bool(
        (status.observedGeneration or 0) >= obj.metadata.generation
        and (status.updatedReplicas or 0) == wanted
        and (status.replicas or 0) == wanted
        and (status.availableReplicas or 0) == wanted
    )


def test_an_applied_deployment_rolls_out_and_its_objects_look_as_in_a_cluster(
    dynamic: DynamicClient, namespace: str
) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    first = kind.server_side_apply(body=deployment("1"), namespace=namespace, field_manager="portside")
    assert first.metadata.generation == 1 and not rolled_out(first)
    until(lambda: rolled_out(kind.get(name="web", namespace=namespace)))

    live = kind.get(name="web", namespace=namespace)
    assert live.metadata.annotations["deployment.kubernetes.io/revision"] == "1"
    sets = dynamic.resources.get(api_version="apps/v1", kind="ReplicaSet").get(namespace=namespace).items
    assert [one.metadata.labels["app"] for one in sets] == ["web"]
    pods = dynamic.resources.get(api_version="v1", kind="Pod").get(namespace=namespace, label_selector="app=web").items
    mark = sets[0].metadata.labels["pod-template-hash"]
    assert [pod.metadata.labels["pod-template-hash"] for pod in pods] == [mark, mark]
    assert all(pod.status.containerStatuses[0].state.running for pod in pods)


def test_a_second_template_gets_the_next_revision_and_an_undo_brings_the_first_set_back(
    dynamic: DynamicClient, namespace: str
) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    sets = dynamic.resources.get(api_version="apps/v1", kind="ReplicaSet")
    for tag in ("1", "2", "1"):
        kind.server_side_apply(body=deployment(tag), namespace=namespace, field_manager="portside")
        until(lambda: rolled_out(kind.get(name="web", namespace=namespace)))
    by_revision = {
        one.metadata.annotations["deployment.kubernetes.io/revision"]: one.spec.template.spec.containers[0].image
        for one in sets.get(namespace=namespace).items
    }
    assert by_revision == {"3": "acme/web:1", "2": "acme/web:2"}


def test_a_broken_image_never_becomes_ready_and_the_old_pods_stay(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    pods = dynamic.resources.get(api_version="v1", kind="Pod")
    kind.server_side_apply(body=deployment("1"), namespace=namespace, field_manager="portside")
    until(lambda: rolled_out(kind.get(name="web", namespace=namespace)))
    body = deployment("broken", progressDeadlineSeconds=1)
    kind.server_side_apply(body=body, namespace=namespace, field_manager="portside")

    def progress() -> str:
        conditions = kind.get(name="web", namespace=namespace).status.conditions
        return next(str(one.reason) for one in conditions if one.type == "Progressing")

    until(lambda: progress() == "ProgressDeadlineExceeded")
    reasons = sorted(
        one.status.containerStatuses[0].state.waiting.reason if one.status.phase == "Pending" else "running"
        for one in pods.get(namespace=namespace).items
    )
    assert reasons == ["ImagePullBackOff", "ImagePullBackOff", "running", "running"]
    events = dynamic.resources.get(api_version="v1", kind="Event").get(
        namespace=namespace, field_selector="type=Warning"
    )
    assert any("ErrImagePull" in event.message for event in events.items)


def test_an_apply_of_a_field_that_another_manager_owns_is_a_conflict_unless_forced(
    dynamic: DynamicClient, namespace: str
) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    kind.server_side_apply(body=deployment("1"), namespace=namespace, field_manager="portside")
    with pytest.raises(k8s_errors.ConflictError) as refused:
        kind.server_side_apply(body=deployment("2"), namespace=namespace, field_manager="other")
    assert (
        'conflict with "portside": .spec.template.spec.containers[name="web"].image'
        in json.loads(refused.value.body or "")["message"]
    )
    kind.server_side_apply(body=deployment("2"), namespace=namespace, field_manager="other", force_conflicts=True)
    assert kind.get(name="web", namespace=namespace).spec.template.spec.containers[0].image == "acme/web:2"
    with pytest.raises(k8s_errors.ConflictError, match="other"):
        kind.server_side_apply(body=deployment("3"), namespace=namespace, field_manager="portside")


def test_a_field_that_its_only_owner_stops_sending_goes_and_a_shared_one_stays(
    dynamic: DynamicClient, namespace: str
) -> None:
    kind = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}
    kind.server_side_apply(body=body, namespace=namespace, field_manager="portside")
    shared: Obj = {**copy.deepcopy(body), "data": {"b": "2"}}
    kind.server_side_apply(body=shared, namespace=namespace, field_manager="other")
    kind.server_side_apply(body={**body, "data": {"c": "3"}}, namespace=namespace, field_manager="portside")
    assert kind.get(name="c", namespace=namespace).data.to_dict() == {"b": "2", "c": "3"}


def test_an_apply_that_changes_nothing_keeps_the_version(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    versions = {
        kind.server_side_apply(body=body, namespace=namespace, field_manager="portside").metadata.resourceVersion
        for _ in range(3)
    }
    assert len(versions) == 1


def test_a_dry_run_is_checked_and_leaves_nothing(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    tried = kind.server_side_apply(body=deployment("1"), namespace=namespace, field_manager="portside", dry_run="All")
    assert tried.spec.template.spec.containers[0].imagePullPolicy == "IfNotPresent"
    with pytest.raises(k8s_errors.NotFoundError):
        kind.get(name="web", namespace=namespace)


@pytest.mark.parametrize(
    ("edit", "status", "says"),
    [
        (lambda body: body["spec"].update(replica=2), 400, ".spec.replica: field not declared in schema"),
        (lambda body: body["spec"].update(replicas="two"), 400, ".spec.replicas"),
        (lambda body: body["spec"]["template"]["metadata"].update(labels={"app": "x"}), 422, "does not match template"),
        (lambda body: body["spec"]["template"]["spec"].update(containers=[]), 422, "containers: Required value"),
        (lambda body: body["metadata"].update(resourceVersion="1"), 409, "does not exist"),
        (lambda body: body["metadata"].update(labels={"a": "b c"}), 422, "metadata.labels"),
        (lambda body: body["metadata"].update(managedFields=[{"manager": "x"}]), 400, "managedFields must be nil"),
    ],
)
def test_a_wrong_apply_is_refused_with_the_field(
    dynamic: DynamicClient, namespace: str, edit: Callable[[Obj], None], status: int, says: str
) -> None:
    body = deployment("1")
    edit(body)
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    with pytest.raises(k8s_errors.DynamicApiError) as refused:
        kind.server_side_apply(body=body, namespace=namespace, field_manager="portside")
    assert refused.value.status == status
    assert says in str(refused.value.body)


def test_an_apply_needs_a_field_manager_and_a_namespace_that_exists(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    with pytest.raises(k8s_errors.DynamicApiError, match="fieldManager"):
        kind.server_side_apply(body=deployment("1"), namespace=namespace)
    with pytest.raises(k8s_errors.NotFoundError, match="nowhere"):
        kind.server_side_apply(body=deployment("1"), namespace="nowhere", field_manager="portside")


def test_an_apply_that_builds_on_an_older_version_is_a_conflict(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    version = kind.server_side_apply(body=body, namespace=namespace, field_manager="p").metadata.resourceVersion
    kind.server_side_apply(body={**body, "data": {"a": "2"}}, namespace=namespace, field_manager="p")
    stale = {**body, "metadata": {"name": "c", "resourceVersion": version}}
    with pytest.raises(k8s_errors.ConflictError, match="has been modified"):
        kind.server_side_apply(body=stale, namespace=namespace, field_manager="p")


def test_a_watch_shows_what_happens_from_a_version_on(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    start = kind.get(namespace=namespace).metadata.resourceVersion
    body: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    kind.create(body=body, namespace=namespace)
    kind.patch(body={"data": {"a": "2"}}, name="c", namespace=namespace, content_type="application/merge-patch+json")
    kind.delete(name="c", namespace=namespace)
    seen = [event["type"] for event in kind.watch(namespace=namespace, resource_version=start, timeout=1)]
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_job_completes_and_one_of_a_failing_image_fails_with_its_reason(
    dynamic: DynamicClient, namespace: str
) -> None:
    kind = dynamic.resources.get(api_version="batch/v1", kind="Job")
    for name, tag in (("good", "1"), ("bad", "fail")):
        spec: Obj = {"restartPolicy": "Never", "containers": [{"name": "main", "image": f"acme/job:{tag}"}]}
        body = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": {"spec": spec}},
        }
        kind.server_side_apply(body=body, namespace=namespace, field_manager="portside")

    def ends() -> dict[str, str]:
        return {
            job.metadata.name: f"{one.type}/{one.reason}"
            for job in kind.get(namespace=namespace).items
            for one in job.status.conditions or ()
        }

    until(lambda: len(ends()) == 2)
    assert ends() == {"good": "Complete/CompletionsReached", "bad": "Failed/BackoffLimitExceeded"}


def test_deleting_a_deployment_takes_its_sets_and_pods_along(dynamic: DynamicClient, namespace: str) -> None:
    kind = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    pods = dynamic.resources.get(api_version="v1", kind="Pod")
    kind.server_side_apply(body=deployment("1"), namespace=namespace, field_manager="portside")
    until(lambda: len(pods.get(namespace=namespace).items) == 2)
    kind.delete(name="web", namespace=namespace, propagation_policy="Background")
    assert pods.get(namespace=namespace).items == []


def test_stateful_sets_daemon_sets_services_and_secrets_are_served(dynamic: DynamicClient, namespace: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "m", "image": "acme/db:1"}]}}
    selector = {"matchLabels": {"a": "b"}}
    stateful = dynamic.resources.get(api_version="apps/v1", kind="StatefulSet")
    body: Obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}}
    body["spec"] = {"serviceName": "db", "replicas": 2, "selector": selector, "template": template}
    stateful.server_side_apply(body=body, namespace=namespace, field_manager="p")
    daemon = dynamic.resources.get(api_version="apps/v1", kind="DaemonSet")
    body = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}}
    daemon.server_side_apply(
        body=body | {"spec": {"selector": selector, "template": template}}, namespace=namespace, field_manager="p"
    )
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db"},
        "spec": {"ports": [{"port": 80}]},
    }
    made = dynamic.resources.get(api_version="v1", kind="Service").create(body=service, namespace=namespace)
    assert made.spec.clusterIP.startswith("10.96.")
    secret: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}
    stored = dynamic.resources.get(api_version="v1", kind="Secret").create(body=secret, namespace=namespace)
    assert stored.data.k == "dg=="
    until(lambda: stateful.get(name="db", namespace=namespace).status.readyReplicas == 2)
    until(lambda: daemon.get(name="agent", namespace=namespace).status.numberReady == 1)


def test_a_custom_resource_is_served_after_its_definition(dynamic: DynamicClient, namespace: str) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
    dynamic.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition").create(body=crd)
    dynamic.resources.invalidate_cache()
    boats = dynamic.resources.get(api_version="example.com/v1", kind="Boat")
    body = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "b"}, "spec": {"sails": [1, 2]}}
    boats.server_side_apply(body=body, namespace=namespace, field_manager="p")
    assert boats.get(name="b", namespace=namespace).spec.sails == [1, 2]


def test_a_call_without_a_good_token_is_refused(cluster: FakeCluster) -> None:
    assert requests.get(f"{cluster.url}/version", timeout=30).json()["major"] == "1"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = requests.get(f"{cluster.url}/api/v1/namespaces", headers=headers, timeout=30)
        assert answer.status_code == 401
        assert answer.json()["reason"] == "Unauthorized"


def test_rules_and_faults_can_be_set_from_outside(cluster: FakeCluster, dynamic: DynamicClient) -> None:
    pods = dynamic.resources.get(api_version="v1", kind="Pod")
    requests.post(f"{cluster.url}/_fake/denied", json={"resource": "pods", "verb": "list"}, timeout=30)
    with pytest.raises(k8s_errors.ForbiddenError, match="cannot list resource"):
        pods.get(namespace="apps")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"resource": "pods", "verb": "list", "namespace": "apps"}},
    }
    reviews = dynamic.resources.get(api_version="authorization.k8s.io/v1", kind="SelfSubjectAccessReview")
    assert reviews.create(body=review).status.allowed is False
    requests.delete(f"{cluster.url}/_fake/denied", timeout=30)
    assert reviews.create(body=review).status.allowed is True
    requests.post(f"{cluster.url}/_fake/faults", json={"method": "GET", "path": "/pods$", "status": 503}, timeout=30)
    with pytest.raises(k8s_errors.ServiceUnavailableError):
        pods.get(namespace="apps")
    assert pods.get(namespace="apps").items == []


def test_the_state_file_brings_the_objects_back(tmp_path: Path) -> None:
    state = tmp_path / "cluster.json"
    first = FakeCluster(pace_s=PACE_S, state=state, namespaces=("apps",))
    kind = connect(first, tmp_path / "one.json").resources.get(api_version="apps/v1", kind="Deployment")
    kind.server_side_apply(body=deployment("7"), namespace="apps", field_manager="p")
    first.close()
    second = FakeCluster(pace_s=PACE_S, state=state)
    try:
        again = connect(second, tmp_path / "two.json").resources.get(api_version="apps/v1", kind="Deployment")
        assert again.get(name="web", namespace="apps").spec.template.spec.containers[0].image == "acme/web:7"
        until(lambda: rolled_out(again.get(name="web", namespace="apps")))
    finally:
        second.close()
