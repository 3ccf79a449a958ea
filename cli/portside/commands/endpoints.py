"""`endpoints`: registries, clusters and other servers that pipelines use."""

from __future__ import annotations

import click

from ..connection import PortsideServer
from ..ending import CommandFailed
from ..lazy import LazyGroup
from ..options import with_limit, with_output, with_server, with_watch
from ..output import Column, age, cell, field, print_one
from .listing import print_collection

PLACES = {name: f"{__name__}:endpoints_{name}" for name in ("list", "get", "validate")}
ENDPOINTS = (
    field("NAME", "name"),
    field("TYPE", "type"),
    field("DESCRIPTION", "description"),
    age("CHANGED", "_updateTimeInMicros"),
    field("BY", "updatedBy", wide=True),
    field("ID", "id", wide=True),
)


@click.group(cls=LazyGroup, places=PLACES)
def endpoints() -> None:
    """Registries, clusters and other servers that pipelines use."""


@click.command("list")
@with_watch
@with_limit
@with_output
@with_server
def endpoints_list(server: PortsideServer, limit: int, form: str, watch: bool) -> None:
    """List the endpoints of the project."""
    print_collection(server, "endpoints", ENDPOINTS, form, limit, "No endpoints.", watch=watch)


@click.command("get")
@click.argument("endpoint")
@with_output
@with_server
def endpoints_get(server: PortsideServer, endpoint: str, form: str) -> None:
    """Show one endpoint; secrets are masked."""
    properties = Column("PROPERTIES", lambda row: [f"{key}={value}" for key, value in row["properties"].items()])
    print_one(server.find("endpoints", endpoint), (*ENDPOINTS, properties), form)


@click.command("validate")
@click.argument("endpoint")
@with_output
@with_server
def endpoints_validate(server: PortsideServer, endpoint: str, form: str) -> None:
    """Try an endpoint. Its address, certificate, credentials and rights are checked."""
    stored = server.find("endpoints", endpoint)
    result = server.client.post("/endpoint-validation", stored)
    columns = (Column("STATE", lambda row: "ok" if row["ok"] else "failed"), field("MESSAGE", "message"))
    if form == "table" and result["ok"]:
        click.echo(cell(result["message"]))
    elif form != "table":
        print_one(result, columns, form)
    if not result["ok"]:
        raise CommandFailed("\n".join(str(result[key]) for key in ("message", "nextStep") if result.get(key)))
