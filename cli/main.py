"""The `portside` command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import requests
from rich.console import Console

from cli import demo as play
from cli import secretfiles, system
from cli.brokers import find_or_start
from cli.client import Client
from cli.ending import alone, failures_said, until_stopped
from cli.kube import Access, Cluster, read_kubeconfig
from cli.ports import free_port, why_not_free
from cli.processes import Process, Supervisor, portside
from shared.process.secrets import create_keys

HOME = Path(os.environ.get("PORTSIDE_HOME") or ".portside")
DEMO_HOME = HOME / "demo"
USUAL_PORT = 8080
PORT = click.IntRange(1, 65535)
AFTER = {
    "serving": "make push TAG=1.4.1      make push TAG=broken",
    "once": "make demo (keeps serving)      make up (for use, without the demo)",
    "running": "docker compose exec config portside link (signs you in at the page)",
}
"""What the demo's last lines advise, by how it was started."""


@click.group()
def main() -> None:
    """Portside: an image is pushed, and the right pipeline deploys it."""


@main.command()
@click.option("--secrets", "root", type=click.Path(path_type=Path), help="Make every secret of a compose system here.")
def init(root: Path | None) -> None:
    """Make missing keys and passwords; what is there stays."""
    if root is None:
        HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_keys(HOME)
        click.echo(f"keys are in {HOME / 'keys'}")
        return
    made = secretfiles.create(root)
    click.echo(f"made {len(made)} files of secrets" if made else "every secret is there already")


@main.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 serves other machines.")
@click.option("--port", type=PORT, help="Port of the page and the API; 8080, or a free one, unless given.")
@click.option("--runners", default=1, type=click.IntRange(1), help="How many runner processes.")
def up(host: str, port: int | None, runners: int) -> None:
    """Start Portside for use on this machine, until Ctrl-C."""
    console = Console(highlight=False)
    steps = play.Steps(console)
    with until_stopped() as stop, failures_said(console), ExitStack() as stack:
        stack.enter_context(alone(HOME / "up.lock", "Portside is running here already; sign in with: make link"))
        layout, told, _ = _start_system(stack, steps, HOME, host, port, runners)
        system.remember(layout, told)
        console.print(f"\n  sign in   {system.sign_in_link(layout, told)}", soft_wrap=True)
        console.print("            (works once, within fifteen minutes; `make link` makes another)")
        console.print(
            f"  admin's first password is in {layout.password_file}; logs are in {layout.home / 'log'}", soft_wrap=True
        )
        if told.get("RABBITMQ_MANAGEMENT_URL"):
            page = urlsplit(told["RABBITMQ_MANAGEMENT_URL"])
            console.print(
                f"  RabbitMQ's page is http://{page.hostname}:{page.port}; user and password are in"
                f" {layout.home / 'system.json'}",
                soft_wrap=True,
            )
        console.print("  Ctrl-C stops everything; what was defined and what happened stay.")
        stop.wait()


