"""APPLY on a real cluster: what rolls out, what fails and how it says so, what is put back, what is fenced."""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from services.config.model.claims import Intent, State
from shared.contracts.history import Status
from shared.contracts.pushes import Push
from tests.support.patience import until

from .k8s import Kube, Runs, deployment, docker

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def image() -> str:
    """A real image in the real registry: name, without tag."""
    name = f"{os.environ['TEST_REGISTRY']}/acme/web"
    push_image(name, "1.0")
    return name


def push_image(name: str, tag: str, content: str = "") -> str:
    """Build an image whose content nobody had before, push it, and answer its digest."""
    base = os.environ.get("TEST_BASE_IMAGE", "local/pause:1")
    made = docker("create", "--label", f"content={content or tag}", base)
    docker("commit", "--change", f"LABEL content={content or tag}", made, f"{name}:{tag}")
    docker("rm", made)
    docker("push", f"{name}:{tag}")
    found = docker("inspect", "--format", "{{index .RepoDigests 0}}", f"{name}:{tag}")
    return found.rpartition("@")[2]


def pushed(name: str, tag: str, digest: str | None) -> Push:
    host, _, repository = name.partition("/")
    return Push(provider="distribution", registry_host=host, repository=repository, tag=tag, digest=digest)


def running_image(kube: Kube, space: str, name: str = "web") -> str:
    spec = kube.deployment(space, name)["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"])


