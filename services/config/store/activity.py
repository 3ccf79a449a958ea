"""The lists of pushes that people read: Activity by event or by push, and what came around an instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from services.config.model.push_events import PushEvent
from services.config.tables.ledger import DeliveryRow, ExecutionRow
from shared.contracts.catalog import Find

from . import filters
from .deliveries import EVENTS, event_of, read_events
from .filters import FilterField
from .unit_of_work import Reading

_ROW = DeliveryRow


def _fields(row: type[DeliveryRow], run: type[ExecutionRow]) -> dict[str, FilterField]:
    return {
        "id": FilterField(row.id),
        "name": FilterField(row.webhook),
        "webhook": FilterField(row.webhook),
        "webhookId": FilterField(row.webhook_id),
        "project": FilterField(row.project),
        "pipeline": FilterField(row.pipeline),
        "owner": FilterField(row.pusher),
        "imageName": FilterField(row.repository),
        "tag": FilterField(row.tag),
        "digest": FilterField(row.digest),
        "verdict": FilterField(row.verdict),
        "deliveryId": FilterField(row.delivery_id),
        "pushKey": FilterField(row.push_key),
        "executionId": FilterField(row.execution_id),
        # An expression, so that no index of runs leads: SQLite would look up and sort all events of a frequent status.
        "executionStatus": FilterField(run.status + ""),
        "via": FilterField(row.via),
        "pushedBy": FilterField(row.pushed_by),
        "timeStampInMicros": FilterField(row.received_at, "instant"),
        "_createTimeInMicros": FilterField(row.received_at, "instant"),
    }


FIELDS = _fields(DeliveryRow, ExecutionRow)
_OTHER, _OTHERS_RUN, _RUN = aliased(DeliveryRow), aliased(ExecutionRow), aliased(ExecutionRow)
_OTHER_FIELDS = _fields(_OTHER, _OTHERS_RUN)
EXACT_PUSHES = 1_000
"""Pushes are counted up to here: each takes a look at the index of its own."""
FEW_RUNS = 10_000
"""Events of the runs of a status are looked up by these up to this many; otherwise walked by time."""
MOST_OF_PUSH = 20
"""Events of one push that a list of pushes shows."""


def page(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[PushEvent], int]:
    """One page of Activity, newest first; `projects` None means all of them."""
    query = _of_few_runs(uow, filters.within(EVENTS, _ROW.project, projects), ask)
    rows, total = filters.page(uow, query, FIELDS, ask, "timeStampInMicros desc", _ROW.id)
    return [event_of(row) for row in rows], total


def pushes(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[list[PushEvent]], int]:
    """One page of pushes, each with those of its events that the filter leaves, newest first, at most `MOST_OF_PUSH`.

    A push is at the place of the newest of these.
    """
    newest = filters.within(select(_OTHER.id), _OTHER.project, projects).where(_OTHER.push_key == _ROW.push_key)
    if (where := filters.condition(ask.filter, _OTHER_FIELDS)) is not None:
        newest = newest.join(_OTHERS_RUN, _OTHERS_RUN.id == _OTHER.execution_id, isouter=True).where(where)
        if "executionStatus" in ask.filter:
            # Always true. SQLite works a subquery out as soon as it can: with a condition on the run, only where it is
            # known and matches, which may be for very few of a million.
            newest = newest.where(or_(ExecutionRow.id.is_(None), ExecutionRow.id.is_not(None)))
    # A scalar, which databases look up row by row: a join of a long list with itself would be worked out as a whole. By
    # the sum it is sorted after it is found by its key; the index of times would be walked from its end.
    first = (
        newest.order_by((_OTHER.received_at + 0.0).desc(), _OTHER.id.desc())
        .limit(1)
        .correlate(DeliveryRow, ExecutionRow)
    )
    is_first = or_(_ROW.push_key.is_(None), _ROW.id == first.scalar_subquery())
    query = _of_few_runs(uow, filters.within(EVENTS.where(is_first), _ROW.project, projects), ask)
    rows, total = filters.page(uow, query, FIELDS, ask, "timeStampInMicros desc", _ROW.id, exact_total=EXACT_PUSHES)
    events = [event_of(row) for row in rows]
    return [
        [event, *others] for event, others in zip(events, _of_pushes(uow, projects, ask, events), strict=True)
    ], total


def _of_few_runs(uow: Reading, query: Select[Any], ask: Find) -> Select[Any]:
    """The same rows, looked up by their runs where the filter demands a status that few runs have.

    Otherwise the database walks all events by time until it has a page, which for a status of no run is all of them.
    """
    status = filters.demanded(ask.filter, "executionStatus", FIELDS)
    if status is None:
        return query
    runs = select(_RUN.id).where(_RUN.status == status)
    count = select(func.count()).select_from(runs.limit(FEW_RUNS + 1).subquery())
    are_few = (uow.session.scalar(count) or 0) <= FEW_RUNS
    return query.where(_ROW.execution_id.in_(runs)) if are_few else query


def _of_pushes(
    uow: Reading, projects: frozenset[str] | None, ask: Find, heads: Sequence[PushEvent]
) -> list[list[PushEvent]]:
    """The further events of each head's push."""
    keys = [event.push_key for event in heads if event.push_key is not None]
    place = func.row_number().over(partition_by=_ROW.push_key, order_by=[_ROW.received_at.desc(), _ROW.id.desc()])
    ranked = filters.within(EVENTS.with_only_columns(_ROW.id, place.label("place")), _ROW.project, projects)
    ranked = ranked.where(_ROW.push_key.in_(keys))
    if (where := filters.condition(ask.filter, FIELDS)) is not None:
        ranked = ranked.where(where)
    nearest = ranked.subquery()
    ids = select(nearest.c.id).where(nearest.c.place > 1, nearest.c.place <= MOST_OF_PUSH)
    by_key: dict[str | None, list[PushEvent]] = {}
    for event in read_events(uow, EVENTS.where(_ROW.id.in_(ids)).order_by(_ROW.received_at.desc())) if keys else ():
        by_key.setdefault(event.push_key, []).append(event)
    return [by_key.get(event.push_key, []) if event.push_key else [] for event in heads]


def around(
    uow: Reading, projects: frozenset[str] | None, repository: str, tag: str, since: float, until: float, at: float
) -> list[PushEvent]:
    """Deliveries of an image within a time, the nearest to `at` first; at most twenty. An empty tag means any."""
    statement = filters.within(EVENTS, _ROW.project, projects).where(
        _ROW.repository == repository, _ROW.received_at >= since, _ROW.received_at <= until, _ROW.via != "test"
    )
    if tag:
        statement = statement.where(_ROW.tag == tag)
    return read_events(uow, statement.order_by(func.abs(_ROW.received_at - at)).limit(20))
