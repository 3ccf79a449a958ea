"""The commands that run a system on this machine (`portside system`), and the demo (`portside demo`)."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console

from cli import backups, kube, secretfiles, system
from cli import demo as play
from cli.ending import alone, failures_said, until_stopped
from cli.portside.api import Client, Unreachable
from cli.processes import portside
from cli.samples import DEFINITIONS, Samples
from cli.staging import given_image, scene_of, stage_anew, stage_there, start_system
from shared.contracts.texts import counted
from shared.process.secrets import create_keys

HOME = Path(os.environ.get("PORTSIDE_HOME") or ".portside")
DEMO_HOME = HOME / "demo"
PORT = click.IntRange(1, 65535)
AFTER = {
    "serving": "make push TAG=1.4.1      make push TAG=broken",
    "once": "make demo (keeps serving)      make up (for use, without the demo)",
    "running": "docker compose exec config portside system link (signs you in at the page)",
}
"""What the demo's last lines advise, by how it was started."""


@click.group(name="system")
def operate() -> None:
    """Run a system. Start it here, make its keys, back it up, sign in and set passwords without its page."""


@operate.command()
@click.option("--secrets", "root", type=click.Path(path_type=Path), help="Make every secret of a compose system here.")
@click.option("--kubernetes-secret", "secret", help="Make the Secret of this name in the namespace of this pod.")
def init(root: Path | None, secret: str | None) -> None:
    """Make missing keys and passwords; what is there stays."""
    if secret is not None:
        access, namespace = kube.read_service_account()
        is_new = kube.ClusterClient(access).create_secret(namespace, secret, secretfiles.own_secrets())
        click.echo(f"made the Secret {secret}" if is_new else f"the Secret {secret} exists already")
        return
    if root is None:
        try:
            HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_keys(HOME)
        except OSError as error:
            raise click.ClickException(
                f"{HOME} cannot be written: {error.strerror}. Let this user write there, or name another folder in "
                "PORTSIDE_HOME"
            ) from error
        click.echo(f"keys are in {HOME / 'keys'}")
        return
    paths = secretfiles.create(root)
    click.echo(f"made {counted(len(paths), 'file')} of secrets" if paths else "every secret exists already")


@operate.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 serves other machines.")
@click.option("--port", type=PORT, help="Port of the page and the API; by default 8080, or a free one.")
@click.option("--runners", default=1, type=click.IntRange(1), help="How many runner processes.")
@click.option(
    "--demo",
    "until",
    type=click.Choice(list(DEFINITIONS)),
    help="Fill in the first steps up to this one.",
)
def up(host: str, port: int | None, runners: int, until: str | None) -> None:
    """Start Portside for use on this machine, until Ctrl-C."""
    console = Console(highlight=False)
    steps = play.Steps(console)
    with until_stopped() as stop, failures_said(console), ExitStack() as stack:
        stack.enter_context(alone(HOME / "up.lock", "Portside is running here already; sign in with: make link"))
        layout, environment, supervisor = start_system(stack, steps, HOME, host, port, runners, samples=True)
        system.remember(layout, environment)
        samples = Samples(layout, environment, supervisor, console)
        samples.resume()
        if until:
            samples.fill_in(until)
        console.print(f"\n  sign in   {system.sign_in_link(layout, environment)}", soft_wrap=True)
        console.print("            (works once, within fifteen minutes; `make link` makes another)")
        console.print(
            f"  admin's first password is in {layout.password_file}; logs are in {layout.home / 'log'}", soft_wrap=True
        )
        if environment.get("RABBITMQ_MANAGEMENT_URL"):
            page = urlsplit(environment["RABBITMQ_MANAGEMENT_URL"])
            console.print(
                f"  RabbitMQ's page is http://{page.hostname}:{page.port}; user and password are in"
                f" {layout.home / 'system.json'}",
                soft_wrap=True,
            )
        console.print("  Ctrl-C stops everything; what was defined and what happened stay.")
        samples.serve(stop)


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="Stop everything at the end; exit 0 only if the deployment was verified.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 serves other machines.")
@click.option("--port", type=PORT, help="Port of the page and the API; by default 8080, or a free one.")
@click.option("--kubeconfig", type=click.Path(exists=True, path_type=Path), help="Deploy to this real cluster.")
@click.option(
    "--image", "image_reference", help="With --kubeconfig and no TEST_REGISTRY: an image that the cluster can pull."
)
@click.option(
    "--chain", is_flag=True, help="The push starts a pipeline that pushes on; that push starts the deployment."
)
@click.option("--running", help="Address of a Portside that runs already; then --hub and --cluster are needed too.")
@click.option("--hub", help="Address of a demo Hub that runs already.")
@click.option("--cluster", "cluster_url", help="Address of a demo cluster that runs already.")
@click.pass_context
def demo(
    context: click.Context,
    once: bool,
    host: str,
    port: int | None,
    kubeconfig: Path | None,
    image_reference: str | None,
    chain: bool,
    running: str | None,
    hub: str | None,
    cluster_url: str | None,
) -> None:
    """Push an image at a demo Docker Hub and watch it deploy. `demo push` pushes again."""
    if context.invoked_subcommand:
        return
    if any((running, hub, cluster_url)) and not all((running, hub, cluster_url)):
        raise click.UsageError(
            "--running, --hub and --cluster name a system that runs already: give all three, or none"
        )
    if chain and (kubeconfig or image_reference or running):
        raise click.UsageError("--chain pushes on at a Hub that the demo starts, from which no real cluster can pull")
    console = Console(highlight=False)
    steps = play.Steps(console)
    with until_stopped() as stop, failures_said(console), ExitStack() as stack:
        if running and hub and cluster_url:
            stage = stage_there(running, hub, cluster_url)
        else:
            stage = stage_anew(stack, steps, DEMO_HOME, host, port, kubeconfig, chain)
        scene, tag = stage.scene, play.FIRST_TAG
        if image_reference:
            scene, tag = given_image(scene, image_reference)
        client = Client(stage.url)
        with steps("sign in"):
            client.sign_in(system.ADMIN, stage.password)
        if kubeconfig:
            scene.cluster.ensure_namespace(play.NAMESPACE)
        play.define(client, scene, steps)
        execution = play.push(client, scene, tag, console)
        if execution["status"] != "COMPLETED":
            raise play.DemoFailed(f"the execution ended as {execution['status']}: {execution.get('statusMessage')}")
        now_runs = play.verify(scene, tag, play.digest_of(client, scene, tag) if scene.pinned else None)
        play.summary(
            console,
            client,
            scene,
            execution,
            tag,
            now_runs,
            sign_in="" if once else stage.sign_in,
            try_next=AFTER["running" if running else "once" if once else "serving"],
        )
        if not once and not running:
            console.print("\nserving until Ctrl-C", style="dim")
            stop.wait()


