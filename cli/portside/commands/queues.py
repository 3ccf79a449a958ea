"""`queues`: what waits between the processes, and the messages that could not be processed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from ..connection import PortsideServer
from ..ending import confirm, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import Column, age, ago, field, print_all
from ..watching import repeat
from .listing import print_pages

PLACES = {name: f"{__name__}:queues_{name}" for name in ("list", "letters", "requeue", "discard")}
QUEUES = (
    field("QUEUE", "name"),
    field("READY", "ready"),
    field("UNACKED", "unacknowledged"),
    field("CONSUMERS", "consumers"),
    Column("IN/S", lambda queue: _rate(queue.get("publishedPerSecond"))),
    Column("OUT/S", lambda queue: _rate(queue.get("deliveredPerSecond"))),
    Column("MOST IN 5 MIN", lambda queue: max(queue.get("depths") or [None])),
    field("FOR", "note", wide=True),
)
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
    """Queues between the processes, and dead letters."""


@click.command("list")
@with_watch
@click.option("--waiting", is_flag=True, help="Only queues with messages in them.")
@with_output
@with_server
def queues_list(server: PortsideServer, waiting: bool, form: str, watch: bool) -> None:
    """List the broker's queues with their depth."""

    def show() -> None:
        state = server.client.get("/queues")
        rows = [queue for queue in state["queues"] if not waiting or queue["ready"] or queue["unacknowledged"]]
        print_all(rows, QUEUES, form, empty="No queue holds a message.")
        if state.get("missing"):
            note(state["missing"])
        if state["deadLetters"]:
            note(_about_letters(state))

    repeat(show, watch=watch)


def _rate(per_second: Any) -> str:
    return "" if per_second is None else f"{per_second:.1f}"


def _about_letters(state: dict[str, Any]) -> str:
    return (
        f"{state['deadLetters']} dead letters, the oldest from {ago(state['oldestDeadLetterInMicros'])}:"
        " portside queues letters"
    )


@click.command("letters")
@with_watch
@click.option("--state", default="kept", type=click.Choice(("kept", "requeued", "discarded")), show_default=True)
@with_limit
@with_output
@with_server
def queues_letters(server: PortsideServer, state: str, limit: int, form: str, watch: bool) -> None:
    """List dead letters. They are messages that could not be processed, with the reason."""
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
