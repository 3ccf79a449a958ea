"""The list of a collection, which several commands print alike."""

from __future__ import annotations

from ..connection import PortsideServer
from ..output import Column, print_all
from ..runs import ask_filter


def print_collection(
    server: PortsideServer, collection: str, columns: tuple[Column, ...], form: str, limit: int, empty: str
) -> None:
    """Print the objects of the project."""
    rows = list(server.client.pages(f"/{collection}", limit, **ask_filter(project=server.project)))
    print_all(rows, columns, form, empty=empty)
