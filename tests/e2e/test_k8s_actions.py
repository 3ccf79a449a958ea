"""The other actions on a real cluster: GET, CREATE, DELETE, ROLLBACK, PATCH, DIFF, WAIT."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from services.config.model.claims import State
from shared.contracts.history import Status
from tests.support.patience import until

from .k8s import Kube, Runs, deployment

pytestmark = pytest.mark.cluster

PAUSE = "local/pause:1"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, labels: {app: web}}\ndata: {a: '1'}\n"


def task(ledger: Any) -> Any:
    return ledger.state.task("Deploy", "Apply")


def image_of(kube: Kube, space: str) -> str:
    return str(kube.deployment(space, "web")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_create_makes_once_and_says_what_to_choose_instead(runs: Runs, kube: Kube, space: str) -> None:
    first = runs.run(action="CREATE", yaml=deployment("web", PAUSE), namespace=space)
    assert first.state.status is Status.COMPLETED, first.state.message
    second = runs.run(action="CREATE", yaml=deployment("web", PAUSE), namespace=space)
    assert second.state.status is Status.FAILED
    assert (
        f"Deployment {space}/web exists: choose Apply to update it, or Continue on conflict to leave it as it is."
        in second.state.message
    )
    third = runs.run(action="CREATE", yaml=deployment("web", PAUSE), namespace=space, continueOnConflict=True)
    assert third.state.status is Status.COMPLETED, third.state.message
    changed = runs.run(yaml=deployment("web", PAUSE, replicas=2), namespace=space)
    assert changed.state.status is Status.COMPLETED, changed.state.message


def test_get_reads_one_and_filters_by_label(runs: Runs, space: str) -> None:
    assert runs.run(yaml=CONFIG, namespace=space).state.status is Status.COMPLETED
    one = runs.run(action="GET", kind="ConfigMap", name="settings", namespace=space)
    assert task(one).output.view["response"]["configmaps"]["settings"]["data"] == {"a": "1"}
    some = runs.run(action="GET", kind="configmaps", namespace=space, filterByLabel="app=web")
    assert list(task(some).output.view["response"]["configmaps"]) == ["settings"]
    none = runs.run(action="GET", kind="ConfigMap", name="nothing", namespace=space)
    assert f"ConfigMap {space}/nothing does not exist" in none.state.message


def test_delete_waits_until_it_is_gone_and_keeps_the_old_state(runs: Runs, kube: Kube, space: str) -> None:
    assert runs.run(yaml=CONFIG, namespace=space).state.status is Status.COMPLETED
    done = runs.run(action="DELETE", yaml=CONFIG, namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    removed = task(done).output.view["response"]["configmaps"]["settings"]
    assert removed["status"]["phase"] == "Removed"
    assert removed["oldState"]["data"] == {"a": "1"}
    assert kube.call("GET", f"/api/v1/namespaces/{space}/configmaps/settings") is None


def test_rollback_goes_to_the_revision_before_and_the_next_apply_meets_no_conflict(
    runs: Runs, kube: Kube, space: str
) -> None:
    for tag in ("local/pause:1", "busybox:1.36"):
        text = deployment("web", tag, command=["/pause"] if "pause" in tag else ["sleep", "600"])
        assert runs.run(yaml=text, namespace=space).state.status is Status.COMPLETED
    done = runs.run(action="ROLLBACK", resourceType="Deployment", resourceName="web", namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert image_of(kube, space) == "local/pause:1"
    again = runs.run(yaml=deployment("web", "busybox:1.36", command=["sleep", "600"]), namespace=space)
    assert again.state.status is Status.COMPLETED, again.state.message
    assert image_of(kube, space) == "busybox:1.36"


def test_rollback_without_an_earlier_revision_says_so(runs: Runs, space: str) -> None:
    assert runs.run(yaml=deployment("web", PAUSE), namespace=space).state.status is Status.COMPLETED
    done = runs.run(action="ROLLBACK", resourceType="Deployment", resourceName="web", namespace=space)
    assert "has no earlier revision" in done.state.message


def test_rollback_of_a_stateful_set(runs: Runs, kube: Kube, space: str) -> None:
    # A pod is replaced only when the old one is gone for good, which takes kubelet a minute: so it happens once.
    for image, command, replicas in (("local/pause:1", ["/pause"], 0), ("busybox:1.36", ["sleep", "600"], 1)):
        tree = yaml.safe_load(deployment("db", image, command=command, replicas=replicas))
        tree["kind"], tree["spec"]["serviceName"] = "StatefulSet", "db"
        done = runs.run(yaml=yaml.safe_dump(tree), namespace=space, timeout_s=180)
        assert done.state.status is Status.COMPLETED, done.state.message
    done = runs.run(action="ROLLBACK", resourceType="StatefulSet", resourceName="db", namespace=space, timeout_s=240)
    assert done.state.status is Status.COMPLETED, done.state.message
    pod = kube.call("GET", f"/api/v1/namespaces/{space}/pods/db-0")
    assert pod["spec"]["containers"][0]["image"] == "local/pause:1"


def test_rollback_of_a_daemon_set(runs: Runs, kube: Kube, space: str) -> None:
    for image in ("acme/agent:1", "acme/agent:2"):
        tree = yaml.safe_load(deployment("agent", image))
        tree["kind"] = "DaemonSet"
        del tree["spec"]["replicas"]
        tree["spec"]["template"]["spec"]["nodeSelector"] = {"example.com/agent": "no-node-has-this"}
        done = runs.run(yaml=yaml.safe_dump(tree), namespace=space)
        assert done.state.status is Status.COMPLETED, done.state.message
    done = runs.run(action="ROLLBACK", resourceType="DaemonSet", resourceName="agent", namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    live = kube.call("GET", f"/apis/apps/v1/namespaces/{space}/daemonsets/agent")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "acme/agent:1"


def test_patch_changes_a_part_and_waits(runs: Runs, kube: Kube, space: str) -> None:
    assert runs.run(yaml=deployment("web", PAUSE), namespace=space).state.status is Status.COMPLETED
    done = runs.run(action="PATCH", kind="Deployment", name="web", namespace=space, patch="spec: {replicas: 2}")
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.deployment(space, "web")["status"]["availableReplicas"] == 2
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 1}]
    once = runs.run(action="PATCH", kind="Deployment", name="web", namespace=space, patch=operations, patchType="json")
    assert once.state.status is Status.COMPLETED, once.state.message
    assert kube.deployment(space, "web")["spec"]["replicas"] == 1


def test_diff_shows_what_would_change_and_changes_nothing(runs: Runs, kube: Kube, space: str) -> None:
    assert runs.run(yaml=deployment("web", PAUSE), namespace=space).state.status is Status.COMPLETED
    done = runs.run(action="DIFF", yaml=deployment("web", PAUSE, replicas=3), namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert "+  replicas: 3" in task(done).output.view["diff"]
    assert kube.deployment(space, "web")["spec"]["replicas"] == 1
    same = runs.run(action="DIFF", yaml=deployment("web", PAUSE), namespace=space)
    assert task(same).output.view == {"diff": "", "changed": False}


def test_wait_sees_what_others_applied(runs: Runs, kube: Kube, space: str) -> None:
    body = yaml.safe_load(deployment("web", PAUSE))
    kube.call("POST", f"/apis/apps/v1/namespaces/{space}/deployments", body)
    done = runs.run(action="WAIT", kind="Deployment", apiVersion="apps/v1", name="web", namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message


def test_a_new_kind_and_an_object_of_it_come_with_one_manifest(runs: Runs, kube: Kube, space: str) -> None:
    group = f"{space}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "singular": "widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "status": {}, "spec": {"n": 1}}
    try:
        done = runs.run(yaml=yaml.safe_dump_all([definition, widget]), namespace=space)
        assert done.state.status is Status.COMPLETED, done.state.message
        waits: dict[str, Any] = {
            "yaml": yaml.safe_dump(widget),
            "namespace": space,
            "waitFor": 'object.spec.phase == "Ready"',
        }
        ledger, holder = runs.begin(**waits)
        until(lambda: "its `waitFor`" in ledger.state.task("Deploy", "Apply").message)
        path = f"/apis/{group}/v1/namespaces/{space}/widgets/w"
        kube.call("PATCH", path, {"spec": {"phase": "Ready"}}, "application/merge-patch+json")
        until(lambda: ledger.holding.state is State.ENDED)
        holder.close(3)
        assert ledger.state.status is Status.COMPLETED, ledger.state.message
    finally:
        kube.call("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}")


def test_a_cluster_that_is_away_is_told_with_what_to_look_at(runs: Runs) -> None:
    properties = {"kubernetesURL": "https://127.0.0.1:1", "insecureSkipTLSVerify": True}
    runs.endpoints["cluster"] = runs.endpoints["cluster"].model_copy(update={"properties": properties})
    done = runs.run(yaml=CONFIG)
    assert done.state.message == (
        "Deploy.Apply: Cannot reach https://127.0.0.1:1: connection refused; is the cluster up and the address right "
        "from the runner's network?"
    )
