"""The chart on a real cluster with the real image: installed, changed, rolled back, and used."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.kube import ClusterClient, read_kubeconfig
from cli.portside.api import Client
from cli.secretfiles import own_secrets

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = f"portside-chart-{os.getpid()}"
IMAGE = f"{NAMESPACE}:test"
PASSWORD = secrets.token_hex(12)
BROKER = [
    "--env",
    "RABBITMQ_DEFAULT_USER=portside",
    "--env",
    f"RABBITMQ_DEFAULT_PASS={PASSWORD}",
    "rabbitmq:4-management",
]
DATABASE = ["--env", "POSTGRES_USER=portside", "--env", f"POSTGRES_PASSWORD={PASSWORD}", "postgres:17"]
SPOOL = """
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: 2Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Delete
  claimRef: {{namespace: {name}, name: home-portside-gateway-0}}
  hostPath: {{path: {folder}}}
"""
pytestmark = [pytest.mark.cluster, pytest.mark.docker, pytest.mark.helm, pytest.mark.outer, pytest.mark.timeout(900)]


def run(*command: str, text: str | None = None, folder: Path | None = None) -> str:
    """Its output; fails the test where the command fails."""
    done = subprocess.run(
        list(command), input=text, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    return done.stdout


def kubectl(*arguments: str, text: str | None = None) -> str:
    return run("kubectl", "--namespace", NAMESPACE, *arguments, text=text)


def helm(*arguments: str) -> str:
    return run("helm", "--namespace", NAMESPACE, *arguments)


def until(works: Callable[[], Any], what: str, limit_s: float = 180.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := works()):
        assert time.monotonic() < deadline, f"{what}:\n{kubectl('get', 'pods,events')}"
        time.sleep(1)
    return found


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A namespace with keys and a volume, a broker and a database beside the cluster, and the values that name them."""
    folder = tmp_path_factory.mktemp("chart")
    spool = folder / "spool"
    spool.mkdir()
    for place in (folder.parent.parent, folder.parent, folder):
        place.chmod(0o755)
    spool.chmod(0o777)  # A hostPath gets no group from the pod.
    containers: list[str] = []
    try:
        run("docker", "build", "--quiet", "--tag", IMAGE, str(ROOT))
        addresses = []
        for service in (BROKER, DATABASE):
            containers.append(run("docker", "run", "--rm", "--detach", *service).strip())
            form = "{{.NetworkSettings.IPAddress}}"
            addresses.append(run("docker", "inspect", "--format", form, containers[-1]).strip())
        run("kubectl", "create", "namespace", NAMESPACE)
        kubectl("apply", "--filename", "-", text=SPOOL.format(name=NAMESPACE, folder=spool))
        keys = [f"--from-literal={name}={text}" for name, text in own_secrets().items()]
        kubectl("create", "secret", "generic", "keys", *keys)
        broker, database = addresses
        file = folder / "values.yaml"
        file.write_text(
            json.dumps(
                {
                    "image": {"repository": IMAGE.partition(":")[0], "tag": "test", "pullPolicy": "Never"},
                    "publicUrl": "http://portside.example.com",
                    "broker": {"url": f"amqp://portside:{PASSWORD}@{broker}:5672/"},
                    "database": {"url": f"postgresql://portside:{PASSWORD}@{database}:5432/portside"},
                    "keys": {"existingSecret": "keys"},
                    "gateway": {"replicas": 1, "env": {"WORKERS": 1}},
                    "runner": {"replicas": 1},
                    "hubsync": {"replicas": 1},
                }
            )
        )
        yield file
    finally:
        subprocess.run(["helm", "uninstall", "portside", "--namespace", NAMESPACE], capture_output=True, check=False)
        subprocess.run(["kubectl", "delete", "namespace", NAMESPACE], capture_output=True, timeout=300, check=False)
        subprocess.run(["kubectl", "delete", "pv", NAMESPACE], capture_output=True, timeout=60, check=False)
        for container in containers:
            subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)
        subprocess.run(["docker", "image", "rm", "--force", IMAGE], capture_output=True, check=False)


def ready() -> bool:
    """Whether every pod of every component is ready, and none is left of before."""
    pods = json.loads(kubectl("get", "pods", "--output", "json"))["items"]
    by_component = {pod["metadata"]["labels"].get("app.kubernetes.io/component") for pod in pods}
    conditions = [
        any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        for pod in pods
    ]
    return by_component >= {"gateway", "config", "runner", "hubsync"} and all(conditions)


def gateway() -> Client:
    address = kubectl("get", "pod", "portside-gateway-0", "--output", "jsonpath={.status.podIP}")
    client = Client(f"http://{address}:8080")
    password = kubectl(
        "get", "secret", "keys", "--output", 'go-template={{index .data "admin-password" | base64decode}}'
    )
    client.sign_in("admin", password)
    return client


def slots(runner: str) -> str:
    return kubectl("get", "deployment", runner, "--output", "jsonpath={.spec.template.spec.containers[0].env[*].name}")


def test_it_installs_changes_rolls_back_and_keeps_what_it_knows(values: Path) -> None:
    chart = str(ROOT / "deploy/charts/portside")
    # The README's own line, where it finds the chart and the values.
    (values.parent / "deploy").symlink_to(ROOT / "deploy")
    line = re.search(r"`(helm install [^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert line
    run(*shlex.split(line[1]), "--namespace", NAMESPACE, "--timeout", "8m", folder=values.parent)
    until(ready, "the pods did not become ready")
    client = gateway()
    client.post("/variables", {"name": "kept", "project": "default", "type": "REGULAR", "value": "yes"})
    helm("upgrade", "portside", chart, "--values", str(values), "--set", "runner.env.RUNNER_SLOTS=8", "--timeout", "8m")
    until(ready, "the upgrade did not become ready")
    assert "RUNNER_SLOTS" in slots("portside-runner")
    helm("rollback", "portside", "1", "--timeout", "8m")
    until(ready, "the rollback did not become ready")
    assert "RUNNER_SLOTS" not in slots("portside-runner")
    assert [one["name"] for one in gateway().documents("/variables")] == ["kept"]


def test_the_secret_of_keys_is_made_once(values: Path) -> None:
    access = read_kubeconfig(Path(os.environ["KUBECONFIG"]))
    cluster, texts = ClusterClient(access), own_secrets()
    assert cluster.create_secret(NAMESPACE, "made", texts) is True
    assert cluster.create_secret(NAMESPACE, "made", own_secrets()) is False
    key = kubectl("get", "secret", "made", "--output", 'go-template={{index .data "seal.key" | base64decode}}')
    assert key == texts["seal.key"]
