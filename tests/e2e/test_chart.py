"""The chart on a real cluster with the real image: installed, changed, rolled back, and used."""

from __future__ import annotations

import base64
import functools
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
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from cli.kube import read_kubeconfig
from cli.portside.api import Client
from cli.secretfiles import own_secrets
from tests.support.balancer import Balancer

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
PIPELINE = """---
project: default
kind: PIPELINE
name: Deploy
enabled: true
options: [DOCKER_TRIGGER]
input: {{DOCKER_IMAGE: '', DOCKER_TAG: ''}}
stageOrder: [Deploy]
stages:
  Deploy:
    taskOrder: [Apply]
    tasks:
      Apply:
        type: K8S
        endpoints: {{kubernetesServer: cluster}}
        input:
          action: APPLY
          pinDigest: false
          namespace: {namespace}
          yaml: |
            apiVersion: apps/v1
            kind: Deployment
            metadata: {{name: pushed}}
            spec:
              selector: {{matchLabels: {{app: pushed}}}}
              template:
                metadata: {{labels: {{app: pushed}}}}
                spec:
                  terminationGracePeriodSeconds: 1
                  containers:
                  - name: main
                    image: "${{input.DOCKER_IMAGE}}:${{input.DOCKER_TAG}}"
                    imagePullPolicy: Never
"""
IMAGE_OF_IT = "jsonpath={.spec.template.spec.containers[0].image} {.status.readyReplicas}"
pytestmark = [pytest.mark.cluster, pytest.mark.docker, pytest.mark.helm, pytest.mark.outer, pytest.mark.timeout(1800)]


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


def replicas(runner: str) -> str:
    return kubectl("get", "deployment", runner, "--output", "jsonpath={.status.readyReplicas}")


def until_over(client: Client, index: int) -> dict[str, Any]:
    """The run of that number, once it has ended."""

    def ended() -> dict[str, Any] | None:
        runs = [run for run in client.documents("/executions") if run["index"] == index]
        return runs[0] if runs and runs[0]["status"] in ("COMPLETED", "FAILED", "CANCELED") else None

    run: dict[str, Any] = until(ended, f"run #{index} did not end")
    return run


@pytest.fixture(scope="module")
def api_server() -> Iterator[int]:
    """A port of the bridge between pods and this machine: it leads to the API server, which listens on loopback."""
    server = urlsplit(read_kubeconfig(Path(os.environ["KUBECONFIG"])).server)
    forwarder = Balancer([server.port or 443], bridge())
    yield forwarder.port
    forwarder.close()


@functools.cache
def bridge() -> str:
    """This machine's address for pods."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    return run("docker", "network", "inspect", "bridge", "--format", form).strip()


def define(client: Client, api_port: int) -> str:
    """What deploys a pushed `local/pause` to the cluster from within it; returns where its registry calls."""
    kubeconfig = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://{bridge()}:{api_port}"
    cluster = {"authType": "kubeconfig", "kubeconfig": yaml.safe_dump(kubeconfig)}
    registry = {"serverType": "DockerHub", "repoURL": "https://hub.docker.com/r/local/pause"}
    for name, type_, properties in (("cluster", "k8s", cluster), ("hub", "docker", registry)):
        client.post("/endpoints", {"name": name, "project": "default", "type": type_, "properties": properties})
    client.import_yaml(PIPELINE.format(namespace=NAMESPACE))
    webhook = {"name": "pushes", "project": "default", "endpoint": "hub", "pipeline": "Deploy", "enabled": True}
    made = client.post("/registry-webhooks", {**webhook, "serverType": "DockerHub", "repoName": "local/pause"})
    return str(urlsplit(made["hookUrl"])._replace(scheme="", netloc="").geturl())


def push(address: str, hook: str, tag: str) -> None:
    """As Docker Hub calls (docs.docker.com/docker-hub/repos/manage/webhooks)."""
    body = {
        "push_data": {"pushed_at": int(time.time()), "pusher": "ann", "tag": tag},
        "repository": {"repo_name": "local/pause", "namespace": "local", "name": "pause"},
    }
    assert requests.post(f"{address}{hook}", json=body, timeout=20).status_code == 202


def test_it_deploys_a_push_and_keeps_what_it_knows_over_an_upgrade_and_a_rollback(
    values: Path, api_server: int
) -> None:
    chart = str(ROOT / "deploy/charts/portside")
    # The README's own line, where it finds the chart and the values.
    (values.parent / "deploy").symlink_to(ROOT / "deploy")
    line = re.search(r"`(helm install [^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert line
    run(*shlex.split(line[1]), "--namespace", NAMESPACE, "--timeout", "8m", folder=values.parent)
    until(ready, "the pods did not become ready")
    client = gateway()
    hook = define(client, api_server)
    push(client.base_url, hook, "1")
    first = until_over(client, 1)
    assert first["status"] == "COMPLETED", first["statusMessage"]
    assert kubectl("get", "deployment", "pushed", "--output", IMAGE_OF_IT) == "local/pause:1 1"

    changes = "runner.env.RUNNER_SLOTS=8,runner.autoscaling.enabled=true,runner.autoscaling.minReplicas=2"
    helm("upgrade", "portside", chart, "--values", str(values), "--set", changes, "--timeout", "8m")
    # An autoscaler keeps to its bounds without metrics, which this cluster has none of.
    until(lambda: ready() and replicas("portside-runner") == "2", "the upgrade did not become ready with two runners")
    assert "RUNNER_SLOTS" in slots("portside-runner")
    helm("rollback", "portside", "1", "--timeout", "8m")
    until(ready, "the rollback did not become ready")
    assert "RUNNER_SLOTS" not in slots("portside-runner")
    assert not kubectl("get", "horizontalpodautoscalers", "--output", "name")
    assert {run["id"] for run in gateway().documents("/executions")} == {first["id"]}


def key_job(values: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the chart makes keys with: the account with its rights, and the specification of the Job's pod."""
    chart = str(ROOT / "deploy/charts/portside")
    texts = helm("template", "portside", chart, "--values", str(values), "--set", "keys.existingSecret=")
    things = [
        thing for thing in yaml.safe_load_all(texts) if thing and thing["metadata"]["name"].endswith("-make-keys")
    ]
    (job,) = [thing for thing in things if thing["kind"] == "Job"]
    return [thing for thing in things if thing is not job], job["spec"]["template"]["spec"]


