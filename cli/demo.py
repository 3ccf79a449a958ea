"""The demo: all that a newcomer would do, only through the public REST API, and checked at the cluster itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import requests
from rich.console import Console

from cli import image
from cli.kube import ClusterClient
from cli.portside import follow
from cli.portside.api import ApiError, Client
from cli.portside.output import duration
from shared.contracts.base import Json
from shared.process import clock

T = TypeVar("T")
REPOSITORY, NAMESPACE, DEPLOYMENT = "acme/web", "apps", "web"
PENDING = (None, "", "received", "gathered", "waiting for earlier pushes", "waiting for the registry")
"""Verdicts that are not the last word."""
FIRST_TAG = "1.4.0"
HUB_USER, HUB_PASSWORD, CLUSTER_TOKEN = "acme", "demo-password", "demo-token"
HUB_ENDPOINT, CLUSTER_ENDPOINT, WEBHOOK = "acme-web", "cluster", "acme-web"
PROMOTED = "-prod"
"""What the chain's second repository has after the first one's name, and its endpoint and webhook likewise."""


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
    pinned: bool = True
    """Images are deployed by the digest that the Hub says; it does not know that of an image which it does not hold."""
    chain: bool = False
    """The push starts a pipeline that pushes on, and that push the one that deploys."""

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """From the push to the deployment."""
        deploy = Trigger(HUB_ENDPOINT, self.repository, "Deploy web", "deploy-web.yaml", {"REGISTRY": self.image_host})
        if not self.chain:
            return (deploy,)
        promoted = replace(deploy, name=HUB_ENDPOINT + PROMOTED, repository=self.repository + PROMOTED)
        return (Trigger(HUB_ENDPOINT, self.repository, "Promote web", "promote-web.yaml"), promoted)

    @property
    def deployed(self) -> str:
        """The repository whose image the cluster runs."""
        return self.triggers[-1].repository


@dataclass(frozen=True)
class Trigger:
    """A repository's endpoint and webhook, both of that name, and the pipeline that a push to it starts."""

    name: str
    repository: str
    pipeline: str
    file: str
    """The pipeline's YAML, in `demo/`."""
    inputs: Json = field(default_factory=dict)


class Steps:
    """Prints one line a step, with its seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(self, name: str) -> Iterator[list[str]]:
        started = clock.monotonic()
        notes: list[str] = []
        yield notes
        self._console.print(
            f"  {name:<34} {clock.monotonic() - started:5.1f} s  {' '.join(notes)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def define(client: Client, scene: Scene, steps: Steps) -> None:
    """Create endpoints, pipelines and webhooks, each only where it is not there yet."""
    define_endpoints(client, scene, steps)
    define_pipelines(client, scene, steps)
    define_webhooks(client, scene, steps)


def define_endpoints(client: Client, scene: Scene, steps: Steps) -> None:
    """Create the Docker registry's endpoints and the cluster's."""
    for trigger in scene.triggers:
        registry = {
            "serverType": "DockerHub",
            "repoURL": f"https://hub.docker.com/r/{trigger.repository}",
            "username": HUB_USER,
            "password": HUB_PASSWORD,
            "hubURL": scene.hub_url,
            "registryURL": scene.registry_url,
            "allowLocal": True,
        }
        with steps("Docker registry endpoint") as notes:
            notes.append(trigger.name)
            body = {"name": trigger.name, "project": "default", "type": "docker", "properties": registry}
            _ensure(client, "endpoints", body)
    with steps("Kubernetes endpoint"):
        body = {"name": CLUSTER_ENDPOINT, "project": "default", "type": "k8s", "properties": scene.kubernetes}
        _ensure(client, "endpoints", body)


def define_pipelines(client: Client, scene: Scene, steps: Steps) -> None:
    """Import the pipelines of `demo/`, where the project has none of their names."""
    for trigger in scene.triggers:
        with steps("pipeline from demo/") as notes:
            if not client.documents("/pipelines", **{"$filter": f"name eq '{trigger.pipeline}'"}):
                text = (files("demo") / trigger.file).read_text()
                client.import_yaml(text if scene.pinned else by_tag(text))
            notes.append(trigger.pipeline)


def by_tag(pipeline: str) -> str:
    """The pipeline's YAML with images deployed by their tags."""
    return re.sub(r"^( *)action: APPLY$", r"\1action: APPLY\n\1pinDigest: false", pipeline, flags=re.MULTILINE)


