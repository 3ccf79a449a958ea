"""Endpoints and variables."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Text, cast, or_

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


def endpoints_holding(uow: Reading, in_properties: Iterable[str], in_secrets: Iterable[str] = ()) -> list[Endpoint]:
    """Those with one of these texts in their properties or in their sealed boxes, as they are stored."""
    properties, secrets = cast(EndpointRow.properties, Text), cast(EndpointRow.secrets, Text)
    marks = [properties.contains(mark, autoescape=True) for mark in in_properties]
    return ENDPOINTS.all(uow, or_(*marks, *(secrets.contains(mark, autoescape=True) for mark in in_secrets)))


def variables_that_end(uow: Reading) -> list[Variable]:
    """Those that hold a token which says when it ends."""
    return VARIABLES.all(uow, cast(VariableRow.sealed, Text).contains('"ends_at"'))
