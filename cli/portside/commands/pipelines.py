"""`pipelines`: list, read, and change their YAML."""

from __future__ import annotations

import click

from ..connection import PortsideServer
from ..ending import CommandFailed, demand_terminal, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch
from ..output import Column, age, cell, field, page, print_all, print_one
from .listing import print_collection

PLACES = {name: f"{__name__}:{name}" for name in ("list", "get", "edit", "enable", "disable")} | {
    "list": f"{__name__}:pipelines_list",
    "run": __name__.replace("pipelines", "run") + ":run",
}
COLUMNS = (
    field("NAME", "name"),
    field("STATE", "state"),
    field("DESCRIPTION", "description"),
    age("CHANGED", "_updateTimeInMicros"),
    field("BY", "updatedBy", wide=True),
    field("VERSION", "version", wide=True),
    field("ID", "id", wide=True),
)


@click.group(cls=LazyGroup, places=PLACES)
def pipelines() -> None:
    """Pipelines and their YAML."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def pipelines_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List the pipelines of the project."""
    print_collection(server, "pipelines", COLUMNS, form, limit, "No pipelines.", watch=watch)


@click.command()
@click.argument("pipeline")
@with_output
@with_server
def get(server: PortsideServer, pipeline: str, form: str) -> None:
    """Print a pipeline's YAML, or with -o json its document."""
    from ..api import path_of

    stored = server.find("pipelines", pipeline)
    if form in ("json", "name"):
        print_one(stored, COLUMNS, form)
        return
    if form == "wide":
        print_all([stored], (*COLUMNS, Column("STAGES", lambda row: row.get("stageOrder"))), form)
        return
    page(server.client.text(path_of("pipelines", stored["project"], stored["name"])))


@click.command()
@click.argument("pipeline")
@with_server
def edit(server: PortsideServer, pipeline: str) -> None:
    """Edit a pipeline's YAML in $EDITOR. A mistake opens the editor again and shows its place."""
    from ..api import ApiError, path_of

    demand_terminal("an editor", "use: portside apply -f FILE")
    stored = server.find("pipelines", pipeline)
    path = path_of("pipelines", stored["project"], stored["name"])
    text = before = server.client.text(path)
    while True:
        edited = click.edit(text, extension=".yaml")
        if edited is None or edited == before:
            note("Nothing was changed.")
            return
        text = edited
        try:
            server.client.send_yaml("PUT", path, text)
        except ApiError as refused:
            click.echo(cell(refused.message), err=True)
            if not click.confirm("Edit again?", default=True, err=True):
                raise CommandFailed("nothing was changed") from None
            continue
        note(f"Changed pipeline {stored['name']}.")
        return


def _switch(server: PortsideServer, pipeline: str, state: str) -> None:
    stored = server.find("pipelines", pipeline)
    server.client.patch(f"/pipelines/{stored['id']}", {"state": state})
    note(f"Pipeline {stored['name']} is {state.lower()}.")


@click.command()
@click.argument("pipeline")
@with_server
def enable(server: PortsideServer, pipeline: str) -> None:
    """Let a pipeline run."""
    _switch(server, pipeline, "ENABLED")


@click.command()
@click.argument("pipeline")
@with_server
def disable(server: PortsideServer, pipeline: str) -> None:
    """Keep a pipeline from running."""
    _switch(server, pipeline, "DISABLED")
