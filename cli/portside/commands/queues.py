"""`queues`: messages that could not be processed."""

from __future__ import annotations

from urllib.parse import quote

import click

from ..connection import PortsideServer
from ..ending import confirm, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import age, field
from .listing import print_pages

PLACES = {name: f"{__name__}:queues_{name}" for name in ("list", "requeue", "discard")}
LETTERS = (
    field("QUEUE", "queue"),
    field("TYPE", "type"),
    field("STATE", "state"),
    age("SINCE", "_createTimeInMicros"),
    field("ID", "id"),
    field("SUBJECT", "subject", wide=True),
    field("REASON", "reason"),
)


@click.group(cls=LazyGroup, places=PLACES)
def queues() -> None:
    """Messages that could not be processed."""


@click.command("list")
@with_watch
@click.option("--state", default="kept", type=click.Choice(("kept", "requeued", "discarded")), show_default=True)
@with_limit
@with_output
@with_server
def queues_list(server: PortsideServer, state: str, limit: int, form: str, watch: bool) -> None:
    """List dead letters: messages that could not be processed, with the reason."""
    print_pages(server, "dead-letters", LETTERS, form, limit, "No dead letters.", watch=watch, name="id", state=state)


@click.command("requeue")
@click.argument("letter")
@with_server
def queues_requeue(server: PortsideServer, letter: str) -> None:
    """Send a dead letter to its queue again."""
    server.client.act(f"/dead-letters/{quote(letter, safe='')}", "requeue")
    note("Sent again.")


@click.command("discard")
@click.argument("letter")
@with_yes
@with_server
def queues_discard(server: PortsideServer, letter: str, yes: bool) -> None:
    """Discard a dead letter."""
    confirm("Discard it?", yes=yes)
    server.client.act(f"/dead-letters/{quote(letter, safe='')}", "discard")
    note("Discarded.")
