"""A whole database copied into an empty one: how a running system is backed up, and how SQLite becomes PostgreSQL."""

from __future__ import annotations

from sqlalchemy import JSON, Connection, Insert, Table, bindparam, func, insert, select

from services.config.tables import catalog, ledger, machinery
from services.config.tables.base import Base

from .unit_of_work import Store

assert catalog and ledger and machinery  # They fill the metadata.

ROWS_AT_A_TIME = 500


def first_filled(store: Store) -> str:
    """The name of a table that has rows; empty when none has."""
    with store.snapshot() as reader:
        tables = Base.metadata.sorted_tables
        return next((table.name for table in tables if reader.execute(select(table).limit(1)).first()), "")


def copy(source: Store, target: Store) -> int:
    """Copy every row as of one instant, all or none; returns how many. The target has the same schema and no rows."""
    copied = 0
    with source.snapshot() as reader, target.writer.begin() as writer:
        for table in Base.metadata.sorted_tables:
            rows = reader.execute(select(table).execution_options(yield_per=ROWS_AT_A_TIME)).mappings()
            for part in rows.partitions(ROWS_AT_A_TIME):
                writer.execute(_insert_as_is(table), [dict(row) for row in part])
                copied += len(part)
            if not target.is_sqlite:
                _number_on(writer, table)
    return copied


def _insert_as_is(table: Table) -> Insert:
    """No value at all stays none: a JSON column would else keep the text `null`."""
    kinds = {c.name: JSON(none_as_null=True) if isinstance(c.type, JSON) else c.type for c in table.columns}
    return insert(table).values({name: bindparam(name, type_=kind) for name, kind in kinds.items()})


def _number_on(writer: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a sequence that knows nothing of rows which brought their number along."""
    column = table.autoincrement_column
    if column is not None:
        newest = select(func.max(column)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        writer.execute(select(func.setval(sequence, func.coalesce(newest, 1), newest.is_not(None))))
