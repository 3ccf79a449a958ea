"""The demo: all that a newcomer would do, only through the public REST API, and checked at the cluster itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import requests
from rich.console import Console

from cli import image, live
from cli.client import ApiError, Client
from cli.kube import ClusterClient
from shared.contracts.base import Json

T = TypeVar("T")
REPOSITORY, NAMESPACE, DEPLOYMENT = "acme/web", "apps", "web"
PENDING = (None, "", "received", "gathered", "waiting for the registry")
"""Verdicts that are not the last word."""
FIRST_TAG = "1.4.0"
HUB_USER, HUB_PASSWORD, CLUSTER_TOKEN = "acme", "demo-password", "demo-token"
HUB_ENDPOINT, CLUSTER_ENDPOINT, WEBHOOK = "acme-web", "cluster", "acme-web"
PIPELINE_FILE = files("demo") / "deploy-web.yaml"


class DemoFailed(Exception):
    """The main job did not end as it should; the message says which step, and why."""


@dataclass(frozen=True)
class Scene:
    """What the demo plays on: the fake or real things outside Portside."""

    hub_url: str
    """The Hub's management API, where hooks are registered and from where they are called."""
    registry_url: str
    """Where tags are looked up."""
    image_host: str
    """What the cluster must put before `acme/web`, with its slash; empty for Docker Hub itself."""
    kubernetes: Json
    """Properties of the Kubernetes endpoint."""
    cluster: ClusterClient
    repository: str = REPOSITORY
    real_registry: bool = False
    """Images are pushed to `registry_url` for real; the Hub only calls."""


class Steps:
    """Prints one line a step, with its seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(self, name: str) -> Iterator[list[str]]:
        started = time.monotonic()
        notes: list[str] = []
        yield notes
        self._console.print(
            f"  {name:<34} {time.monotonic() - started:5.1f} s  {' '.join(notes)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def define(client: Client, scene: Scene, steps: Steps) -> None:
    """Create the two endpoints, the pipeline and the webhook, each only where it is not there yet."""
    define_endpoints(client, scene, steps)
    with steps("pipeline from demo/") as notes:
        notes.extend(str(report["name"]) for report in client.import_yaml(PIPELINE_FILE.read_text()))
    with steps("Docker webhook") as notes:
        webhook = {
            "name": WEBHOOK,
            "project": "default",
            "endpoint": HUB_ENDPOINT,
            "pipeline": "Deploy web",
            "serverType": "DockerHub",
            "repoName": scene.repository,
            "enabled": True,
            "input": {"REGISTRY": scene.image_host},
        }
        _ensure(client, "registry-webhooks", webhook)
        state = _wait_for(lambda: _hub_state(client), "the webhook to be in step with the Hub", 60)
        notes.append(f"the Hub has it: {state}")


def define_endpoints(client: Client, scene: Scene, steps: Steps) -> None:
    """Create the Docker registry's endpoint and the cluster's."""
    registry = {
        "serverType": "DockerHub",
        "repoURL": f"https://hub.docker.com/r/{scene.repository}",
        "username": HUB_USER,
        "password": HUB_PASSWORD,
        "hubURL": scene.hub_url,
        "registryURL": scene.registry_url,
        "allowLocal": True,
    }
    with steps("Docker registry endpoint"):
        _ensure(
            client, "endpoints", {"name": HUB_ENDPOINT, "project": "default", "type": "docker", "properties": registry}
        )
    with steps("Kubernetes endpoint"):
        body = {"name": CLUSTER_ENDPOINT, "project": "default", "type": "k8s", "properties": scene.kubernetes}
        _ensure(client, "endpoints", body)


def push(client: Client, scene: Scene, tag: str, console: Console) -> Json:
    """Push one image, follow the run that it starts to its end, and return that run."""
    earlier_ids = {event["id"] for event in _events(client)}
    digest = send_push(scene, tag)
    console.print(f"\nPushed [bold]{scene.repository}:{tag}[/] {digest[:19]}…", highlight=False)

    def fresh() -> Json | None:
        return next(
            (event for event in _events(client) if event["id"] not in earlier_ids and event["tag"] == tag), None
        )

    event: Json = _wait_for(fresh, f"the push of {tag} to arrive", 30)

    def judged() -> Json | None:
        now = client.get(f"/registry-events/{event['id']}")
        return now if now.get("verdict") not in PENDING else None

    event = _wait_for(judged, f"a verdict on the push of {tag}", 60)
    console.print(f"Verdict: [bold]{event['verdict']}[/] - {event.get('reason', '')}", highlight=False)
    if not event.get("executionLink"):
        raise DemoFailed(f"the push of {tag} started nothing: {event.get('reason')}")
    link = event["executionLink"].removeprefix("/codestream/api")
    return live.follow(console, lambda: client.get(link))


def send_push(scene: Scene, tag: str) -> str:
    """Make the image exist and let the Hub call its hooks; returns the image's digest."""
    order: Json = {"repository": scene.repository, "tag": tag, "pusher": "ann"}
    if scene.real_registry:
        pushed = image.push(scene.registry_url, scene.repository, tag, broken=tag == "broken")
        order["digest"] = pushed.digest
    answer = requests.post(f"{scene.hub_url}/_fake/push", json=order, timeout=30)
    if answer.status_code >= 400:
        raise DemoFailed(f"the Hub refused the push: {answer.text[:200]}")
    return str(answer.json()["digest"])


