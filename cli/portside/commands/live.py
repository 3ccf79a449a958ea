"""`live`: what Portside last deployed to each cluster."""

from __future__ import annotations

from typing import Any

import click

from ..connection import PortsideServer
from ..ending import CommandFailed
from ..options import with_limit, with_output, with_server
from ..output import Column, age, field, print_all

LIVE = (
    field("CLUSTER", "endpoint"),
    field("NAMESPACE", "namespace"),
    Column("WORKLOAD", lambda row: f"{row.get('workloadKind')}/{row.get('name')}"),
    Column("EXECUTION", lambda row: f"{row.get('pipeline')}#{row.get('executionIndex')}"),
    age("DEPLOYED", "_createTimeInMicros"),
    field("ID", "id", wide=True),
    field("NOW", "_now"),
    field("IMAGES", "images"),
)


@click.command()
@click.option("--look", is_flag=True, help="Ask each cluster what it runs now.")
@with_limit
@with_output
@with_server
def live(server: PortsideServer, look: bool, limit: int, form: str) -> None:
    """Show what Portside last deployed to each cluster. With --look also what runs there now."""
    rows = server.rows("/deployments", limit, project=server.project)
    if look:
        rows = [{**row, "_now": _now(server, row)} for row in rows]
    columns = LIVE if look else tuple(column for column in LIVE if column.title != "NOW")
    print_all(rows, columns, form, empty="Nothing is deployed.")


def _now(server: PortsideServer, deployment: dict[str, Any]) -> str:
    try:
        return str(server.client.get(f"/deployments/{deployment['id']}/now")["state"])
    except CommandFailed as failure:
        return failure.message.splitlines()[0]
