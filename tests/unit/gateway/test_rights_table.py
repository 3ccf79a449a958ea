"""A route that nobody has said who may use it does not get by."""

from __future__ import annotations

from services.gateway.api import openapi
from tests.acceptance import rights_table


def test_every_route_has_a_row_in_the_table_of_rights_and_no_row_is_left_over() -> None:
    methods = ("get", "post", "put", "patch", "delete")
    routes = {
        f"{method.upper()} {path}"
        for path, operations in openapi.document()["paths"].items()
        for method in operations
        if method in methods
    }
    assert routes == rights_table.calls()
