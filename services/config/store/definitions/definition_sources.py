"""Which projects follow a Git repository."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.model.definitions import DefinitionSource
from services.config.store.unit_of_work import Reading
from services.config.tables.sources import DefinitionSourceRow

from .rows import Table

SOURCES = Table(DefinitionSourceRow, DefinitionSource, wire={})


def of_projects(uow: Reading, projects: Iterable[str]) -> dict[str, DefinitionSource]:
    """Those of these projects that follow one, by project."""
    names = sorted(set(projects))
    return {source.project: source for source in SOURCES.within(uow, names)} if names else {}


def of_endpoint(uow: Reading, project: str, endpoint: str) -> DefinitionSource | None:
    """The project's own, if it follows by this endpoint."""
    return SOURCES.one(uow, project=project, endpoint=endpoint)
