"""How long a pod's trouble must last before it fails a roll-out: some troubles heal."""

from __future__ import annotations

from typing import Any

from services.runner.tasks.k8s.pods import troubles
from services.runner.tasks.k8s.watch import lasting


def pod(reason: str, message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    status = {"name": "main", "image": "acme/web:2", "state": state, "restartCount": restarts}
    return {"metadata": {"name": "web-1"}, "status": {"containerStatuses": [status]}}


def test_a_pull_that_fails_for_a_moment_is_waited_for_however_it_is_called() -> None:
    memory: dict[str, Any] = {}
    unreachable = pod("ErrImagePull", "dial tcp: i/o timeout")
    backs_off = pod("ImagePullBackOff", 'Back-off pulling image "acme/web:2"')
    assert lasting(memory, 100.0, [unreachable]) == []
    assert lasting(memory, 110.0, [backs_off]) == []
    assert lasting(memory, 144.0, [unreachable]) == []
    assert [trouble.reason for trouble in lasting(memory, 146.0, [backs_off])] == ["ImagePullBackOff"]


def test_a_tag_that_is_not_there_fails_at_once_also_where_kubelet_no_longer_says_so() -> None:
    memory: dict[str, Any] = {}
    assert lasting(memory, 100.0, [pod("ErrImagePull", "manifest unknown")])
    assert lasting(memory, 101.0, [pod("ImagePullBackOff", 'Back-off pulling image "acme/web:2"')])


def test_a_container_may_crash_twice_until_what_it_needs_is_there() -> None:
    memory: dict[str, Any] = {}
    assert lasting(memory, 100.0, [pod("CrashLoopBackOff", restarts=1)]) == []
    assert lasting(memory, 130.0, [pod("CrashLoopBackOff", restarts=2)]) == []
    assert lasting(memory, 131.0, [pod("CrashLoopBackOff", restarts=3)])
    assert lasting({"troubles": {}}, 131.0, [pod("CrashLoopBackOff", restarts=3)])


def test_a_secret_that_is_made_beside_the_pods_has_time_to_come() -> None:
    (trouble,) = troubles(pod("CreateContainerConfigError", 'secret "tls" not found'))
    assert trouble.patience_s == 45.0
