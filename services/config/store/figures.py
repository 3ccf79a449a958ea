"""Counts and sizes for metrics: of what is under way, never of all history."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, func, select, text

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
_MOST_RUNS = 20_000
"""Of which DORA figures are made at a time."""
# Asked at the end of every run: to compose them each time took an eighth of config's time.
_NEWEST = select(DeploymentRow.endpoint, DeploymentRow.execution_id).where(
    DeploymentRow.newest,
    DeploymentRow.project == bindparam("of_project"),
    DeploymentRow.pipeline_id == bindparam("of_pipeline"),
)
_BEFORE = (
    select(ExecutionRow.status, ExecutionRow.ended_at)
    .where(
        ExecutionRow.state == State.ENDED.value,
        ExecutionRow.pipeline_id == bindparam("of_pipeline"),
        ExecutionRow.nested.is_(False),
        ExecutionRow.status.in_((Status.FAILED.value, Status.COMPLETED.value)),
        ExecutionRow.order_at < bindparam("of_order"),
    )
    .order_by(ExecutionRow.order_at.desc())
    .limit(_FAILURES_IN_A_ROW)
)


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
    rows = uow.connection.execute(_NEWEST, {"of_project": run.project, "of_pipeline": run.pipeline_id}).all()
    return frozenset(row[0] for row in rows), frozenset(row[0] for row in rows if row[1] == run.id)


def first_failure(uow: Reading, run: Run) -> float | None:
    """When the first of the failed runs in a row right before this one ended; None when the one before was good, or
    when none ever was: what has never run cannot be restored."""
    rows = uow.connection.execute(_BEFORE, {"of_pipeline": run.pipeline_id, "of_order": run.order_at}).all()
    failures = list(takewhile(lambda row: row[0] == Status.FAILED.value, rows))
    has_good_one_before = len(failures) < len(rows) or len(rows) == _FAILURES_IN_A_ROW
    earliest: float | None = failures[-1][1] if failures and has_good_one_before else None
    return earliest


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that completed or failed, as far as DORA counts it."""

    pipeline_id: str
    project: str
    pipeline: str
    status: Status
    order_at: float
    ended_at: float
    is_push: bool


def ended_runs(uow: Reading, projects: frozenset[str] | None, since: float) -> list[EndedRun]:
    """Completed and failed runs of pipelines that have rolled out, by pipeline and end; of many, those of late."""
    row = ExecutionRow
    query = (
        select(row.pipeline_id, row.project, row.pipeline, row.status, row.order_at, row.ended_at, row.delivery)
        .where(row.requested_at >= since, row.state == State.ENDED.value, row.nested.is_(False))
        .where(row.status.in_((Status.COMPLETED.value, Status.FAILED.value)), row.ended_at.is_not(None))
        .where(row.pipeline_id.in_(select(DeploymentRow.pipeline_id)), *_within(row.project, projects))
        .order_by(row.requested_at.desc())
        .limit(_MOST_RUNS)
    )
    rows = uow.connection.execute(query)
    runs = [EndedRun(r[0], r[1], r[2], Status(r[3]), r[4], r[5] or 0.0, r[6] is not None) for r in rows]
    return sorted(runs, key=lambda run: (run.project, run.pipeline, run.pipeline_id, run.ended_at))


def environments_by_pipeline(uow: Reading, projects: frozenset[str] | None) -> dict[str, list[str]]:
    """By pipeline id, the endpoints of which it left the newest workload."""
    row = DeploymentRow
    query = select(row.pipeline_id, row.endpoint).where(row.newest, *_within(row.project, projects)).distinct()
    environments: dict[str, list[str]] = {}
    for pipeline_id, endpoint in uow.connection.execute(query):
        environments.setdefault(pipeline_id, []).append(endpoint)
    return environments


def _within(project: SQLColumnExpression[str], projects: frozenset[str] | None) -> tuple[ColumnElement[bool], ...]:
    return () if projects is None else (project.in_(sorted(projects)),)
