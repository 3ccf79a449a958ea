"""Questions to people that a run waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, case, delete, insert, select, update

from services.config.tables.ledger import UserOperationRow
from shared.contracts.catalog import Find
from shared.contracts.history import TaskWaiting
from shared.process.ids import derived_id

from . import filters
from .executions import Run
from .filters import FilterField
from .unit_of_work import Reading, UnitOfWork

ACTIVE = "ACTIVE"
_NAMESPACE = UUID(derived_id("urn:portside:user-operation"))


@dataclass(frozen=True, slots=True)
class Operation:
    """One question as it is now."""

    id: str
    execution_id: str
    stage: str
    task: str
    try_number: int
    project: str
    pipeline: str
    pipeline_id: str
    execution_index: int
    status: str
    summary: str
    ask: Mapping[str, Any]
    answers: tuple[Any, ...]
    requested_by: str
    requested_at: float
    expires_at: float | None
    responded_by: str
    responded_at: float | None
    response_message: str


_ROW = UserOperationRow
FIELDS: dict[str, FilterField] = {
    "id": FilterField(_ROW.id),
    "name": FilterField(_ROW.pipeline),
    "pipelineName": FilterField(_ROW.pipeline),
    "project": FilterField(_ROW.project),
    "status": FilterField(_ROW.status),
    "executionId": FilterField(_ROW.execution_id),
    "requestedBy": FilterField(_ROW.requested_by),
    "_requestedOnInMicros": FilterField(_ROW.requested_at, "instant"),
}


def _operation(row: UserOperationRow | Row[Any]) -> Operation:
    names = Operation.__dataclass_fields__
    values = {name: getattr(row, name) for name in names}
    return Operation(**{**values, "answers": tuple(values["answers"])})


def operation_id(execution_id: str, stage: str, task: str, try_number: int) -> str:
    """The same question always has the same id."""
    return derived_id(f"{execution_id}/{stage}/{task}/{try_number}", _NAMESPACE)


def ask(uow: UnitOfWork, run: Run, event: TaskWaiting) -> None:
    """Record the question of a `task.waiting`; the same question again changes nothing."""
    new_id = operation_id(run.id, event.stage, event.task, event.try_number)
    if uow.session.get(UserOperationRow, new_id) is not None:
        return
    uow.session.execute(
        insert(UserOperationRow),
        {
            "id": new_id,
            "execution_id": run.id,
            "stage": event.stage,
            "task": event.task,
            "try_number": event.try_number,
            "project": run.project,
            "pipeline": run.pipeline,
            "pipeline_id": run.pipeline_id,
            "execution_index": run.index,
            "status": ACTIVE,
            "summary": str(event.ask.get("summary") or event.message),
            "ask": event.ask,
            "answers": [],
            "requested_by": str(event.ask.get("requestedBy") or ""),
            "requested_at": uow.now,
            "expires_at": event.due_at,
        },
    )


def find_operation(uow: Reading, operation_key: str) -> Operation | None:
    """By id."""
    row = uow.session.get(UserOperationRow, operation_key)
    return None if row is None else _operation(row)


def remove(uow: UnitOfWork, operation_key: str) -> None:
    """Forget a question."""
    uow.session.execute(delete(UserOperationRow).where(UserOperationRow.id == operation_key))


def of_execution(uow: Reading, execution_id: str) -> list[Operation]:
    """What a run has asked, the newest first."""
    statement = select(UserOperationRow).where(_ROW.execution_id == execution_id)
    return [_operation(row) for row in uow.session.scalars(statement.order_by(_ROW.requested_at.desc(), _ROW.id))]


def save_answer(
    uow: UnitOfWork, operation_key: str, *, status: str, answers: list[Any], by: str, message: str, done: bool
) -> None:
    """Somebody answered; `done` when the question is settled."""
    values: dict[str, Any] = {"answers": answers, "responded_by": by, "response_message": message}
    if done:
        values |= {"status": status, "responded_at": uow.now}
    uow.session.execute(update(UserOperationRow).where(UserOperationRow.id == operation_key).values(values))


_CLOSE = (
    update(UserOperationRow.__table__)  # type: ignore[arg-type]
    .where(
        UserOperationRow.execution_id.in_(bindparam("ids", expanding=True)),
        UserOperationRow.status == ACTIVE,
    )
    .values(
        status=case((UserOperationRow.expires_at <= bindparam("now"), "EXPIRED"), else_="CANCELED"),
        responded_at=bindparam("now"),
    )
)


def close_of_executions(uow: UnitOfWork, ids: Sequence[str]) -> None:
    """The runs are over: no answer is needed."""
    for start in range(0, len(ids), 400):
        uow.connection.execute(_CLOSE, {"ids": ids[start : start + 400], "now": uow.now})


def close_of_task(uow: UnitOfWork, execution_id: str, stage: str, task: str) -> None:
    """The task is over."""
    of_task = _CLOSE.where(UserOperationRow.stage == stage, UserOperationRow.task == task)
    uow.connection.execute(of_task, {"ids": [execution_id], "now": uow.now})


def earlier_askers(uow: Reading, run: Run, stage: str, task: str) -> list[str]:
    """Other runs of the pipeline whose same question is open."""
    statement = select(UserOperationRow.execution_id).where(
        UserOperationRow.status == ACTIVE,
        UserOperationRow.pipeline_id == run.pipeline_id,
        UserOperationRow.stage == stage,
        UserOperationRow.task == task,
        UserOperationRow.execution_id != run.id,
    )
    return list(uow.connection.scalars(statement))


def page(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[Operation], int]:
    """One page, newest first; `projects` None means all of them."""
    query = filters.within(select(UserOperationRow), _ROW.project, projects)
    rows, total = filters.page(uow, query, FIELDS, ask, "_requestedOnInMicros desc", _ROW.id)
    return [_operation(row) for row in rows], total
