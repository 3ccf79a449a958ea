"""Deleting what is old, by age and by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from services.config.model.claims import State
from services.config.tables.catalog import AuditRow
from services.config.tables.ledger import (
    DeadLetterRow,
    DeliveryRow,
    EventRow,
    ExecutionRow,
    LogRow,
    NoticeRow,
    PlanRow,
    PushedImageRow,
    UserOperationRow,
)

from .dead_letters import KEPT
from .unit_of_work import UnitOfWork


def forget_executions(uow: UnitOfWork, before: float, limit: int, *, keep_runs: int = 0) -> int:
    """Ended runs that were asked for before an instant, with all that hangs on them; returns how many.

    The last `keep_runs` of each pipeline are kept.
    """
    newer = aliased(ExecutionRow)
    newest = select(func.max(newer.idx)).where(newer.pipeline_id == ExecutionRow.pipeline_id).scalar_subquery()
    statement = (
        select(ExecutionRow.id)
        .where(ExecutionRow.requested_at < before, ExecutionRow.state == State.ENDED.value)
        .where(ExecutionRow.idx <= newest - keep_runs)
        .order_by(ExecutionRow.requested_at)
        .limit(limit)
    )
    ids = list(uow.session.scalars(statement))
    remove_executions(uow, ids)
    return len(ids)


def remove_executions(uow: UnitOfWork, ids: Sequence[str]) -> None:
    """Delete runs, their events, logs, questions and what they pushed."""
    if not ids:
        return
    for table in (EventRow, LogRow, NoticeRow, UserOperationRow, PushedImageRow):
        uow.session.execute(delete(table).where(table.execution_id.in_(ids)))
    uow.session.execute(delete(ExecutionRow).where(ExecutionRow.id.in_(ids)))


INCREMENTAL = 2
"""SQLite's number for `auto_vacuum = INCREMENTAL`."""
_SPARE_PAGES = 1_000
"""Free pages (4 KiB) that stay for what is written next."""
_PAGES_AT_ONCE = 2_000


def forget_deliveries(uow: UnitOfWork, before: float, limit: int) -> int:
    """Deliveries that were received before an instant; returns how many."""
    old = select(DeliveryRow.id).where(DeliveryRow.received_at < before).order_by(DeliveryRow.received_at).limit(limit)
    ids = list(uow.session.scalars(old))
    if ids:
        uow.session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(ids)))
    return len(ids)


def forget_logs(uow: UnitOfWork, before: float, limit: int) -> int:
    """What was printed before an instant; returns how many pieces. Numbers grow with time, so the oldest come first."""
    oldest = uow.session.execute(select(LogRow.id, LogRow.at).order_by(LogRow.id).limit(limit)).all()
    return _delete(uow, LogRow.id, [row[0] for row in oldest if row[1] < before])


def forget_dead_letters(uow: UnitOfWork, before: float, limit: int) -> int:
    """Those of before an instant that somebody has handled; returns how many."""
    row = DeadLetterRow
    old = select(row.id).where(row.at < before, row.state != KEPT).order_by(row.at).limit(limit)
    return _delete(uow, row.id, list(uow.session.scalars(old)))


def forget_audit(uow: UnitOfWork, before: float, limit: int) -> int:
    """Entries of before an instant; returns how many."""
    old = select(AuditRow.id).where(AuditRow.at < before).order_by(AuditRow.at).limit(limit)
    return _delete(uow, AuditRow.id, list(uow.session.scalars(old)))


def _delete(uow: UnitOfWork, key: InstrumentedAttribute[Any], ids: Sequence[Any]) -> int:
    if ids:
        uow.session.execute(delete(key.class_).where(key.in_(ids)))
    return len(ids)


def give_space_back(uow: UnitOfWork) -> bool:
    """Shrink SQLite's file by some free pages; True while there are more worth it. PostgreSQL uses free space again.

    Needs `auto_vacuum = INCREMENTAL`, which migrating sets (https://sqlite.org/pragma.html#pragma_incremental_vacuum).
    """
    if uow.connection.dialect.name != "sqlite":
        return False
    if uow.connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() != INCREMENTAL:
        return False
    free = uow.connection.exec_driver_sql("PRAGMA freelist_count").scalar() or 0
    spare = int(free) - _SPARE_PAGES
    if spare <= 0:
        return False
    # SQLite frees a page at each step of the statement, and Python's driver makes one step where there are no columns.
    driver: Any = uow.connection.connection.driver_connection
    for _ in range(min(spare, _PAGES_AT_ONCE)):
        driver.execute("PRAGMA incremental_vacuum(1)")
    return spare > _PAGES_AT_ONCE


def forget_plans(uow: UnitOfWork) -> None:
    """Plans that no run uses."""
    uow.session.execute(delete(PlanRow).where(PlanRow.hash.not_in(select(ExecutionRow.plan_hash).distinct())))


def learn_sizes(uow: UnitOfWork) -> None:
    """Let SQLite look at a sample of its indexes, so that of two it takes the one that leaves fewer rows.

    PostgreSQL does so by itself (autovacuum).
    """
    if uow.connection.dialect.name == "sqlite":
        uow.connection.exec_driver_sql("PRAGMA analysis_limit=400")
        uow.connection.exec_driver_sql("PRAGMA optimize(0x10002)")
