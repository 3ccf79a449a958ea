"""What people reported of other tools, on a real cluster: taking over from kubectl, deletions, quotas, Jobs that go."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import Any

import pytest
import yaml

from services.config.model.claims import State
from shared.contracts.history import Status
from tests.support.patience import until

from .k8s import Kube, Runs, deployment

pytestmark = pytest.mark.cluster
PAUSE = "local/pause:1"
BUSYBOX = "busybox:1.36"


def config_map(space: str, **data: str) -> str:
    meta = {"name": "settings", "namespace": space}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


def message(done: Any) -> str:
    return str(done.state.task("Deploy", "Apply").message)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: apt-get install kubernetes-client)")
@pytest.mark.parametrize("force", [False, True])
def test_a_key_that_kubectl_applied_goes_with_the_manifest(runs: Runs, kube: Kube, space: str, force: bool) -> None:
    both = config_map(space, key="1", legacy="2")
    subprocess.run(["kubectl", "apply", "-f", "-"], input=both, text=True, check=True, timeout=60, capture_output=True)
    first = runs.run(yaml=both, namespace=space, force=force)
    assert first.state.status is Status.COMPLETED, first.state.message
    done = runs.run(yaml=config_map(space, key="1"), namespace=space, force=force)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert "nothing to do" not in message(done)
    live = kube.call("GET", f"/api/v1/namespaces/{space}/configmaps/settings")
    assert live["data"] == {"key": "1"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: apt-get install kubernetes-client)")
def test_the_first_apply_drops_what_only_kubectl_had_and_its_diff_says_so(runs: Runs, kube: Kube, space: str) -> None:
    both = config_map(space, key="1", legacy="2")
    subprocess.run(["kubectl", "apply", "-f", "-"], input=both, text=True, check=True, timeout=60, capture_output=True)
    tried = runs.run(yaml=config_map(space, key="1"), namespace=space, dryRun=True)
    assert any("-  legacy" in line for line in tried.lines), tried.lines
    done = runs.run(yaml=config_map(space, key="1"), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.call("GET", f"/api/v1/namespaces/{space}/configmaps/settings")["data"] == {"key": "1"}


def test_what_another_manager_than_kubectl_wrote_stays(runs: Runs, kube: Kube, space: str) -> None:
    body = yaml.safe_load(config_map(space, key="1", theirs="2"))
    kube.call("POST", f"/api/v1/namespaces/{space}/configmaps?fieldManager=helm", body)
    done = runs.run(yaml=config_map(space, key="1"), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.call("GET", f"/api/v1/namespaces/{space}/configmaps/settings")["data"] == {"key": "1", "theirs": "2"}


def held(kube: Kube, space: str) -> str:
    """A ConfigMap that was deleted and is held by a finalizer; returns its path."""
    body = yaml.safe_load(config_map(space, key="old"))
    body["metadata"]["finalizers"] = ["example.com/held"]
    path = f"/api/v1/namespaces/{space}/configmaps"
    kube.call("POST", path, body)
    kube.call("DELETE", f"{path}/settings")
    return f"{path}/settings"


def release(kube: Kube, path: str) -> None:
    released = [{"op": "remove", "path": "/metadata/finalizers"}]
    kube.call("PATCH", path, released, "application/json-patch+json")


@pytest.mark.parametrize("action", ["APPLY", "CREATE"])
def test_what_is_being_deleted_is_made_again_once_it_is_gone(runs: Runs, kube: Kube, space: str, action: str) -> None:
    path = held(kube, space)
    ledger, holder = runs.begin(action=action, yaml=config_map(space, key="new"), namespace=space)
    try:
        until(lambda: any("it is made again once it is gone" in line for line in ledger.lines))
        release(kube, path)
        until(lambda: ledger.holding.state is State.ENDED)
    finally:
        holder.close(3)
    done = ledger
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.call("GET", path)["data"] == {"key": "new"}


@pytest.mark.parametrize("action", ["APPLY", "CREATE", "DELETE"])
def test_what_does_not_go_in_time_is_told_with_the_finalizer_that_holds_it(
    runs: Runs, kube: Kube, space: str, action: str
) -> None:
    path = held(kube, space)
    try:
        done = runs.run(action=action, yaml=config_map(space, key="new"), namespace=space, timeout=0.05)
        assert done.state.status is Status.FAILED
        words = (
            f"ConfigMap {space}/settings is being deleted and did not go within 3 s. What holds it: example.com/held."
        )
        assert words in done.state.message
    finally:
        release(kube, path)


def test_a_paused_deployment_fails_at_once_with_the_command_that_resumes_it(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("web", PAUSE))
    tree["spec"]["paused"] = True
    began = time.monotonic()
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space)
    assert done.state.status is Status.FAILED
    assert f"kubectl rollout resume deployment/web -n {space}" in done.state.message
    assert time.monotonic() - began < 30


def test_a_full_quota_has_patience_while_old_pods_end(runs: Runs, kube: Kube, space: str) -> None:
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "2"}}}
    kube.call("POST", f"/api/v1/namespaces/{space}/resourcequotas", quota)
    tree = yaml.safe_load(deployment("web", PAUSE))
    tree["spec"] |= {"replicas": 2, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}
    pod = tree["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 5
    pod["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["/pause"]}}}
    for value in ("1", "2"):
        pod["containers"][0]["env"] = [{"name": "V", "value": value}]
        done = runs.run(yaml=yaml.safe_dump(tree), namespace=space, timeout_s=240)
        assert done.state.status is Status.COMPLETED, done.state.message


def test_an_update_on_delete_waits_and_says_which_image_the_pods_run(runs: Runs, space: str, kube: Kube) -> None:
    tree = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "od"},
        "spec": {
            "serviceName": "od",
            "replicas": 1,
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": {"app": "od"}},
            "template": {
                "metadata": {"labels": {"app": "od"}},
                "spec": {"containers": [{"name": "web", "image": PAUSE}]},
            },
        },
    }
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert "1 of 1 pod ready" in message(done)
    template: Any = tree["spec"]
    template["template"]["spec"]["containers"][0]["image"] = "local/pause:none"
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert f"runs {PAUSE}" in message(done)
    assert "OnDelete" in message(done)


def test_a_partition_waits_for_its_part_and_says_which_images_the_pods_run(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("db", PAUSE, replicas=2))
    tree["kind"], tree["spec"]["serviceName"] = "StatefulSet", "db"
    assert runs.run(yaml=yaml.safe_dump(tree), namespace=space, timeout_s=180).state.status is Status.COMPLETED
    tree["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    tree["spec"]["template"]["spec"]["containers"][0] |= {"image": BUSYBOX, "command": ["sleep", "600"]}
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space, timeout_s=180)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert "1 pod updated (partition 1)" in message(done)
    assert PAUSE in message(done)
    assert BUSYBOX in message(done)


def test_an_account_made_seconds_later_is_waited_for(runs: Runs, kube: Kube, space: str) -> None:
    tree = yaml.safe_load(deployment("web", PAUSE))
    tree["spec"]["template"]["spec"]["serviceAccountName"] = "late"
    ledger, holder = runs.begin(yaml=yaml.safe_dump(tree), namespace=space)
    try:
        until(lambda: refused(kube, space, "web"))
        kube.call("POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": "late"}})
        until(lambda: ledger.holding.state is State.ENDED, 120)
    finally:
        holder.close(3)
    assert ledger.state.status is Status.COMPLETED, ledger.state.message


def test_a_secret_made_seconds_later_is_waited_for(runs: Runs, kube: Kube, space: str) -> None:
    text = deployment("web", PAUSE, envFrom=[{"secretRef": {"name": "late"}}])
    ledger, holder = runs.begin(yaml=text, namespace=space)
    try:
        until(lambda: any("late" in line and "not found" in line for line in ledger.lines))
        time.sleep(7)
        kube.call("POST", f"/api/v1/namespaces/{space}/secrets", {"metadata": {"name": "late"}})
        until(lambda: ledger.holding.state is State.ENDED, 120)
    finally:
        holder.close(3)
    assert ledger.state.status is Status.COMPLETED, ledger.state.message


def test_a_container_that_crashes_until_its_database_is_there_rolls_out(runs: Runs, space: str) -> None:
    tree = yaml.safe_load(deployment("web", BUSYBOX))
    pod = tree["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "state", "emptyDir": {}}]
    pod["containers"][0] |= {
        "command": ["sh", "-c", "echo x >> /state/starts; test $(wc -l < /state/starts) -gt 2 && sleep 600"],
        "volumeMounts": [{"name": "state", "mountPath": "/state"}],
    }
    done = runs.run(yaml=yaml.safe_dump(tree), namespace=space, timeout_s=180)
    assert done.state.status is Status.COMPLETED, done.state.message


def refused(kube: Kube, space: str, name: str) -> bool:
    conditions = (kube.deployment(space, name) or {}).get("status", {}).get("conditions", [])
    return any(entry["type"] == "ReplicaFailure" and entry["status"] == "True" for entry in conditions)


@pytest.mark.parametrize(
    ("command", "status"),
    [("true", Status.COMPLETED), pytest.param("exit 3", Status.FAILED, marks=pytest.mark.outer)],
)
def test_a_job_that_its_ttl_removed_ended_as_its_events_say(
    runs: Runs, kube: Kube, space: str, command: str, status: Status
) -> None:
    """The TTL controller is this test where the cluster has none: Kubernetes before 1.21."""
    jobs = f"/apis/batch/v1/namespaces/{space}/jobs"
    for number in range(3):
        container = {"name": "m", "image": BUSYBOX, "command": ["sh", "-c", command]}
        pod = {"restartPolicy": "Never", "containers": [container]}
        spec = {"ttlSecondsAfterFinished": 0, "backoffLimit": 0, "template": {"spec": pod}}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"migrate-{number}"}, "spec": spec}
        ledger, holder = runs.begin(yaml=yaml.safe_dump(job), namespace=space)
        try:
            remove_once_ended(kube, f"{jobs}/migrate-{number}")
            await_end(ledger)
        finally:
            holder.close(3)
        assert ledger.state.status is status, ledger.state.message
        if status is Status.FAILED and "backoff limit" in ledger.state.message:
            return
        if any("finished, and was removed after its ttlSecondsAfterFinished" in line for line in ledger.lines):
            return
    pytest.fail("each time the Job was seen before it was removed")


def await_end(ledger: Any) -> None:
    until(lambda: ledger.holding.state is State.ENDED)


def remove_once_ended(kube: Kube, path: str) -> None:
    def has_ended() -> bool:
        conditions = (kube.call("GET", path) or {}).get("status", {}).get("conditions") or []
        return any(entry["type"] in ("Complete", "Failed") and entry["status"] == "True" for entry in conditions)

    until(has_ended, 90)
    kube.call("DELETE", f"{path}?propagationPolicy=Background")