def define_webhooks(client: Client, scene: Scene, steps: Steps) -> None:
    """Create the webhooks and wait until the Hub has their hooks."""
    for trigger in scene.triggers:
        with steps("Docker webhook") as notes:
            webhook = {
                "name": trigger.name,
                "project": "default",
                "endpoint": trigger.name,
                "pipeline": trigger.pipeline,
                "serverType": "DockerHub",
                "repoName": trigger.repository,
                "enabled": True,
                "input": trigger.inputs,
            }
            _ensure(client, "registry-webhooks", webhook)
            state = _wait_for(partial(_hub_state, client, trigger), "the webhook to be in step with the Hub", 60)
            notes.append(f"{trigger.name}: {state}")


def push(client: Client, scene: Scene, tag: str, console: Console) -> Json:
    """Push one image, follow each run that comes of it to its end, and return the last of them."""
    earlier_ids = {event["id"] for event in _events(client)}
    digest = send_push(scene, tag)
    console.print(f"\nPushed [bold]{scene.repository}:{tag}[/] {digest[:19]}…", highlight=False)
    for trigger in scene.triggers:
        execution = _follow(client, trigger, tag, earlier_ids, console)
        if execution["status"] != "COMPLETED":
            break
    return execution


def _follow(client: Client, trigger: Trigger, tag: str, earlier_ids: set[str], console: Console) -> Json:
    name = f"{trigger.repository}:{tag}"

    def fresh() -> Json | None:
        events = (event for event in _events(client, trigger) if event["tag"] == tag)
        return next((event for event in events if event["id"] not in earlier_ids), None)

    event: Json = _wait_for(fresh, f"the push of {name} to arrive", 30)

    def judged() -> Json | None:
        now = client.get(f"/registry-events/{event['id']}")
        return now if now.get("verdict") not in PENDING else None

    event = _wait_for(judged, f"a verdict on the push of {name}", 60)
    by = f"Pushed [bold]{name}[/] by {event['pushedBy']}\n" if event.get("pushedBy") else ""
    console.print(f"{by}Verdict: [bold]{event['verdict']}[/] - {event.get('reason', '')}", highlight=False)
    if not event.get("executionLink"):
        raise DemoFailed(f"the push of {name} started nothing: {event.get('reason')}")
    link = event["executionLink"].removeprefix("/codestream/api")
    return follow.follow(console, lambda: client.get(link))


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
    expected = f"{scene.image_host}{scene.deployed}:{tag}" + (f"@{digest}" if digest else "")
    if running != expected:
        raise DemoFailed(f"the cluster runs {running}, not {expected}")
    status, replicas = live["status"], live["spec"]["replicas"]
    if not status.get("updatedReplicas") == status.get("availableReplicas") == replicas:
        raise DemoFailed(
            f"{running} is applied, but {status.get('availableReplicas', 0)} of {replicas} replicas serve it"
        )
    return running


def digest_of(client: Client, scene: Scene, tag: str) -> str | None:
    """The digest that Portside recorded for the newest push of a tag to the repository that is deployed from."""
    matching = [event for event in _events(client, scene.triggers[-1]) if event["tag"] == tag]
    return matching[0].get("digest") if matching else None


def summary(
    console: Console,
    client: Client,
    scene: Scene,
    execution: Json,
    tag: str,
    running: str,
    *,
    sign_in: str,
    try_next: str,
) -> None:
    """The few lines that the demo ends with: what *Activity* shows of each push, and what runs now."""
    pushes: list[tuple[str, str]] = []
    for trigger in scene.triggers:
        event = next(event for event in _events(client, trigger) if event["tag"] == tag)
        pushes.append(("push", f"{event['imageName']}:{tag} by {event.get('pushedBy') or event['owner']}"))
        pushes.append(("verdict", f"{event['verdict']}: {event.get('reason', '')}"))
    console.print()
    stages = execution["stages"]
    times = ", ".join(f"{name} {duration(stages[name].get('_durationInMicros')) or '-'}" for name in stages)
    for name, text in (
        *pushes,
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


def _events(client: Client, trigger: Trigger | None = None) -> list[Json]:
    """The newest events, of one webhook or of all."""
    events = client.documents("/registry-events?$top=50&$orderby=timeStampInMicros desc")
    return [event for event in events if trigger is None or event["webhook"] == trigger.name]


def _hub_state(client: Client, trigger: Trigger) -> str | None:
    state = client.by_name("registry-webhooks", "default", trigger.name).get("hubState")
    return str(state) if state == "in step" else None


def _ensure(client: Client, collection: str, body: Json) -> None:
    try:
        client.post(f"/{collection}", body)
    except ApiError as refused:
        if refused.status != 409:
            raise


def _wait_for(ask: Callable[[], T | None], subject: str, limit_s: float) -> T:
    deadline = clock.monotonic() + limit_s
    while clock.monotonic() < deadline:
        result = ask()
        if result is not None:
            return result
        time.sleep(0.1)
    raise DemoFailed(f"waited {limit_s:.0f} s for {subject}")
