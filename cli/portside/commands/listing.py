"""What the lists of the server's objects have in common."""

from __future__ import annotations

from ..connection import PortsideServer
from ..output import Column, print_all
from ..watching import repeat


def print_collection(
    server: PortsideServer,
    collection: str,
    columns: tuple[Column, ...],
    form: str,
    limit: int,
    empty: str,
    *,
    watch: bool,
) -> None:
    """Print the objects of the project; with `watch` again whenever they differ."""
    print_pages(server, collection, columns, form, limit, empty, watch=watch, project=server.project)


def print_pages(
    server: PortsideServer,
    collection: str,
    columns: tuple[Column, ...],
    form: str,
    limit: int,
    empty: str,
    *,
    watch: bool,
    name: str = "name",
    **fields: str,
) -> None:
    """The same of the objects with these values, of all projects; `name` is the field that `-o name` prints."""

    def show() -> None:
        rows = server.rows(f"/{collection}", limit, **fields)
        print_all(rows, columns, form, name=name, empty=empty)

    repeat(show, watch=watch)
