"""Why a pod is not ready in time, in the words of the roll-out's last sentence."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.pods import describe
from services.runner.tasks.k8s.unready import reason

PROBE = {"httpGet": {"path": "/health", "port": 8080}}
ENDED = {"exitCode": 137, "reason": "Error"}


def pod(state: dict[str, Any], *, of: str = "container", meta: dict[str, Any] | None = None, **more: Any) -> Any:
    status: dict[str, Any] = {"name": "main", "state": state}
    status |= {key: more.pop(key) for key in ("ready", "started", "lastState", "restartCount") if key in more}
    conditions = [{"type": "PodScheduled", "status": "True"}, *more.pop("conditions", [])]
    spec = {f"{of}s": [{"name": "main", **more.pop("container", {})}], **more}
    key = "initContainerStatuses" if of == "initContainer" else "containerStatuses"
    return {
        "metadata": {"name": "web-1", **(meta or {})},
        "spec": spec,
        "status": {key: [status], "conditions": conditions},
    }


def warning(reason: str, message: str) -> dict[str, Any]:
    return {"reason": reason, "message": message}


RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
WAITS: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
CAUSES = [
    (
        pod(RUNS, ready=False, container={"readinessProbe": PROBE}),
        [warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")],
        "its readiness probe does not succeed (GET /health on port 8080: "
        "Readiness probe failed: HTTP probe failed with statuscode: 503) [Unhealthy]",
        True,
    ),
    (
        pod(RUNS, ready=False, container={"readinessProbe": {"exec": {"command": ["check"]}}}),
        [
            warning("Unhealthy", "Readiness probe failed: no cache"),
            warning("Unhealthy", "Readiness probe failed: no database\n"),
            warning("Unhealthy", "Readiness probe failed: "),
            warning("Unhealthy", "Liveness probe failed: slow"),
        ],
        "its readiness probe does not succeed (check: Readiness probe failed: no database) [Unhealthy]",
        True,
    ),
    (
        pod(RUNS, ready=False, container={"readinessProbe": {"exec": {"command": ["check"]}}}),
        [warning("Unhealthy", "Readiness probe failed: ")],
        "its readiness probe does not succeed (check: Readiness probe failed:) [Unhealthy]",
        True,
    ),
    (
        pod(RUNS, ready=False, started=False, container={"startupProbe": {"tcpSocket": {"port": 80}}}),
        [],
        "its startup probe does not succeed (TCP on port 80) [Unhealthy]",
        True,
    ),
    (
        pod(
            RUNS,
            ready=False,
            container={"readinessProbe": {"exec": {"command": ["cat", "/ready"]}}},
            lastState={"terminated": ENDED},
            restartCount=2,
        ),
        [],
        "its readiness probe does not succeed (cat /ready); restarted 2 times, last ended with exit code 137 "
        "[Unhealthy]",
        True,
    ),
    (pod(RUNS, ready=False), [], "runs and is not ready [NotReady]", True),
    (
        pod(RUNS, of="initContainer"),
        [],
        "is an init container that has run since 2026-01-01T00:00:00Z [Init]",
        True,
    ),
    (
        pod(WAITS),
        [warning("FailedMount", 'MountVolume.SetUp failed for volume "c" : secret "tls" not found')],
        'its volumes cannot be mounted: MountVolume.SetUp failed for volume "c" : secret "tls" not found [FailedMount]',
        False,
    ),
    (pod({"terminated": {"exitCode": 3, "reason": "Error"}}), [], "ended (exit code 3) [Error]", True),
    (
        pod(RUNS, ready=True, readinessGates=[{"conditionType": "example.com/lb"}]),
        [],
        "its readiness gate example.com/lb is not met; its controller has not set that condition [ReadinessGate]",
        False,
    ),
    (
        pod(RUNS, ready=True, meta={"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/held"]}),
        [],
        "is being deleted: held by example.com/held [Terminating]",
        False,
    ),
    (
        {"metadata": {"name": "web-1"}, "status": {"phase": "Pending", "conditions": []}},
        [],
        "no node can take it: the scheduler has not looked at it [Pending]",
        False,
    ),
    (
        {
            "metadata": {"name": "web-1"},
            "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
        },
        [],
        "failed: The node was low on resource: memory. [Evicted]",
        False,
    ),
]


@pytest.mark.parametrize(("live", "warnings", "words", "wants_log"), CAUSES)
def test_what_keeps_a_pod_from_being_ready_is_named(live: Any, warnings: Any, words: str, wants_log: bool) -> None:
    cause = reason(live, warnings)
    assert cause is not None
    assert describe(cause).split(": ", 1)[1] == words
    assert cause.wants_log is wants_log


def test_a_ready_pod_has_no_cause() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    assert reason(pod(RUNS, ready=True, conditions=ready), [warning("Unhealthy", "earlier")]) is None
