"""Timers that are due, and when the next one is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from services.config.tables.machinery import TimerRow

from .unit_of_work import Reading, UnitOfWork


@dataclass(frozen=True, slots=True)
class Timer:
    """Something due."""

    id: int
    kind: str
    subject: str
    failures: int


def due_timers(uow: Reading, limit: int) -> list[Timer]:
    """Those whose time has come, the earliest first."""
    statement = select(TimerRow.id, TimerRow.kind, TimerRow.subject, TimerRow.failures)
    statement = statement.where(TimerRow.due_at <= uow.now).order_by(TimerRow.due_at, TimerRow.id).limit(limit)
    return [Timer(*row) for row in uow.session.execute(statement)]


def next_due(uow: Reading) -> float | None:
    """When the next timer fires; None when there is none."""
    return uow.session.scalar(select(func.min(TimerRow.due_at)))


def is_set(uow: Reading, kind: str, subject: str) -> bool:
    """Whether `kind` is still to be handled for `subject`."""
    return uow.connection.scalar(_IS_SET, {"kind": kind, "subject": subject}) is not None


_IS_SET = select(TimerRow.id).where(TimerRow.kind == bindparam("kind"), TimerRow.subject == bindparam("subject"))


def take_timer(uow: UnitOfWork, timer: Timer) -> bool:
    """Remove it before it is handled; False when it was moved or cancelled meanwhile."""
    statement = delete(TimerRow).where(TimerRow.id == timer.id).returning(TimerRow.id)
    return uow.session.scalar(statement) is not None


def put_off(uow: UnitOfWork, timer: Timer, until: float) -> None:
    """Its handler failed: again later."""
    changed = update(TimerRow).where(TimerRow.id == timer.id).values(due_at=until, failures=timer.failures + 1)
    uow.session.execute(changed)
