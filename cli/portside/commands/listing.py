"""The list of a collection, which several commands print alike."""

from __future__ import annotations

from ..connection import PortsideServer
from ..output import Column, print_all
from ..runs import ask_filter
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

    def show() -> None:
        rows = list(server.client.pages(f"/{collection}", limit, **ask_filter(project=server.project)))
        print_all(rows, columns, form, empty=empty)

    repeat(show, watch=watch)
