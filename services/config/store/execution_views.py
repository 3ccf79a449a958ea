"""Executions as people ask for them: lists, single ones, by pipeline and number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select, tuple_, union_all

from services.config.model.claims import State
from services.config.tables.ledger import ExecutionRow
from shared.contracts.catalog import Find

from . import filters
from .filters import FilterField
from .slots import BUSY_IN_GROUP
from .unit_of_work import Reading

_ROW = ExecutionRow
FIELDS: dict[str, FilterField] = {
    "id": FilterField(_ROW.id),
    "name": FilterField(_ROW.pipeline),
    "project": FilterField(_ROW.project),
    "status": FilterField(_ROW.status),
    "index": FilterField(_ROW.idx, "number"),
    "comments": FilterField(_ROW.comments),
    "_nested": FilterField(_ROW.nested, "boolean"),
    "_rollback": FilterField(_ROW.rollback, "boolean"),
    "_executedBy": FilterField(_ROW.requested_by),
    "createdBy": FilterField(_ROW.requested_by),
    "_source": FilterField(_ROW.source),
    "_image": FilterField(_ROW.image),
    "_imageName": FilterField(_ROW.image_name),
    "_imageTag": FilterField(_ROW.image_tag),
    "_parent": FilterField(_ROW.parent),
    "_rerunOf": FilterField(_ROW.rerun_of),
    "_requestTimeInMicros": FilterField(_ROW.requested_at, "instant"),
    "_createTimeInMicros": FilterField(_ROW.requested_at, "instant"),
    "_updateTimeInMicros": FilterField(_ROW.updated_at, "instant"),
    "createdAt": FilterField(_ROW.requested_at, "instant"),
    "updatedAt": FilterField(_ROW.updated_at, "instant"),
}


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """A run with everything that people see of it but its stages."""

    id: str
    project: str
    pipeline: str
    pipeline_id: str
    idx: int
    state: str
    status: str
    status_message: str
    revision: int
    requested_at: float
    updated_at: float
    started_at: float | None
    ended_at: float | None
    requested_by: str
    comments: str
    reason: str
    source: str
    tags: list[str]
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    plan_hash: str
    push: str | None
    image: str
    image_name: str
    image_tag: str
    delivery: str | None
    webhook_id: str | None
    nested: bool
    rollback: bool
    parent: str | None
    rerun_of: str | None
    order_at: float
    concurrency_group: str


_NAMES = tuple(ExecutionView.__dataclass_fields__)
_COLUMNS = tuple(getattr(_ROW, "lane" if name == "concurrency_group" else name) for name in _NAMES)


_VIEWS: Select[Any] = select(*_COLUMNS)
_VIEW = _VIEWS.where(_ROW.id == bindparam("id"))


def one(uow: Reading, execution_id: str) -> ExecutionView | None:
    """By id."""
    return _first(uow, _VIEW, id=execution_id)


def by_index(uow: Reading, pipeline_id: str, index: int) -> ExecutionView | None:
    """By the pipeline's id and the run's number."""
    return _first(uow, _VIEWS.where(_ROW.pipeline_id == pipeline_id, _ROW.idx == index))


def by_name_and_index(uow: Reading, project: str, pipeline: str, index: int) -> ExecutionView | None:
    """By names and number; of pipelines that had the name one after the other, the newest run."""
    statement = _VIEWS.where(_ROW.project == project, _ROW.pipeline == pipeline, _ROW.idx == index)
    return _first(uow, statement.order_by(_ROW.requested_at.desc()))


def page(
    uow: Reading, projects: frozenset[str] | None, ask: Find, *, ended: bool = False
) -> tuple[list[ExecutionView], int]:
    """One page, newest first, with `parent` of that pipeline; `projects` None means all; `ended`: no live runs."""
    query = filters.within(_VIEWS, _ROW.project, projects)
    if ask.parent:
        query = query.where(_ROW.pipeline_id == ask.parent)
    if ended:
        query = query.where(_ROW.state == State.ENDED.value)
    rows, total = filters.page(uow, query, FIELDS, ask, "_requestTimeInMicros desc", _ROW.id)
    return [ExecutionView(*row) for row in rows], total


def newest_of(
    uow: Reading, projects: frozenset[str] | None, pipeline_ids: Sequence[str], each: int
) -> list[ExecutionView]:
    """The newest runs of each of these pipelines, `each` at most, newest first within one."""
    if not pipeline_ids:
        return []
    # One short walk of the index for each, instead of a sort of all their runs.
    parts = [
        select(_ROW.id).where(_ROW.pipeline_id == id).order_by(_ROW.idx.desc()).limit(each).subquery()
        for id in dict.fromkeys(pipeline_ids)
    ]
    newest = union_all(*(select(part.c.id) for part in parts)).subquery()
    query = filters.within(_VIEWS, _ROW.project, projects).where(_ROW.id.in_(select(newest.c.id)))
    ordered = query.order_by(_ROW.pipeline_id, _ROW.idx.desc())
    return [ExecutionView(*row) for row in uow.session.execute(ordered)]


def place_in_queue(uow: Reading, view: ExecutionView) -> int:
    """1 for the next of its pipeline's runs that wait for a place."""
    before = select(func.count(_ROW.id)).where(
        _ROW.state == view.state,
        _ROW.pipeline_id == view.pipeline_id,
        tuple_(_ROW.order_at, _ROW.idx) < tuple_(view.order_at, view.idx),
    )
    return 1 + (uow.session.scalar(before) or 0)


def _first(uow: Reading, statement: Select[Any], **parameters: Any) -> ExecutionView | None:
    row = uow.connection.execute(statement, parameters).first()
    return None if row is None else ExecutionView(*row)


def busy_in_group(uow: Reading, group: str, besides: str) -> int | None:
    """The number of the run at work in a concurrency group, itself or through a run within it, other than `besides`."""
    return uow.session.scalar(select(_ROW.idx).where(_ROW.lane == group, BUSY_IN_GROUP, _ROW.id != besides).limit(1))
