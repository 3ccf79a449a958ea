"""Which runs have a place and which wait for one, by pipeline and by concurrency group."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from services.config.model.claims import PLACED, State
from services.config.model.slots import WaitingRun
from services.config.tables.ledger import ExecutionRow

from .unit_of_work import Reading

_PLACE = select(ExecutionRow.id, ExecutionRow.lane, ExecutionRow.concurrency)
_ACTIVE = sorted(PLACED)
_COUNT_ACTIVE = select(func.count(ExecutionRow.id)).where(
    ExecutionRow.state.in_(_ACTIVE), ExecutionRow.pipeline_id == bindparam("pipeline")
)
_CHILD = aliased(ExecutionRow)
BUSY_IN_GROUP = or_(
    ExecutionRow.state.in_(_ACTIVE),
    # Parked, but its own rollback or nested run is at work for it: nobody else of its group may be.
    and_(
        ExecutionRow.state == State.PARKED.value,
        exists().where(_CHILD.parent == ExecutionRow.id, _CHILD.state != State.ENDED.value),
    ),
)
_BUSY = select(ExecutionRow.lane, ExecutionRow.id).where(
    BUSY_IN_GROUP, ExecutionRow.pipeline_id == bindparam("pipeline"), ExecutionRow.lane != ""
)
_ACTIVE_IN_GROUP = select(ExecutionRow.id).where(ExecutionRow.lane == bindparam("of_group"), BUSY_IN_GROUP)
_WAITING = (
    select(ExecutionRow.pipeline_id)
    .where(
        ExecutionRow.state == State.QUEUED.value,
        ExecutionRow.pipeline_id.in_(bindparam("pipelines", expanding=True)),
    )
    .distinct()
)
_QUEUED_IN_GROUP = (
    select(ExecutionRow.id)
    .where(ExecutionRow.lane == bindparam("of_group"), ExecutionRow.state == State.QUEUED.value)
    .order_by(ExecutionRow.order_at, ExecutionRow.idx)
)


def active_in(uow: Reading, pipeline_id: str) -> int:
    """How many runs of a pipeline hold a place: neither waiting for one nor parked nor over."""
    return uow.connection.scalar(_COUNT_ACTIVE, {"pipeline": pipeline_id}) or 0


def busy_groups(uow: Reading, pipeline_id: str) -> dict[str, str]:
    """Concurrency groups in which a run of the pipeline is at work, itself or through one within it, with that run."""
    return {row[0]: row[1] for row in uow.connection.execute(_BUSY, {"pipeline": pipeline_id})}


def active_in_group(uow: Reading, group: str) -> list[str]:
    """Runs of one concurrency group that are at work, themselves or through a run within them."""
    return list(uow.connection.scalars(_ACTIVE_IN_GROUP, {"of_group": group}))


def queued_in(uow: Reading, pipeline_id: str, *, limit: int, skip: int = 0) -> list[WaitingRun]:
    """Runs of a pipeline that wait for a place, the oldest first."""
    statement = (
        _PLACE.where(ExecutionRow.state == State.QUEUED.value, ExecutionRow.pipeline_id == pipeline_id)
        .order_by(ExecutionRow.order_at, ExecutionRow.idx)
        .offset(skip)
        .limit(limit)
    )
    return [WaitingRun(*row) for row in uow.connection.execute(statement)]


def queued_in_group(uow: Reading, group: str) -> list[str]:
    """Those that wait within one concurrency group, the oldest first."""
    return list(uow.connection.scalars(_QUEUED_IN_GROUP, {"of_group": group}))


def pipelines_waiting(uow: Reading, pipeline_ids: Iterable[str]) -> list[str]:
    """Those of the pipelines that have a queued run."""
    return list(uow.connection.scalars(_WAITING, {"pipelines": list(pipeline_ids)}))
