"""When a workload is ready, and what is wrong with its pods."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s import (
    stuck_pods,
)
from services.runner.tasks.k8s.pods import describe, troubles
from services.runner.tasks.k8s.rollout import readiness


def deployment(status: dict[str, Any], *, replicas: int | None = 2, generation: int = 3) -> dict[str, Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    meta = {"name": "web", "generation": generation}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": status}


SEEN = {"observedGeneration": 3}


ALL = {**SEEN, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


DEPLOYMENTS = [
    ({}, False, False, "controller"),
    ({**ALL, "observedGeneration": 2}, False, False, "controller"),
    ({**SEEN, "replicas": 2, "updatedReplicas": 1}, False, False, "1 of 2 pods updated"),
    ({**ALL, "replicas": 3}, False, False, "1 pod of an earlier version still running"),
    ({**ALL, "availableReplicas": None}, False, False, "0 of 2 updated pods available"),
    (ALL, True, False, "2 of 2 pods available"),
    (
        {**ALL, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}]},
        False,
        True,
        "progressDeadlineSeconds",
    ),
    (
        {**SEEN, "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}]},
        False,
        True,
        "exceeded quota",
    ),
]


@pytest.mark.parametrize(("status", "ready", "failed", "words"), DEPLOYMENTS)
def test_a_deployment_is_ready_as_kubectl_sees_it(
    status: dict[str, Any], ready: bool, failed: bool, words: str
) -> None:
    how = readiness(deployment(status))
    assert (how.ready, how.failed) == (ready, failed)
    assert words in how.message


def test_a_deployment_scaled_to_nothing_is_ready_without_counters() -> None:
    assert readiness(deployment(SEEN, replicas=0)).ready


def workload(kind: str, spec: dict[str, Any], status: dict[str, Any], group: str = "apps/v1") -> dict[str, Any]:
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "x", "generation": 1},
        "spec": spec,
        "status": status,
    }


ONE = {"observedGeneration": 1}


OTHERS = [
    ("StatefulSet", {"replicas": 1}, {}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 0}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "a"}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "b"}, True),
    (
        "StatefulSet",
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
        {**ONE, "readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
        True,
    ),
    ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "readyReplicas": 0}, False),
    ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "readyReplicas": 1}, True),
    ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "desiredNumberScheduled": 1}, False),
    (
        "DaemonSet",
        {"updateStrategy": {"type": "OnDelete"}},
        {**ONE, "desiredNumberScheduled": 1, "numberAvailable": 1},
        True,
    ),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}, False),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2}, False),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}, True),
]


@pytest.mark.parametrize(("kind", "spec", "status", "ready"), OTHERS)
def test_other_workloads_are_ready_when_their_counters_say_so(
    kind: str, spec: dict[str, Any], status: dict[str, Any], ready: bool
) -> None:
    assert readiness(workload(kind, spec, status)).ready is ready


@pytest.mark.parametrize(
    ("conditions", "ready", "failed"),
    [
        ([], False, False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], False, False),
        ([{"type": "FailureTarget", "status": "True"}], False, False),
        ([{"type": "Suspended", "status": "True"}], False, False),
        ([{"type": "Complete", "status": "True"}], True, False),
        ([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}], False, True),
    ],
)
def test_a_job_ends_by_its_terminal_conditions_alone(
    conditions: list[dict[str, str]], ready: bool, failed: bool
) -> None:
    how = readiness(workload("Job", {}, {"succeeded": 1, "conditions": conditions}, "batch/v1"))
    assert (how.ready, how.failed) == (ready, failed)


def test_what_has_nothing_to_wait_for_is_ready() -> None:
    assert readiness({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}).ready
    foreign = {"apiVersion": "example.com/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    assert readiness(foreign).ready


def pod(waiting: dict[str, str], **status: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "acme/web:2", "state": {"waiting": waiting}, **status}
    return {
        "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "main", "image": "acme/web:2"}]},
        "status": {"containerStatuses": [container]},
    }


TROUBLES = [
    ("ImagePullBackOff", "manifest unknown", "no such tag or digest", 0.0),
    ("ErrImagePull", "manifest for acme/web:2 not found: manifest unknown", "no such tag or digest", 0.0),
    ("ErrImagePull", "pull access denied for acme/web, repository does not exist", "imagePullSecrets", 0.0),
    ("ErrImagePull", "dial tcp: lookup registry: no such host", "cannot reach the registry", 45.0),
    ("ImagePullBackOff", "x509: certificate signed by unknown authority", "trust the registry", 0.0),
    ("ImagePullBackOff", "toomanyrequests: You have reached your pull rate limit", "pull limit", 45.0),
    ("CreateContainerConfigError", 'configmap "nowhere" not found', "create it in the same namespace", 45.0),
    ("InvalidImageName", "couldn't parse image reference", "cannot be used", 0.0),
]


@pytest.mark.parametrize(("reason", "said", "words", "patience_s"), TROUBLES)
def test_a_pods_trouble_is_told_with_what_to_do(reason: str, said: str, words: str, patience_s: float) -> None:
    (trouble,) = troubles(pod({"reason": reason, "message": said}))
    assert words in trouble.message
    assert trouble.patience_s == patience_s
    assert describe(trouble).startswith("pod web-1, container main: ")
    assert describe(trouble).endswith(f"[{reason}]")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"exitCode": 3}, "exit code 3"),
        ({"exitCode": 137, "reason": "OOMKilled"}, "raise its memory limit"),
        ({"exitCode": 127}, "its command was not found"),
        ({"exitCode": 1, "message": "no such\nfile"}, "no such file"),
    ],
)
def test_a_crash_is_told_by_how_the_container_ended(ended: dict[str, Any], words: str) -> None:
    (trouble,) = troubles(pod({"reason": "CrashLoopBackOff"}, lastState={"terminated": ended}, restartCount=2))
    assert words in trouble.message
    assert trouble.wants_log


def test_starting_and_leaving_pods_are_no_trouble() -> None:
    assert list(troubles(pod({"reason": "ContainerCreating"}))) == []
    leaving = pod({"reason": "ImagePullBackOff"})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert list(troubles(leaving)) == []


def replica(name: str, revision: str, *, ready: bool = False) -> dict[str, Any]:
    labels = {"controller-revision-hash": revision}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}


def stateful_set(**spec: Any) -> dict[str, Any]:
    status = {**SEEN, "updateRevision": "new"}
    return {"kind": "StatefulSet", "metadata": {"generation": 3}, "spec": spec, "status": status}


def test_broken_pods_of_an_earlier_version_hold_a_stateful_set_up() -> None:
    older = [replica("db-0", "old", ready=True), *(replica(f"db-{n}", "old") for n in (1, 2, 3))]
    older[3]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def names(live: dict[str, Any], *, put_back: bool) -> list[str]:
        found = stuck_pods.of_set(live, older, {"db-2"}, put_back=put_back)
        return [one["metadata"]["name"] for one in found]

    assert names(stateful_set(), put_back=False) == ["db-2"], "what is not ready yet may be on its way"
    assert names(stateful_set(), put_back=True) == ["db-1", "db-2"], "all was ready before the version that failed"
    kept = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}
    assert names(stateful_set(**kept), put_back=True) == [], "a partition keeps older pods on purpose"
    unseen = stateful_set()
    unseen["metadata"]["generation"] = 4
    assert names(unseen, put_back=True) == [], "which version is the newest is not known yet"