def test_an_apply_rolls_out_and_its_output_has_the_object(runs: Runs, kube: Kube, space: str, image: str) -> None:
    config = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {space}}}\ndata: {{a: '1'}}\n"
    done = runs.run(yaml=f"{deployment('web', image + ':1.0')}\n---\n{config}", namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    output = done.state.task("Deploy", "Apply").output.view["response"]
    assert output["deployments"]["web"]["status"]["availableReplicas"] == 1
    assert output["configmaps"]["settings"]["data"] == {"a": "1"}
    assert output["failures"] == []
    annotations = kube.deployment(space, "web")["metadata"]["annotations"]
    assert annotations["portside.dev/pipeline"] == "p1"
    assert annotations["portside.dev/execution"] == "e1"


def test_the_pushed_image_is_deployed_by_digest_and_the_same_again_is_nothing_to_do(
    runs: Runs, kube: Kube, space: str, image: str
) -> None:
    first = push_image(image, "latest", "one")
    push = pushed(image, "latest", first)
    text = deployment("web", f"{image}:latest")
    assert runs.run(push, yaml=text, namespace=space).state.status is Status.COMPLETED
    assert running_image(kube, space) == f"{image}:latest@{first}"
    revision = kube.deployment(space, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    again = runs.run(push, yaml=text, namespace=space)
    assert "Already live, nothing to do" in again.state.task("Deploy", "Apply").message
    annotations = kube.deployment(space, "web")["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == revision

    second = push_image(image, "latest", "two")
    assert second != first
    done = runs.run(pushed(image, "latest", second), yaml=text, namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert running_image(kube, space) == f"{image}:latest@{second}"
    pods = kube.call("GET", f"/api/v1/namespaces/{space}/pods?labelSelector=app%3Dweb")["items"]
    serving = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    assert [pod["spec"]["containers"][0]["image"] for pod in serving] == [f"{image}:latest@{second}"]


def test_without_a_digest_an_unchanged_manifest_is_restarted(runs: Runs, kube: Kube, space: str, image: str) -> None:
    text = deployment("web", f"{image}:1.0")
    push = pushed(image, "1.0", None)
    assert runs.run(push, yaml=text, namespace=space).state.status is Status.COMPLETED
    template = kube.deployment(space, "web")["spec"]["template"]
    done = runs.run(push, yaml=text, namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.deployment(space, "web")["spec"]["template"] != template
    assert kube.deployment(space, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert any("restarted" in line for line in done.lines)


def test_an_image_that_cannot_be_pulled_fails_early_and_the_last_good_one_is_back(
    runs: Runs, kube: Kube, space: str, image: str
) -> None:
    assert runs.run(yaml=deployment("web", f"{image}:1.0"), namespace=space).state.status is Status.COMPLETED
    bad = deployment("web", f"{image}:no-such-tag")
    done = runs.run(yaml=bad, namespace=space, rollbackOnFailure=True, timeout=5)
    assert done.state.status is Status.FAILED
    message = done.state.message
    assert message.startswith(f"Deploy.Apply: Deployment {space}/web will not become ready")
    assert f"cannot pull image {image}:no-such-tag" in message
    assert f"Put back: Deployment web runs {image}:1.0 again" in message
    assert running_image(kube, space) == f"{image}:1.0"
    assert kube.deployment(space, "web")["status"]["availableReplicas"] == 1


def test_a_stateful_set_that_waits_for_its_broken_pod_is_put_back(
    runs: Runs, kube: Kube, space: str, image: str
) -> None:
    def of(tag: str) -> str:
        tree = yaml.safe_load(deployment("db", f"{image}:{tag}"))
        tree["kind"], tree["spec"]["serviceName"] = "StatefulSet", "db"
        return yaml.safe_dump(tree)

    assert runs.run(yaml=of("1.0"), namespace=space, timeout_s=180).state.status is Status.COMPLETED
    done = runs.run(yaml=of("no-such-tag"), namespace=space, rollbackOnFailure=True, timeout=5, timeout_s=300)
    assert f"Put back: StatefulSet db runs {image}:1.0 again" in done.state.message
    pod = kube.call("GET", f"/api/v1/namespaces/{space}/pods/db-0")
    assert pod["spec"]["containers"][0]["image"] == f"{image}:1.0"
    assert any(line.startswith(f"Pod {space}/db-0 deleted: it is of an earlier version") for line in done.lines)


def test_a_container_that_crashes_fails_early_with_its_last_words(runs: Runs, space: str) -> None:
    command = ["sh", "-c", "echo cannot open /etc/app.conf; exit 3"]
    policy = "FallbackToLogsOnError"
    # A busy node reports a container as running a while after it has ended.
    text = deployment("web", "busybox:1.36", ready_after_s=10, command=command, terminationMessagePolicy=policy)
    done = runs.run(yaml=text, namespace=space, timeout=5)
    assert done.state.status is Status.FAILED
    assert "keeps crashing (exit code 3" in done.state.message
    assert "cannot open /etc/app.conf" in done.state.message


def test_a_missing_config_map_is_named(runs: Runs, space: str, image: str) -> None:
    env = [{"configMapRef": {"name": "nowhere"}}]
    done = runs.run(yaml=deployment("web", f"{image}:1.0", envFrom=env), namespace=space, timeout=5)
    assert done.state.status is Status.FAILED
    assert 'configmap "nowhere" not found' in done.state.message
    assert "CreateContainerConfigError" in done.state.message


def test_a_quota_that_stays_full_fails_after_a_while(
    runs: Runs, kube: Kube, space: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runner.tasks.k8s.rollout.REFUSED_PATIENCE_S", 5.0)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    kube.call("POST", f"/api/v1/namespaces/{space}/resourcequotas", quota)
    done = runs.run(yaml=deployment("web", f"{image}:1.0"), namespace=space, timeout=5)
    assert done.state.status is Status.FAILED
    assert "exceeded quota" in done.state.message


def test_a_start_that_comes_late_leaves_newer_work_alone(runs: Runs, kube: Kube, space: str, image: str) -> None:
    push_image(image, "2.0")
    newer = runs.run(start=9, yaml=deployment("web", f"{image}:2.0"), namespace=space)
    assert newer.state.status is Status.COMPLETED
    older = runs.run(start=5, yaml=deployment("web", f"{image}:1.0"), namespace=space)
    assert older.state.status is Status.FAILED
    assert "superseded by #9" in older.state.message
    assert running_image(kube, space) == f"{image}:2.0"


def test_fields_of_another_manager_are_a_conflict_until_forced(runs: Runs, kube: Kube, space: str, image: str) -> None:
    text = deployment("web", f"{image}:1.0", replicas=1)
    assert runs.run(yaml=text, namespace=space).state.status is Status.COMPLETED
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}}
    path = f"/apis/apps/v1/namespaces/{space}/deployments/web?fieldManager=autoscaler&force=true"
    kube.call("PATCH", path, body, "application/apply-patch+yaml")
    refused = runs.run(yaml=text, namespace=space)
    assert refused.state.status is Status.FAILED
    assert "autoscaler owns" in refused.state.message
    assert ".spec.replicas" in refused.state.message
    forced = runs.run(yaml=text, namespace=space, force=True)
    assert forced.state.status is Status.COMPLETED, forced.state.message
    assert kube.deployment(space, "web")["spec"]["replicas"] == 1


def test_a_namespace_and_what_is_in_it_come_with_one_manifest(runs: Runs, kube: Kube, space: str) -> None:
    made = f"{space}-inner"
    text = (
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {made}}}\n---\n"
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: {made}}}\ndata: {{a: b}}\n"
    )
    try:
        done = runs.run(yaml=text)
        assert done.state.status is Status.COMPLETED, done.state.message
    finally:
        kube.call("DELETE", f"/api/v1/namespaces/{made}")


def test_a_secret_is_shown_as_key_names_only(runs: Runs, space: str) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: correct-horse-battery}\n"
    done = runs.run(yaml=text, namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    shown = done.state.task("Deploy", "Apply").output.view["response"]["secrets"]["s"]
    assert list(shown["data"]) == ["password"]
    assert shown["data"]["password"].startswith("hash:")


def test_a_secret_that_is_written_wrongly_is_refused_without_its_value(runs: Runs, space: str) -> None:
    for wrong, words in (("data: {pin: '4711!'}", "stringData"), ("stringData: {pin: 4711}", "in quotes")):
        done = runs.run(yaml=f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{wrong}\n", namespace=space)
        assert words in done.state.message
        assert not any("4711" in line for line in (done.state.message, *done.lines))
    made = runs.run(
        yaml="apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pin: '4711'}", namespace=space
    )
    assert made.state.status is Status.COMPLETED, made.state.message
    secret: dict[str, Any] = {"kind": "Secret", "name": "s", "namespace": space}
    assert "NDcxMQ==" not in runs.run(action="PATCH", patch="data: {other: 5}", **secret).state.message


def test_a_job_that_fails_says_why(runs: Runs, space: str) -> None:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "exit 4"]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }
    done = runs.run(yaml=yaml.safe_dump(job), namespace=space)
    assert done.state.status is Status.FAILED
    assert "its pods failed as often as backoffLimit allows" in done.state.message


