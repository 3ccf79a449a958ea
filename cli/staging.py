"""Putting up what a command needs: Portside's own processes, and the stage that the demo plays on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests

from cli import demo as play
from cli import leftovers, system
from cli.brokers import find_or_start
from cli.ending import alone
from cli.kube import ClusterClient, KubeconfigAccess, read_kubeconfig
from cli.ports import free_port, why_not_free
from cli.processes import Process, Supervisor, portside
from shared.grammar.repositories import HUB_HOST

USUAL_PORT = 8080


def start_system(
    stack: ExitStack,
    steps: play.Steps,
    home: Path,
    host: str,
    port: int | None,
    runners: int,
    *,
    samples: bool = False,
) -> tuple[system.Layout, dict[str, str], Supervisor]:
    """Start the broker and every process of a system, each ended with `stack`: its layout, what its processes are
    told, and who keeps them alive. Without `port` the usual one or a free one is taken. The caller is alone in `home`.
    With `samples` the page offers sample data, and the caller looks for its requests.
    """
    leftovers.end(home)
    layout = system.lay_out(home, host=host, port=_port_for(host, port))
    with steps("RabbitMQ") as notes:
        broker = find_or_start(layout.home)
        stack.callback(broker.close)
        notes.append(broker.description)
    environment = system.environment(layout, broker.amqp_url, broker.management_url)
    if samples:
        layout.samples.mkdir(mode=0o700, exist_ok=True)
        environment["SAMPLES_FOLDER"] = str(layout.samples)
    with steps("keys and database"):
        system.initialise(layout, environment)
    supervisor = Supervisor(layout.home / "log")
    stack.callback(supervisor.stop)
    with steps("config, runners, hubsync, gateway") as notes:
        system.start(supervisor, layout, environment, runners=runners)
        notes.append(layout.url)
        if port is None and layout.port != USUAL_PORT:
            notes.append(f"({USUAL_PORT} is taken)")
    return layout, environment, supervisor


def _port_for(host: str, requested: int | None) -> int:
    """A port that was asked for is that port or none: a proxy or a tunnel may lead there."""
    if requested is not None and (why := why_not_free(requested, host)):
        raise system.SetUpFailed(f"cannot listen on port {requested} of {host}: {why}; name another with PORT=")
    return requested or USUAL_PORT


@dataclass(frozen=True)
class Stage:
    """The system that the demo plays at, and the things outside it."""

    url: str
    password: str
    scene: play.Scene
    sign_in: str = ""
    """A link that signs in once; empty where the system runs elsewhere."""


def stage_there(url: str, hub: str, cluster: str) -> Stage:
    """All of it runs already."""
    password = Path(os.environ.get("ADMIN_PASSWORD_FILE", "")).read_text().strip()
    return Stage(url, password, scene_of(hub, cluster, None))


def stage_anew(
    stack: ExitStack, steps: play.Steps, home: Path, host: str, port: int | None, kubeconfig: Path | None, chain: bool
) -> Stage:
    """Start all of it; a real cluster's kubeconfig takes the place of the demo's own."""
    stack.enter_context(_fresh_home(home))
    layout, environment, supervisor = start_system(stack, steps, home, host, port, 2)
    with steps("demo Hub" if kubeconfig else "demo Hub and demo cluster"):
        hub, cluster = start_fakes(supervisor, with_cluster=kubeconfig is None)
    scene = replace(scene_of(hub, cluster, kubeconfig), chain=chain)
    password = layout.password_file.read_text().strip()
    more = {"hub": hub, "cluster": cluster, "kubeconfig": str(kubeconfig or ""), "chain": "yes" if chain else ""}
    system.remember(layout, environment, **more)
    return Stage(layout.url, password, scene, system.sign_in_link(layout, environment))


@contextmanager
def _fresh_home(home: Path) -> Iterator[None]:
    """An empty folder for one demo at a time: what the last one's Hub and cluster held is gone as well."""
    with alone(
        home.with_suffix(".lock"), "a demo is running here already; end it with Ctrl-C, or: make push TAG=1.4.1"
    ):
        leftovers.end(home)
        shutil.rmtree(home, ignore_errors=True)
        yield


def start_fakes(
    supervisor: Supervisor, *, with_cluster: bool = True, ports: tuple[int, int] | None = None
) -> tuple[str, str]:
    """Start the demo's Hub and cluster, on these ports or on free ones; returns their addresses."""
    hub_port, cluster_port = ports or (free_port(8701), free_port(8702))
    hub, cluster = f"http://127.0.0.1:{hub_port}", f"http://127.0.0.1:{cluster_port}"
    repositories = (play.REPOSITORY, play.REPOSITORY + play.PROMOTED)
    hub_command = portside("demo.hub", "--port", str(hub_port), *(f"--repository={name}" for name in repositories))
    supervisor.start(Process("demo-hub", hub_command, ready=lambda: system.http_answers(hub)))
    if with_cluster:
        command = portside("demo.cluster", "--port", str(cluster_port))
        supervisor.start(Process("demo-cluster", command, ready=lambda: system.http_answers(cluster)))
    return hub, cluster if with_cluster else ""


def scene_of(hub_url: str, cluster_url: str, kubeconfig: Path | None) -> play.Scene:
    """What is outside: a real cluster, and TEST_REGISTRY with it, in place of the demo's own where one is given."""
    registry = os.environ.get("TEST_REGISTRY", "") if kubeconfig else ""
    access = read_kubeconfig(kubeconfig) if kubeconfig else KubeconfigAccess(cluster_url, token=play.CLUSTER_TOKEN)
    return play.Scene(
        hub_url=hub_url,
        registry_url=f"http://{play.registry_host(registry).rstrip('/')}" if registry else hub_url,
        image_host=play.registry_host(registry) if registry else "",
        kubernetes=play.kubeconfig_kubernetes(kubeconfig) if kubeconfig else play.fake_kubernetes(cluster_url),
        cluster=ClusterClient(access),
        real_registry=bool(registry),
    )


def given_image(scene: play.Scene, reference: str) -> tuple[play.Scene, str]:
    """Play with an image that exists: `docker.io/acme/web:1.2` or `registry.example.com/acme/web:1.2`."""
    name, _, tag = reference.rpartition(":")
    if not name or "/" in tag:
        raise play.DemoFailed(f"--image {reference}: a tag is needed, such as {reference}:1.0")
    host, _, rest = name.partition("/")
    has_host = rest and ("." in host or ":" in host or host == "localhost")
    prefix = f"{host}/" if has_host and host != HUB_HOST else ""
    repository = rest if has_host else name
    order = {"name": repository, "admins": [play.HUB_USER]}
    requests.post(f"{scene.hub_url}/_fake/repositories", json=order, timeout=30).raise_for_status()
    return replace(scene, image_host=prefix, repository=repository, pinned=False), tag
