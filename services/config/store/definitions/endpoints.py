"""Endpoints and variables."""

from __future__ import annotations

from sqlalchemy import Text, cast

from services.config.model.definitions import Endpoint, Variable
from services.config.store import Reading
from services.config.store.filters import FilterField
from services.config.tables.catalog import EndpointRow, VariableRow

from .rows import Table, project_fields

ENDPOINTS = Table(
    EndpointRow,
    Endpoint,
    wire={
        **project_fields(EndpointRow),
        "type": FilterField(EndpointRow.type),
        "isRestricted": FilterField(EndpointRow.restricted, "boolean"),
    },
)
VARIABLES = Table(
    VariableRow,
    Variable,
    wire={**project_fields(VariableRow), "type": FilterField(VariableRow.type)},
)


def variables_that_end(uow: Reading) -> list[Variable]:
    """Those that hold a token which says when it ends."""
    return VARIABLES.all(uow, cast(VariableRow.sealed, Text).contains('"ends_at"'))
