"""A whole database copied into another: how a running system is backed up, and how SQLite becomes PostgreSQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Insert,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)

from services.config.tables import catalog, ledger, machinery
from services.config.tables.base import Base

from .unit_of_work import Store

assert catalog and ledger and machinery  # They fill the metadata.

ROWS_AT_A_TIME = 500
_SEALED_MARK = '"key_id"'
_SEALED = re.compile(r'"key_id":\s*"([0-9a-f]{12})",\s*"box"')
"""A `Sealed` as pydantic writes it, in the order of its fields."""


def first_filled(store: Store) -> str:
    """The name of a table that has rows; empty when none has."""
    with store.snapshot() as reader:
        tables = Base.metadata.sorted_tables
        return next((table.name for table in tables if reader.execute(select(table).limit(1)).first()), "")


def copy(source: Store, target: Store, *, replace: bool = False) -> dict[str, int]:
    """Copy every row as of one instant, all or none; returns how many by table.

    The target has the same schema and no rows, or only rows that this replaces.
    """
    counts = {}
    with source.snapshot() as reader, target.writer.begin() as writer:
        for table in reversed(Base.metadata.sorted_tables) if replace else ():
            writer.execute(delete(table))
        for table in Base.metadata.sorted_tables:
            counts[table.name] = 0
            rows = reader.execute(select(table).execution_options(yield_per=ROWS_AT_A_TIME)).mappings()
            for part in rows.partitions(ROWS_AT_A_TIME):
                writer.execute(_insert_as_is(table), [dict(row) for row in part])
                counts[table.name] += len(part)
            if not target.is_sqlite:
                _number_on(writer, table)
    return counts


def sealed_by_key(store: Store) -> dict[str, int]:
    """How many sealed secrets the database holds, by the id of their key; copies in runs and messages count too."""
    keys: Counter[str] = Counter()
    with store.snapshot() as reader:
        for table in Base.metadata.sorted_tables:
            for column in filter(_may_hold_sealed, table.columns):
                content = cast(column, Text)
                query = select(content).where(content.contains(_SEALED_MARK)).execution_options(yield_per=100)
                texts = reader.execute(query)
                for value in texts.scalars():
                    keys.update(_SEALED.findall(value))
    return dict(sorted(keys.items()))


def count_rows(store: Store, tables: Iterable[str]) -> dict[str, int]:
    """Rows of those of the tables that the database has, whichever release made it."""
    with store.snapshot() as reader:
        names = inspect(reader).get_table_names()
        # Their names are those that the database has just given.
        counts = {name: select(func.count()).select_from(text(f'"{name}"')) for name in tables if name in names}
        return {name: reader.execute(count).scalar_one() for name, count in counts.items()}


def flaw_of(store: Store) -> str:
    """The first flaw of a SQLite file by its own check, which reads every page; empty where there is none.

    Raises `DatabaseUnavailable` for a file that is not a database.
    """
    with store.snapshot() as reader:
        flaw = str(reader.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
    return "" if flaw == "ok" else flaw


def _may_hold_sealed(column: Column[object]) -> bool:
    """JSON, or a message kept as text; dead letters may be anything and are opened by nobody."""
    return isinstance(column.type, JSON) or (column.name == "body" and column.table.name != "dead_letters")


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