@demo.command()
@click.option("--tag", default="1.4.1", help="The tag to push; `broken` never becomes ready.")
def push(tag: str) -> None:
    """Push again at the running demo's Hub, and follow the run."""
    console = Console(highlight=False)
    with failures_said(console):
        running = _with_demo()
        kubeconfig = Path(str(running["kubeconfig"])) if running["kubeconfig"] else None
        scene = scene_of(str(running["hub"]), str(running["cluster"]), kubeconfig)
        scene = replace(scene, chain=bool(running["chain"]))
        client = Client(str(running["url"]))
        try:
            client.sign_in_by_link(system.link_at(str(running["url"]), running["told"], system.ADMIN))
        except Unreachable:
            raise play.DemoFailed(f"no demo answers at {running['url']}; start one with: make demo") from None
        execution = play.push(client, scene, tag, console)
        console.print(
            f"\n{execution['name']} #{execution['index']} {execution['status']}: {execution['statusMessage']}",
            markup=False,
            soft_wrap=True,
        )
        deployment = play.deployment(scene)
        console.print(f"the cluster runs {play.image_of(deployment) if deployment else 'nothing'}", soft_wrap=True)


@operate.command()
@click.option("--user", default=system.ADMIN, show_default=True, help="Whose.")
def password(user: str) -> None:
    """Set a user's password: asks, or reads standard input."""
    with failures_said(Console(stderr=True)):
        environment = _environment(_running())
        if sys.stdin.isatty():
            new = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        else:
            new = sys.stdin.readline().rstrip("\r\n")
        click.echo(system.run_once(portside("services.config", "password", "--user", user), environment, new + "\n"))


@operate.command()
@click.option("--user", default=system.ADMIN, show_default=True, help="Whom it signs in.")
def link(user: str) -> None:
    """Print a sign-in link: works once, for fifteen minutes."""
    with failures_said(Console(stderr=True)):
        started = _running()
        page = started.get("page") or os.environ.get("PAGE_URL", "http://127.0.0.1:8080")
        click.echo(system.link_at(str(page), _environment(started), user))


def _with_demo() -> dict[str, Any]:
    """What was remembered of the system that runs with a demo's Hub: a demo, or one for use with sample data."""
    for home in (DEMO_HOME, HOME):
        try:
            running = system.recall(home)
        except FileNotFoundError:
            continue
        if running.get("hub") and system.http_answers(str(running["hub"])):
            return running
    raise play.DemoFailed("no demo is running here; start one with: make demo, or: make up DEMO=1")


@operate.command("local-sign-in")
@click.argument("state", type=click.Choice(["on", "off"]))
def local_sign_in(state: str) -> None:
    """Switch sign-in by password on, in an emergency, or off."""
    with failures_said(Console(stderr=True)):
        click.echo(system.run_once(portside("services.config", "local-sign-in", state), _told()))


def _told() -> dict[str, str]:
    """The environment of the system that was started here; empty in a container, which has its own."""
    return _environment(_remembered(HOME))


def _environment(started: dict[str, object]) -> dict[str, str]:
    environment = started.get("told", {})
    assert isinstance(environment, dict)
    if not environment and not {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys():
        raise system.SetUpFailed(f"nothing was started in {HOME.absolute()} yet; start Portside with: make up")
    return environment


def _running() -> dict[str, object]:
    """What was remembered of the system that answers, which may be the demo; of none that does, the one for use."""
    remembered = [started for home in (HOME, DEMO_HOME) if (started := _remembered(home))]
    answering = (started for started in remembered if system.http_answers(str(started["page"])))
    return next(answering, remembered[0] if remembered else {})


def _remembered(home: Path) -> dict[str, object]:
    try:
        return system.recall(home)
    except FileNotFoundError:
        return {}


for command in backups.commands(_told, HOME):
    operate.add_command(command)

if __name__ == "__main__":
    from cli.__main__ import main

    main()
