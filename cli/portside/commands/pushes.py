"""`why`, `events` and `push`: what became of pushed images, and a test delivery."""

from __future__ import annotations

from urllib.parse import quote

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, ExitCode, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch
from ..output import Column, age, as_yaml, cell, field, local_time, print_all, print_one
from ..runs import image_of, split_image
from ..watching import repeat

PLACES = {"list": f"{__name__}:events_list", "get": f"{__name__}:get", "rerun": f"{__name__}:rerun"}
COLUMNS = (
    Column("IMAGE", image_of),
    field("VERDICT", "verdict"),
    age("PUSHED", "timeStampInMicros"),
    field("WEBHOOK", "webhook"),
    field("ID", "id"),
    Column("AT", lambda event: local_time(event.get("timeStampInMicros")), wide=True),
    field("BY", "owner", wide=True),
    field("DIGEST", "digest", wide=True),
    field("NEXT STEP", "nextStep", wide=True),
    field("REASON", "reason"),
)


@click.command()
@click.argument("image", metavar="IMAGE[:TAG]")
@click.option("--at", default="", metavar="TIME", help="When it was pushed: 2026-11-23T09:00:00Z; by default now.")
@with_output
@with_server
def why(server: PortsideServer, image: str, at: str, form: str) -> None:
    """Say why an image was not deployed, or what it started."""
    repository, tag = split_image(image)
    answer = server.client.get("/registry-events/why", repository=repository, tag=tag, at=at)
    if form != "table":
        print_one(answer, (field("ANSWER", "answer"), field("NEXT STEP", "nextStep"), field("EVENTS", "events")), form)
        return
    click.echo(cell(answer["answer"]))
    for sentence in answer["sentences"][1:]:
        click.echo(cell(sentence))
    if answer["nextStep"]:
        click.echo(f"Next: {cell(answer['nextStep'])}")


@click.group(cls=LazyGroup, places=PLACES)
def events() -> None:
    """Pushes that arrived, with the verdict on each."""


@click.command("list")
@click.option("--image", default="", metavar="REPOSITORY[:TAG]", help="Only pushes of this image.")
@click.option("--webhook", default="", metavar="NAME", help="Only those to this webhook.")
@click.option("--verdict", default="", help="Only those with this verdict, such as `started`.")
@with_limit
@with_watch
@with_output
@with_server
def events_list(
    server: PortsideServer, image: str, webhook: str, verdict: str, limit: int, watch: bool, form: str
) -> None:
    """List events, newest first."""
    repository, tag = split_image(image)
    fields = {"imageName": repository, "tag": tag, "webhook": webhook, "verdict": verdict, "project": server.project}

    def show() -> None:
        rows = server.rows("/registry-events", limit, **fields)
        print_all(rows, COLUMNS, form, name="id", empty="No events.")

    repeat(show, watch=watch)


@click.command()
@click.argument("event")
@with_output
@with_server
def get(server: PortsideServer, event: str, form: str) -> None:
    """Show one event, with what the registry sent."""
    document = server.client.get(f"/registry-events/{quote(event, safe='')}")
    next_step = field("NEXT STEP", "nextStep")
    more = "\n" + as_yaml({"payload": document.get("payload")}).rstrip() if form == "wide" else ""
    print_one(
        document,
        (*(column for column in COLUMNS if column.title != "NEXT STEP"), next_step),
        form,
        name="id",
        more=more,
    )


@click.command()
@click.argument("event")
@click.option("--anyway", is_flag=True, help="Even if a later push has started a run.")
@with_output
@with_server
def rerun(server: PortsideServer, event: str, anyway: bool, form: str) -> None:
    """Judge a push again, and start what fits now."""
    action = "run-anyway" if anyway else "rerun"
    document = server.client.act(f"/registry-events/{quote(event, safe='')}", action)
    print_one(document, COLUMNS, form, name="id")


@click.command()
@click.argument("image", metavar="IMAGE:TAG")
@click.option("--webhook", required=True, metavar="NAME", help="The webhook that is tested.")
@with_output
@with_server
def push(server: PortsideServer, image: str, webhook: str, form: str) -> None:
    """Send a test delivery through a webhook. Every hop is checked, and nothing is started.

    It comes as the registry would send it, to the address that the registry calls.
    """
    repository, tag = split_image(image)
    if not tag:
        raise CommandFailed(f"{image} has no tag; write it as {image}:1.4.0", ExitCode.USAGE)
    check_webhook(server, webhook, {"repository": repository, "tag": tag}, form)


def check_webhook(server: PortsideServer, webhook: str, body: dict[str, str], form: str) -> None:
    """Test a webhook and print each hop. Raises `CommandFailed` where one failed."""
    document = server.find("registry-webhooks", webhook)
    result = server.client.act(f"/registry-webhooks/{document['id']}", "check", body)
    columns = (
        field("HOP", "hop"),
        Column("STATE", lambda hop: "ok" if hop["ok"] else "failed"),
        field("MESSAGE", "message"),
    )
    if form in ("json", "yaml"):
        print_one(result, columns, form)
    else:
        note(f"Tested webhook {document['name']} with {result['image']}.")
        print_all(result["hops"], columns, form, name="hop")
    if not result["ok"]:
        raise CommandFailed("\n".join(text for text in (result["message"], result["nextStep"]) if text))
