"""Endpoints and variables."""

from __future__ import annotations

from services.config.model.definitions import Endpoint, Variable
from services.config.store.filters import Field
from services.config.tables.catalog import EndpointRow, VariableRow

from .rows import Table, project_fields

ENDPOINTS = Table(
    EndpointRow,
    Endpoint,
    wire={
        **project_fields(EndpointRow),
        "type": Field(EndpointRow.type),
        "isRestricted": Field(EndpointRow.restricted, "boolean"),
    },
)
VARIABLES = Table(
    VariableRow,
    Variable,
    wire={**project_fields(VariableRow), "type": Field(VariableRow.type)},
)