@main.command()
@click.option("--once", is_flag=True, help="Stop everything at the end; exit 0 only if the deployment was verified.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 serves other machines.")
@click.option("--port", type=PORT, help="Port of the page and the API; 8080, or a free one, unless given.")
@click.option("--kubeconfig", type=click.Path(exists=True, path_type=Path), help="Deploy to this real cluster.")
@click.option(
    "--image", "image_reference", help="With --kubeconfig and no TEST_REGISTRY: an image that the cluster can pull."
)
@click.option("--running", help="Address of a Portside that runs already; then --hub and --cluster are needed too.")
@click.option("--hub", help="Address of a demo Hub that runs already.")
@click.option("--cluster", "cluster_url", help="Address of a demo cluster that runs already.")
def demo(
    once: bool,
    host: str,
    port: int | None,
    kubeconfig: Path | None,
    image_reference: str | None,
    running: str | None,
    hub: str | None,
    cluster_url: str | None,
) -> None:
    """Push an image at a demo Docker Hub and watch it deploy."""
    if any((running, hub, cluster_url)) and not all((running, hub, cluster_url)):
        raise click.UsageError(
            "--running, --hub and --cluster name a system that runs already: give all three, or none"
        )
    console = Console(highlight=False)
    steps = play.Steps(console)
    with until_stopped() as stop, failures_said(console), ExitStack() as stack:
        if running and hub and cluster_url:
            url, password = running, Path(os.environ.get("ADMIN_PASSWORD_FILE", "")).read_text().strip()
            scene, tag, sign_in = _scene(hub, cluster_url, None), play.FIRST_TAG, ""
        else:
            stack.enter_context(_fresh_stage(DEMO_HOME))
            layout, told, supervisor = _start_system(stack, steps, DEMO_HOME, host, port, 2)
            with steps("demo Hub" if kubeconfig else "demo Hub and demo cluster"):
                hub_url, fake_cluster_url = _start_fakes(supervisor, with_cluster=kubeconfig is None)
            scene, tag = _scene(hub_url, fake_cluster_url, kubeconfig), play.FIRST_TAG
            url, password = layout.url, layout.password_file.read_text().strip()
            system.remember(layout, told, hub=hub_url, cluster=fake_cluster_url, kubeconfig=str(kubeconfig or ""))
            sign_in = system.sign_in_link(layout, told)
        if image_reference:
            scene, tag = _given_image(scene, image_reference)
        client = Client(url)
        with steps("sign in"):
            client.sign_in(system.ADMIN, password)
        if kubeconfig:
            scene.cluster.ensure_namespace(play.NAMESPACE)
        play.define(client, scene, steps)
        execution = play.push(client, scene, tag, console)
        if execution["status"] != "COMPLETED":
            raise play.DemoFailed(f"the execution ended as {execution['status']}: {execution.get('statusMessage')}")
        now_runs = play.verify(scene, tag, play.digest_of(client, tag))
        play.summary(
            console,
            client,
            execution,
            tag,
            now_runs,
            sign_in="" if once else sign_in,
            try_next=AFTER["running" if running else "once" if once else "serving"],
        )
        if not once and not running:
            console.print("\nserving until Ctrl-C", style="dim")
            stop.wait()


@main.command()
@click.option("--tag", default="1.4.1", help="The tag to push; `broken` never becomes ready.")
def push(tag: str) -> None:
    """Push again at the running demo's Hub, and follow the run."""
    console = Console(highlight=False)
    with failures_said(console):
        try:
            known = system.recall(DEMO_HOME)
        except FileNotFoundError:
            raise play.DemoFailed("no demo is running here; start one with: make demo") from None
        kubeconfig = Path(str(known["kubeconfig"])) if known["kubeconfig"] else None
        scene = _scene(str(known["hub"]), str(known["cluster"]), kubeconfig)
        client = Client(str(known["url"]))
        try:
            client.sign_in(system.ADMIN, (DEMO_HOME / "admin-password").read_text().strip())
        except requests.ConnectionError:
            raise play.DemoFailed(f"no demo answers at {known['url']}; start one with: make demo") from None
        execution = play.push(client, scene, tag, console)
        console.print(
            f"\n{execution['name']} #{execution['index']} {execution['status']}: {execution['statusMessage']}",
            markup=False,
            soft_wrap=True,
        )
        deployment = play.deployment(scene)
        console.print(f"the cluster runs {play.image_of(deployment) if deployment else 'nothing'}", soft_wrap=True)


@main.command()
@click.option("--user", default=system.ADMIN, show_default=True, help="Whose.")
def password(user: str) -> None:
    """Set a user's password: asks, or reads standard input."""
    with failures_said(Console(stderr=True)):
        told = _told()
        if sys.stdin.isatty():
            new = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        else:
            new = sys.stdin.readline().rstrip("\r\n")
        click.echo(system.run_once(portside("services.config", "password", "--user", user), told, new + "\n"))


@main.command()
@click.option("--user", default=system.ADMIN, show_default=True, help="Whom it signs in.")
def link(user: str) -> None:
    """Print a sign-in link: works once, for fifteen minutes."""
    with failures_said(Console(stderr=True)):
        page = _remembered().get("page") or os.environ.get("PUBLIC_URL", "http://127.0.0.1:8080")
        click.echo(system.link_at(str(page), _told(), user))


