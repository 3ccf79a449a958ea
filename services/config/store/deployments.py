"""What runs left in clusters: the newest of each workload, and the ones before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, select, update

from services.config.tables.ledger import DeploymentRow
from shared.contracts.catalog import Find
from shared.contracts.history import Deployed, TaskEnded
from shared.process.ids import derived_id

from . import filters
from .executions import Run
from .filters import FilterField
from .unit_of_work import Reading, UnitOfWork

_ROW = DeploymentRow
KEPT = 30
"""Deployments of one workload that are remembered; they outlive their executions."""
FIELDS: dict[str, FilterField] = {
    "id": FilterField(_ROW.id),
    "project": FilterField(_ROW.project),
    "endpoint": FilterField(_ROW.endpoint),
    "namespace": FilterField(_ROW.namespace),
    "workloadKind": FilterField(_ROW.kind),
    "name": FilterField(_ROW.name),
    "pipeline": FilterField(_ROW.pipeline),
    "executionId": FilterField(_ROW.execution_id),
    "_createTimeInMicros": FilterField(_ROW.at, "instant"),
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One workload as one run left it."""

    id: str
    at: float
    newest: bool
    project: str
    endpoint: str
    api_version: str
    kind: str
    namespace: str
    name: str
    images: list[str]
    execution_id: str
    execution_index: int
    pipeline: str
    pipeline_id: str


_NAMES = tuple(Deployment.__dataclass_fields__)


def record(uow: UnitOfWork, run: Run, event: TaskEnded, deployed: Deployed) -> None:
    """Remember what a task left; it is the newest of its workload now."""
    path = "/".join((run.id, event.stage, event.task, str(event.try_number), *_address(deployed)))
    new = derived_id(f"portside:deployment:{path}")
    same = _same(run.project, deployed.endpoint, deployed.namespace, deployed.kind, deployed.name)
    uow.session.execute(update(_ROW).where(same, _ROW.newest).values(newest=False))
    uow.session.add(
        _ROW(
            id=new,
            at=uow.now,
            newest=True,
            project=run.project,
            endpoint=deployed.endpoint,
            api_version=deployed.api_version,
            kind=deployed.kind,
            namespace=deployed.namespace,
            name=deployed.name,
            images=list(deployed.images),
            execution_id=run.id,
            execution_index=run.index,
            pipeline=run.pipeline,
            pipeline_id=run.pipeline_id,
        )
    )
    uow.session.flush()
    older = uow.session.scalars(select(_ROW.id).where(same).order_by(_ROW.at.desc(), _ROW.id).offset(KEPT)).all()
    if older:
        uow.session.execute(delete(_ROW).where(_ROW.id.in_(older)))


def page(uow: Reading, projects: frozenset[str] | None, ask: Find) -> tuple[list[Deployment], int]:
    """The newest of every workload; with `parent`, all of that one's workload, newest first."""
    query, order = select(_ROW).where(_ROW.newest), "endpoint,namespace,name"
    if ask.parent:
        newest_row = uow.session.get(_ROW, ask.parent)
        if newest_row is None:
            return [], 0
        same = _same(newest_row.project, newest_row.endpoint, newest_row.namespace, newest_row.kind, newest_row.name)
        query, order = select(_ROW).where(same), "_createTimeInMicros desc"
    query = filters.within(query, _ROW.project, projects)
    rows, total = filters.page(uow, query, FIELDS, ask, order, _ROW.id)
    return [_deployment(row) for row in rows], total


def find(uow: Reading, id: str) -> Deployment | None:
    """One, by its id."""
    row = uow.session.get(_ROW, id)
    return None if row is None else _deployment(row)


def _deployment(row: DeploymentRow | Row[Any]) -> Deployment:
    return Deployment(**{name: getattr(row, name) for name in _NAMES})


def _same(project: str, endpoint: str, namespace: str, kind: str, name: str) -> ColumnElement[bool]:
    return and_(
        _ROW.project == project,
        _ROW.endpoint == endpoint,
        _ROW.namespace == namespace,
        _ROW.kind == kind,
        _ROW.name == name,
    )


def _address(deployed: Deployed) -> Sequence[str]:
    return deployed.endpoint, deployed.namespace, deployed.kind, deployed.name