def deployment(scene: Scene) -> Json | None:
    """The demo's Deployment as its cluster has it now; None when it is not there."""
    return scene.cluster.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT}")


def image_of(deployment: Json) -> str:
    """The image that a Deployment's one container runs."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def verify(scene: Scene, tag: str, digest: str | None) -> str:
    """Read the Deployment back from the cluster; returns the image it carries or raises DemoFailed."""
    live = deployment(scene)
    if live is None:
        raise DemoFailed(f"the cluster has no Deployment {NAMESPACE}/{DEPLOYMENT}")
    running = image_of(live)
    expected = f"{scene.image_host}{scene.repository}:{tag}" + (f"@{digest}" if digest else "")
    if running != expected:
        raise DemoFailed(f"the cluster runs {running}, not {expected}")
    status, replicas = live["status"], live["spec"]["replicas"]
    if not status.get("updatedReplicas") == status.get("availableReplicas") == replicas:
        raise DemoFailed(
            f"{running} is applied, but {status.get('availableReplicas', 0)} of {replicas} replicas serve it"
        )
    return running


def digest_of(client: Client, tag: str) -> str | None:
    """The digest that Portside recorded for the newest push of a tag."""
    matching = [event for event in _events(client) if event["tag"] == tag]
    return matching[0].get("digest") if matching else None


def summary(
    console: Console, client: Client, execution: Json, tag: str, running: str, *, sign_in: str, try_next: str
) -> None:
    """The few lines that the demo ends with."""
    event = next(event for event in _events(client) if event["tag"] == tag)
    console.print()
    stages = execution["stages"]
    times = ", ".join(f"{name} {live.seconds(stages[name].get('_durationInMicros')) or '-'}" for name in stages)
    for name, text in (
        ("push", f"{event['imageName']}:{tag} by {event['owner']}"),
        ("verdict", f"{event['verdict']}: {event.get('reason', '')}"),
        ("execution", f"{execution['name']} #{execution['index']} {execution['status']}"),
        ("stages", times),
        ("the cluster runs", running),
    ):
        console.print(f"  {name:<17} {text}", markup=False, highlight=False, soft_wrap=True)
    if sign_in:
        console.print(f"\n  the page          {sign_in}", markup=False, highlight=False, soft_wrap=True)
        console.print("                    (signs you in once, within fifteen minutes)", markup=False)
    console.print(f"  try next          {try_next}", markup=False, highlight=False, soft_wrap=True)
    console.print("\nverified", style="bold green")


def fake_kubernetes(url: str) -> Json:
    """Endpoint properties of the demo's own cluster."""
    return {"kubernetesURL": url, "authType": "token", "token": CLUSTER_TOKEN, "allowLocal": True}


def kubeconfig_kubernetes(path: Path) -> Json:
    """Endpoint properties that hand over a kubeconfig whole."""
    return {"authType": "kubeconfig", "kubeconfig": path.read_text(), "allowLocal": True}


def registry_host(test_registry: str) -> str:
    """`127.0.0.1:5001/` for a TEST_REGISTRY of `127.0.0.1:5001` or `http://127.0.0.1:5001/`."""
    return re.sub(r"^https?://", "", test_registry).rstrip("/") + "/"


def _events(client: Client) -> list[Json]:
    return client.documents("/registry-events?$top=50&$orderby=timeStampInMicros desc")


def _hub_state(client: Client) -> str | None:
    state = client.by_name("registry-webhooks", "default", WEBHOOK).get("hubState")
    return str(state) if state == "in step" else None


def _ensure(client: Client, collection: str, body: Json) -> None:
    try:
        client.post(f"/{collection}", body)
    except ApiError as refused:
        if refused.status != 409:
            raise


def _wait_for(ask: Callable[[], T | None], subject: str, limit_s: float) -> T:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        result = ask()
        if result is not None:
            return result
        time.sleep(0.1)
    raise DemoFailed(f"waited {limit_s:.0f} s for {subject}")
