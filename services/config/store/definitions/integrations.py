"""Custom integrations and their versions."""

from __future__ import annotations

from sqlalchemy import select, update

from services.config.model.definitions import Integration, IntegrationVersion
from services.config.store.filters import FilterField
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.integrations import IntegrationRow, IntegrationVersionRow

from .rows import Table, project_fields

RELEASED, DEPRECATED = "RELEASED", "DEPRECATED"
INTEGRATIONS = Table(
    IntegrationRow,
    Integration,
    wire={**project_fields(IntegrationRow), "sourceVersion": FilterField(IntegrationRow.source_version)},
)
INTEGRATION_VERSIONS = Table(
    IntegrationVersionRow,
    IntegrationVersion,
    wire={
        **project_fields(IntegrationVersionRow),
        "version": FilterField(IntegrationVersionRow.label),
        "status": FilterField(IntegrationVersionRow.status),
    },
    order="_createTimeInMicros desc,id",
)


def runnable(uow: Reading, project: str, name: str, label: str) -> IntegrationVersion | None:
    """The version that a task means: the one it names, else the one that is marked latest, else the newest released."""
    table = INTEGRATION_VERSIONS
    if label:
        return table.one(uow, project=project, name=name, label=label)
    versions = table.all(
        uow, table.column("project") == project, table.column("name") == name, table.column("status") == RELEASED
    )
    return max(versions, key=lambda version: (version.latest, version.created_at), default=None)


def names(uow: Reading, project: str) -> list[str]:
    """What a task can run: `name`, and `name@version` for each version that may be used."""
    row = IntegrationVersionRow
    usable = select(row.name, row.label).where(row.project == project, row.status.in_((RELEASED, DEPRECATED)))
    return [*INTEGRATIONS.names(uow, project), *(f"{name}@{label}" for name, label in uow.session.execute(usable))]


def rename_versions(uow: UnitOfWork, integration_id: str, name: str) -> None:
    """Versions carry the name of their integration."""
    row = IntegrationVersionRow
    uow.session.execute(update(row).where(row.integration_id == integration_id).values(name=name))


def only_latest(uow: UnitOfWork, version: IntegrationVersion) -> None:
    """Take the mark from every other version."""
    row = IntegrationVersionRow
    where = (row.integration_id == version.integration_id, row.id != version.id)
    uow.session.execute(update(row).where(*where).values(latest=False))
