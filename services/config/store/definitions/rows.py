"""What every table of definitions can be asked: one by id or name, a page, and the three changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, insert, select, update

from services.config.store.filters import Fields, FilterField, page
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.base import Base
from shared.contracts.catalog import Find

V = TypeVar("V")


class Table(Generic[V]):
    """The rows of one table as values of one frozen type, whose fields name the columns."""

    def __init__(
        self, row: type[Base], value: type[V], *, wire: Mapping[str, FilterField], order: str = "name,id"
    ) -> None:
        self.row = row
        self.value = value
        self.wire: Fields = wire
        self.order = order
        self._names = tuple(field.name for field in fields(value))  # type: ignore[arg-type]
        self._columns = tuple(getattr(row, name) for name in self._names)
        # Built once: composing a statement costs several times what the database needs to answer it.
        self._all: Select[Any] = select(*self._columns)
        self._one: dict[tuple[str, ...], Select[Any]] = {}

    def column(self, name: str) -> Any:
        """A column by its name."""
        return getattr(self.row, name)

    def all(self, uow: Reading, *conditions: ColumnElement[bool], limit: int | None = None) -> list[V]:
        """Every row that meets the conditions, by id."""
        statement = self._all.where(*conditions).order_by(*self.row.__mapper__.primary_key).limit(limit)
        return self._values(uow.connection.execute(statement))

    def one(self, uow: Reading, **equals: Any) -> V | None:
        """The first row with these values."""
        names = tuple(equals)
        statement = self._one.get(names)
        if statement is None:
            where = (self.column(name) == bindparam(f"of_{name}") for name in names)
            keys = self.row.__mapper__.primary_key
            statement = self._one[names] = self._all.where(*where).order_by(*keys).limit(1)
        row = uow.connection.execute(statement, {f"of_{name}": value for name, value in equals.items()}).first()
        return None if row is None else self.value(**dict(zip(self._names, row, strict=True)))

    def named(self, uow: Reading, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], V]:
        """Those of these (project, name) pairs that exist."""
        names_by_project: dict[str, set[str]] = {}
        for project, name in pairs:
            names_by_project.setdefault(project, set()).add(name)
        values: dict[tuple[str, str], V] = {}
        for project, names in names_by_project.items():
            rows = uow.connection.execute(self._named, {"of_project": project, "of_names": sorted(names)})
            for value in self._values(rows):
                values[(project, value.name)] = value  # type: ignore[attr-defined]
        return values

    def within(self, uow: Reading, projects: Sequence[str]) -> list[V]:
        """All rows of these projects."""
        return self._values(uow.connection.execute(self._within, {"of_projects": list(projects)}))

    def names(self, uow: Reading, project: str) -> list[str]:
        """All names within a project, for hints."""
        column = self.column("name")
        return list(uow.session.scalars(select(column).where(self.column("project") == project).order_by(column)))

    def page(self, uow: Reading, ask: Find, *conditions: ColumnElement[bool]) -> tuple[list[V], int]:
        """One page of what the conditions and the filter leave, and how many there are in all."""
        rows, total = page(uow, self._all.where(*conditions), self.wire, ask, self.order)
        return self._values(rows), total

    def insert(self, uow: UnitOfWork, value: V) -> V:
        """A new row."""
        uow.session.execute(insert(self.row), self._dict(value))
        return value

    def update(self, uow: UnitOfWork, value: V) -> V:
        """Write all of a row again."""
        row = self._dict(value)
        keys = [column.name for column in self.row.__mapper__.primary_key]
        changed = {name: item for name, item in row.items() if name not in keys}
        where = [self.column(key) == row[key] for key in keys]
        uow.session.execute(update(self.row).where(*where).values(changed))
        return value

    def delete(self, uow: UnitOfWork, **equals: Any) -> int:
        """Remove the rows with these values; returns how many."""
        where = [self.column(name) == value for name, value in equals.items()]
        result = uow.session.execute(delete(self.row).where(*where))
        return int(getattr(result, "rowcount", 0))

    @cached_property
    def _within(self) -> Select[Any]:
        return self._all.where(self.column("project").in_(bindparam("of_projects", expanding=True)))

    @cached_property
    def _named(self) -> Select[Any]:
        in_project = self.column("project") == bindparam("of_project")
        return self._all.where(in_project, self.column("name").in_(bindparam("of_names", expanding=True)))

    def _values(self, rows: Iterable[Row[Any]]) -> list[V]:
        return [self.value(**dict(zip(self._names, row, strict=True))) for row in rows]

    def _dict(self, value: V) -> dict[str, Any]:
        return {name: getattr(value, name) for name in self._names}


def stamped_fields(row: type[Any]) -> dict[str, FilterField]:
    """The fields that every definition can be filtered and sorted by, under their names on the wire."""
    return {
        "id": FilterField(row.id),
        "name": FilterField(row.name),
        "description": FilterField(row.description),
        "createdBy": FilterField(row.created_by),
        "updatedBy": FilterField(row.updated_by),
        "_createdBy": FilterField(row.created_by),
        "_updatedBy": FilterField(row.updated_by),
        "createdAt": FilterField(row.created_at, "instant"),
        "updatedAt": FilterField(row.updated_at, "instant"),
        "_createTimeInMicros": FilterField(row.created_at, "instant"),
        "_updateTimeInMicros": FilterField(row.updated_at, "instant"),
    }


def project_fields(row: type[Any]) -> dict[str, FilterField]:
    """Those, and the project."""
    return {**stamped_fields(row), "project": FilterField(row.project)}