def _told() -> dict[str, str]:
    """The environment of the system that was started here; empty in a container, which has its own."""
    told = _remembered().get("told", {})
    assert isinstance(told, dict)
    if not told and not {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys():
        raise system.SetUpFailed(f"nothing was started in {HOME.absolute()} yet; start Portside with: make up")
    return told


def _remembered() -> dict[str, object]:
    try:
        return system.recall(HOME)
    except FileNotFoundError:
        return {}


def _start_system(
    stack: ExitStack, steps: play.Steps, home: Path, host: str, port: int | None, runners: int
) -> tuple[system.Layout, dict[str, str], Supervisor]:
    layout = system.lay_out(home, host=host, port=_port_for(host, port))
    with steps("RabbitMQ") as notes:
        broker = find_or_start(layout.home)
        stack.callback(broker.close)
        notes.append(broker.description)
    told = system.environment(layout, broker.amqp_url, broker.management_url)
    with steps("keys and database"):
        system.initialise(layout, told)
    supervisor = Supervisor(layout.home / "log")
    stack.callback(supervisor.stop)
    with steps("config, runners, hubsync, gateway") as notes:
        system.start(supervisor, layout, told, runners=runners)
        notes.append(layout.url)
        if port is None and layout.port != USUAL_PORT:
            notes.append(f"({USUAL_PORT} is taken)")
    return layout, told, supervisor


def _port_for(host: str, wanted: int | None) -> int:
    """A port that was asked for is that port or none: a proxy or a tunnel may lead there."""
    if wanted is not None and (why := why_not_free(wanted, host)):
        raise system.SetUpFailed(f"cannot listen on port {wanted} of {host}: {why}; name another with PORT=")
    return wanted or USUAL_PORT


@contextmanager
def _fresh_stage(home: Path) -> Iterator[None]:
    """An empty folder for one demo at a time: what stood in the last one's Hub and cluster is gone as well."""
    with alone(
        home.with_suffix(".lock"), "a demo is running here already; end it with Ctrl-C, or: make push TAG=1.4.1"
    ):
        shutil.rmtree(home, ignore_errors=True)
        yield


def _start_fakes(supervisor: Supervisor, *, with_cluster: bool) -> tuple[str, str]:
    hub_port, cluster_port = free_port(8701), free_port(8702)
    hub, cluster = f"http://127.0.0.1:{hub_port}", f"http://127.0.0.1:{cluster_port}"
    supervisor.start(
        Process(
            "demo-hub", portside("tests.fakes.hub", "--port", str(hub_port)), ready=lambda: system.http_answers(hub)
        )
    )
    if with_cluster:
        command = portside("tests.fakes.cluster", "--port", str(cluster_port))
        supervisor.start(Process("demo-cluster", command, ready=lambda: system.http_answers(cluster)))
    return hub, cluster if with_cluster else ""


def _scene(hub_url: str, cluster_url: str, kubeconfig: Path | None) -> play.Scene:
    registry = os.environ.get("TEST_REGISTRY", "") if kubeconfig else ""
    access = read_kubeconfig(kubeconfig) if kubeconfig else Access(cluster_url, token=play.CLUSTER_TOKEN)
    return play.Scene(
        hub_url=hub_url,
        registry_url=f"http://{play.registry_host(registry).rstrip('/')}" if registry else hub_url,
        image_host=play.registry_host(registry) if registry else "",
        kubernetes=play.kubeconfig_kubernetes(kubeconfig) if kubeconfig else play.fake_kubernetes(cluster_url),
        cluster=Cluster(access),
        real_registry=bool(registry),
    )


def _given_image(scene: play.Scene, reference: str) -> tuple[play.Scene, str]:
    """Play with an image that exists: `docker.io/acme/web:1.2` or `registry.example.com/acme/web:1.2`."""
    name, _, tag = reference.rpartition(":")
    if not name or "/" in tag:
        raise play.DemoFailed(f"--image {reference}: a tag is needed, such as {reference}:1.0")
    host, _, rest = name.partition("/")
    has_host = rest and ("." in host or ":" in host or host == "localhost")
    prefix = f"{host}/" if has_host and host != "docker.io" else ""
    return replace(scene, image_host=prefix, repository=rest if has_host else name), tag


if __name__ == "__main__":
    main()