def service_account(name: str, folder: Path, server: str) -> None:
    """The files that a pod of this account finds; this cluster's own pods do not reach its API server."""
    secret = until(
        lambda: kubectl("get", "serviceaccount", name, "--output", "jsonpath={.secrets[0].name}"), "no token was made"
    )
    token = kubectl("get", "secret", secret, "--output", "go-template={{.data.token | base64decode}}")
    chain = run("openssl", "s_client", "-showcerts", "-connect", server, text="")
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", chain, re.DOTALL)
    folder.mkdir(mode=0o755)
    for file, content in (("token", token), ("namespace", NAMESPACE), ("ca.crt", "\n".join(certificates))):
        (folder / file).write_text(content + "\n")


def test_the_key_job_makes_keys_once_and_shows_none(values: Path) -> None:
    account, pod = key_job(values)
    kubectl("apply", "--filename", "-", text=yaml.safe_dump_all(account))
    server = urlsplit(read_kubeconfig(Path(os.environ["KUBECONFIG"])).server).netloc
    files = values.parent / "serviceaccount"
    service_account(pod["serviceAccountName"], files, server)
    host, _, port = server.partition(":")
    command = ["--env", f"KUBERNETES_SERVICE_HOST={host}", "--env", f"KUBERNETES_SERVICE_PORT={port}"]
    command += ["--network", "host", "--volume", f"{files}:/var/run/secrets/kubernetes.io/serviceaccount:ro"]
    command += [IMAGE, *pod["containers"][0]["command"]]
    user = "{runAsUser}:{runAsGroup}".format_map(pod["securityContext"])
    read = ("get", "secret", "portside-keys", "--output", "jsonpath={.data}")
    first_log = within_restrictions(user, *command)
    assert "made the Secret portside-keys" in first_log
    keys = kubectl(*read)
    upgrade_log = within_restrictions(user, *command)
    assert "the Secret portside-keys exists already" in upgrade_log
    assert kubectl(*read) == keys
    texts = {name: base64.b64decode(value).decode() for name, value in json.loads(keys).items()}
    assert set(texts) == {"seal.key", "seal.pub", "jwt.key", "admin-password"}
    for name, key in texts.items():
        assert key.strip() not in first_log + upgrade_log + values.read_text(), name


def within_restrictions(user: str, *arguments: str) -> str:
    """What a container printed that may write to /tmp alone and has no rights."""
    restrictions = ["--read-only", "--user", user, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    done = subprocess.run(
        ["docker", "run", "--rm", *restrictions, "--tmpfs", "/tmp", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


SERVES = """
portside system init && python -m services.config migrate || exit 1
python -m services.gateway &
for second in $(seq 120); do
  sleep 1
  python -c 'import urllib.request as r; print(r.urlopen("http://127.0.0.1:8080/livez").status)' 2>/dev/null && exit 0
done
exit 1
"""


@pytest.mark.parametrize("user", ["54321:0", "54321:54321"])
def test_the_image_runs_as_any_user_with_a_read_only_root(values: Path, user: str) -> None:
    # Docker gives a tmpfs the mode of the image's folder, which shuts out others than its user and root's group.
    home = ["--tmpfs", "/home/any:mode=1777", "--env", "PORTSIDE_HOME=/home/any", "--network", "none"]
    log = within_restrictions(user, *home, IMAGE, "sh", "-c", SERVES)
    assert "portside.db is ready" in log and "200" in log.splitlines(), log
