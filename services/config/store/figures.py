"""Counts and sizes for metrics: of what is under way, never of all history."""

from __future__ import annotations

from sqlalchemy import func, select, text

from services.config.model.claims import State
from services.config.tables.catalog import WebhookRow
from services.config.tables.ledger import DeadLetterRow, DeploymentRow, ExecutionRow, UserOperationRow
from shared.contracts.history import Status

from .dead_letters import KEPT
from .executions import Run
from .operations import ACTIVE
from .unit_of_work import Reading

_FAILURES_IN_A_ROW = 50
"""Further back a first failure is not looked for."""


def runs_under_way(uow: Reading) -> list[tuple[str, str, str, int]]:
    """How many runs, by project, pipeline and state of the run protocol."""
    columns = (ExecutionRow.project, ExecutionRow.pipeline, ExecutionRow.state)
    query = select(*columns, func.count()).where(ExecutionRow.state.in_(_NOT_ENDED)).group_by(*columns)
    return [(row[0], row[1], row[2], row[3]) for row in uow.connection.execute(query)]


_NOT_ENDED = sorted(set(State) - {State.ENDED})


def approvals_waiting(uow: Reading) -> int:
    """User operations without an answer."""
    query = select(func.count()).select_from(UserOperationRow).where(UserOperationRow.status == ACTIVE)
    return uow.connection.scalar(query) or 0


def dead_letters(uow: Reading) -> dict[str, int]:
    """Those that nobody has handled, by queue."""
    query = select(DeadLetterRow.queue, func.count()).where(DeadLetterRow.state == KEPT).group_by(DeadLetterRow.queue)
    return {row[0]: row[1] for row in uow.connection.execute(query)}


def webhooks_by_state(uow: Reading) -> dict[str, int]:
    """Webhooks by the state of their hook at the registry."""
    query = select(WebhookRow.hub_state, func.count()).group_by(WebhookRow.hub_state)
    return {row[0]: row[1] for row in uow.connection.execute(query)}


def size(uow: Reading) -> int:
    """Bytes of the database."""
    if uow.connection.dialect.name == "sqlite":
        pages = uow.connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        return int(pages * (uow.connection.exec_driver_sql("PRAGMA page_size").scalar() or 0))
    return int(uow.connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def environments(uow: Reading, run: Run) -> tuple[frozenset[str], frozenset[str]]:
    """The endpoints of which the run's pipeline left the newest workload, and those of them that this run reached."""
    query = select(DeploymentRow.endpoint, DeploymentRow.execution_id).where(
        DeploymentRow.newest, DeploymentRow.project == run.project, DeploymentRow.pipeline_id == run.pipeline_id
    )
    rows = uow.connection.execute(query).all()
    return frozenset(row[0] for row in rows), frozenset(row[0] for row in rows if row[1] == run.id)


def first_failure(uow: Reading, run: Run) -> float | None:
    """When the first of the failed runs in a row right before this one ended; None when the one before was good."""
    query = (
        select(ExecutionRow.status, ExecutionRow.ended_at)
        .where(
            ExecutionRow.state == State.ENDED.value,
            ExecutionRow.pipeline_id == run.pipeline_id,
            ExecutionRow.nested.is_(False),
            ExecutionRow.status.in_((Status.FAILED.value, Status.COMPLETED.value)),
            ExecutionRow.order_at < run.order_at,
        )
        .order_by(ExecutionRow.order_at.desc())
        .limit(_FAILURES_IN_A_ROW)
    )
    earliest = None
    for status, ended_at in uow.connection.execute(query):
        if status == Status.COMPLETED.value:
            break
        earliest = ended_at
    return earliest
