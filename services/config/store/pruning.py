"""Deleting what is old, by age and by id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from services.config.model.claims import State
from services.config.tables.ledger import (
    DeliveryRow,
    EventRow,
    ExecutionRow,
    LogRow,
    NoticeRow,
    PlanRow,
    PushedImageRow,
    UserOperationRow,
)

from .unit_of_work import UnitOfWork


def forget_executions(uow: UnitOfWork, before: float, limit: int) -> int:
    """Ended runs that were asked for before an instant, with all that hangs on them; returns how many."""
    statement = (
        select(ExecutionRow.id)
        .where(ExecutionRow.requested_at < before, ExecutionRow.state == State.ENDED.value)
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


def forget_deliveries(uow: UnitOfWork, before: float, limit: int) -> int:
    """Deliveries that were received before an instant; returns how many."""
    old = select(DeliveryRow.id).where(DeliveryRow.received_at < before).order_by(DeliveryRow.received_at).limit(limit)
    ids = list(uow.session.scalars(old))
    if ids:
        uow.session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(ids)))
    return len(ids)


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
