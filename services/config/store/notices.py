"""The notifications of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update

from services.config.tables.ledger import NoticeRow
from shared.contracts.notices import NoticeTried

from .unit_of_work import Reading, UnitOfWork

WAITING, SENT, FAILED = "waiting", "sent", "failed"


@dataclass(frozen=True, slots=True)
class NoticeProgress:
    """One notification of a run, as far as it has got."""

    id: str
    execution_id: str
    kind: str
    event: str
    stage: str
    task: str
    target: str
    state: str
    tries: int
    code: int
    message: str


_NAMES = tuple(NoticeProgress.__dataclass_fields__)
_COLUMNS = tuple(getattr(NoticeRow, name) for name in _NAMES)


def add(uow: UnitOfWork, new: Sequence[NoticeProgress]) -> list[NoticeProgress]:
    """Record those that are not there; returns them."""
    existing = set(uow.connection.scalars(select(NoticeRow.id).where(NoticeRow.id.in_([notice.id for notice in new]))))
    fresh = [notice for notice in new if notice.id not in existing]
    if fresh:
        now = {"created_at": uow.now, "updated_at": uow.now}
        uow.connection.execute(insert(NoticeRow), [{n: getattr(notice, n) for n in _NAMES} | now for notice in fresh])
    return fresh


def tried(uow: UnitOfWork, report: NoticeTried) -> None:
    """What a try brought; an end that is on record stays."""
    state = SENT if report.success else FAILED if report.final else WAITING
    values = {
        "state": state,
        "tries": report.try_number,
        "target": report.target,
        "code": report.code,
        "message": report.message,
        "updated_at": uow.now,
    }
    statement = update(NoticeRow).where(NoticeRow.id == report.notice_id, NoticeRow.state == WAITING)
    uow.connection.execute(statement.values(values))


def of_executions(uow: Reading, ids: Iterable[str]) -> dict[str, list[NoticeProgress]]:
    """By run, the oldest first."""
    notices: dict[str, list[NoticeProgress]] = {}
    for row in uow.connection.execute(_OF_EXECUTIONS, {"ids": list(ids)}):
        notices.setdefault(row.execution_id, []).append(NoticeProgress(*row))
    return notices


_OF_EXECUTIONS = (
    select(*_COLUMNS)
    .where(NoticeRow.execution_id.in_(bindparam("ids", expanding=True)))
    .order_by(NoticeRow.created_at, NoticeRow.id)
)