def test_an_admission_rule_that_refuses_the_pods_fails_early(runs: Runs, kube: Kube, space: str, image: str) -> None:
    limits = [{"type": "Container", "max": {"memory": "32Mi"}}]
    kube.call(
        "POST", f"/api/v1/namespaces/{space}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": limits}}
    )
    text = deployment("web", f"{image}:1.0", resources={"limits": {"memory": "64Mi"}})
    done = runs.run(yaml=text, namespace=space, timeout=5)
    assert done.state.status is Status.FAILED
    assert "its pods are refused" in done.state.message
    assert "maximum memory usage per Container is 32Mi" in done.state.message


def test_a_cancelled_roll_out_puts_the_last_good_manifest_back(runs: Runs, kube: Kube, space: str, image: str) -> None:
    assert runs.run(yaml=deployment("web", f"{image}:1.0"), namespace=space).state.status is Status.COMPLETED
    probe = {"exec": {"command": ["/no-such-probe"]}, "periodSeconds": 1}
    text = deployment("web", f"{image}:1.0", readinessProbe=probe)
    ledger, holder = runs.begin(yaml=text, namespace=space, rollbackOnFailure=True)
    until(lambda: any("applied" in line for line in ledger.lines))
    ledger.intend(Intent.CANCEL)
    holder.look_now(ledger.holding.execution_id)
    until(lambda: ledger.holding.state is State.ENDED)
    holder.close(3)
    assert ledger.state.status is Status.CANCELED
    container = kube.deployment(space, "web")["spec"]["template"]["spec"]["containers"][0]
    assert "readinessProbe" not in container, ledger.state.task("Deploy", "Apply").message
