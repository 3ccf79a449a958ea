"""Roll-outs on a real cluster that are not ready in time: the last sentences say why.

Last log lines are checked on the demo's cluster: not every real one lets its nodes' logs be read.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from shared.contracts.history import Status

from .k8s import Kube, Runs, deployment

pytestmark = pytest.mark.cluster
PAUSE = "local/pause:1"
BUSYBOX = "busybox:1.36"
SHORT = 0.25
"""Of a task's timeout: minutes in which a pod runs, and events have come."""


def failed(runs: Runs, text: str, space: str, timeout: float = SHORT) -> str:
    done = runs.run(yaml=text, namespace=space, timeout=timeout)
    assert done.state.status is Status.FAILED
    return str(done.state.message)


def test_a_probe_that_fails_is_named_with_its_answer(runs: Runs, space: str) -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo no database; exit 1"]}, "periodSeconds": 1}
    message = failed(runs, deployment("web", BUSYBOX, command=["sleep", "600"], readinessProbe=probe), space)
    assert "0 of 1 updated pod available. pod web-" in message
    assert "its readiness probe does not succeed (sh -c echo no database; exit 1: Readiness probe failed:" in message
    assert "no database) [Unhealthy]." in message


def test_an_init_container_that_does_not_end_is_named(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("web", PAUSE))
    waiting = {"name": "migrate", "image": BUSYBOX, "command": ["sh", "-c", "sleep 600"]}
    tree["spec"]["template"]["spec"]["initContainers"] = [waiting]
    message = failed(runs, yaml.safe_dump(tree), space)
    assert "container migrate: is an init container that has run since" in message
    assert "[Init]." in message


def test_a_volume_that_cannot_be_mounted_is_named(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("web", PAUSE))
    pod = tree["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "certs", "secret": {"secretName": "nowhere"}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "certs", "mountPath": "/certs"}]
    message = failed(runs, yaml.safe_dump(tree), space)
    assert "its volumes cannot be mounted: " in message
    assert 'secret "nowhere" not found' in message
    assert message.endswith("[FailedMount].")


def test_a_deadline_of_progress_says_why_too(runs: Runs, space: str) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    tree = yaml.safe_load(deployment("web", BUSYBOX, command=["sleep", "600"], readinessProbe=probe))
    tree["spec"]["progressDeadlineSeconds"] = 8
    message = failed(runs, yaml.safe_dump(tree), space, timeout=2)
    assert "made no progress within its progressDeadlineSeconds. pod web-" in message
    assert "its readiness probe does not succeed (false" in message


def test_a_job_that_fails_says_its_exit_code(runs: Runs, space: str) -> None:
    pod: dict[str, Any] = {"restartPolicy": "Never", "automountServiceAccountToken": False}
    pod["containers"] = [{"name": "main", "image": BUSYBOX, "command": ["sh", "-c", "exit 3"]}]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}
    message = failed(runs, yaml.safe_dump(job | {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}), space, 2)
    assert "ended (exit code 3) [Error]." in message


def test_a_stateful_set_whose_pods_are_refused_says_by_what(runs: Runs, kube: Kube, space: str) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    kube.call("POST", f"/api/v1/namespaces/{space}/resourcequotas", quota)
    tree = yaml.safe_load(deployment("db", PAUSE))
    tree["kind"], tree["spec"]["serviceName"] = "StatefulSet", "db"
    message = failed(runs, yaml.safe_dump(tree), space)
    assert "StatefulSet db: " in message
    assert "exceeded quota" in message
