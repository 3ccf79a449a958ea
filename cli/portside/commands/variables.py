"""`variables`: named values of a project."""

from __future__ import annotations

import click

from ..connection import PortsideServer
from ..ending import ask_secret, confirm, note
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch, with_yes
from ..output import age, field
from .listing import print_collection

PLACES = {name: f"{__name__}:variables_{name}" for name in ("list", "set", "delete")}
VARIABLES = (
    field("NAME", "name"),
    field("TYPE", "type"),
    field("VALUE", "value"),
    age("CHANGED", "_updateTimeInMicros"),
    field("ID", "id", wide=True),
)


@click.group(cls=LazyGroup, places=PLACES)
def variables() -> None:
    """Named values of a project; secrets are never shown."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def variables_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List the variables of the project."""
    print_collection(server, "variables", VARIABLES, form, limit, "No variables.", watch=watch)


@click.command("set")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--secret", is_flag=True, help="Encrypt it and never show it.")
@with_server
def variables_set(server: PortsideServer, name: str, value: str | None, secret: bool) -> None:
    """Create or change a variable.

    Without VALUE it is read from standard input, whole, which keeps it out of the shell's history.
    """
    from ..api import ApiError, path_of

    if value is None:
        value = ask_secret(f"Value of {name}", lines=True)
    try:
        stored = server.client.by_name("variables", server.project, name)
    except ApiError as error:
        if error.status != 404:
            raise
        kind = "SECRET" if secret else "REGULAR"
        server.client.post("/variables", {"project": server.project, "name": name, "type": kind, "value": value})
        note(f"Created variable {name}.")
        return
    body = {"value": value, "type": "SECRET" if secret else stored["type"]}
    server.client.patch(path_of("variables", server.project, name), body)
    note(f"Changed variable {name}.")


@click.command("delete")
@click.argument("name")
@with_yes
@with_server
def variables_delete(server: PortsideServer, name: str, yes: bool) -> None:
    """Delete a variable that nothing refers to."""
    stored = server.find("variables", name)
    confirm(f"Delete variable {stored['name']}?", yes=yes)
    server.client.delete(f"/variables/{stored['id']}")
    note(f"Deleted variable {stored['name']}.")
