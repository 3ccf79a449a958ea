"""Pipelines, their versions, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, select

from services.config.model.definitions import Pipeline, PipelineVersion
from services.config.model.triggers import RunnablePipeline
from services.config.store.filters import FilterField
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import PipelineNeedRow, PipelineRow, PipelineVersionRow
from shared.grammar.inputs import inject

from .rows import Table, project_fields

PIPELINES = Table(
    PipelineRow,
    Pipeline,
    wire={
        **project_fields(PipelineRow),
        "state": FilterField(PipelineRow.state),
        "concurrency": FilterField(PipelineRow.concurrency, "number"),
    },
)
VERSIONS = Table(
    PipelineVersionRow,
    PipelineVersion,
    wire={
        "version": FilterField(PipelineVersionRow.version, "number"),
        "updatedBy": FilterField(PipelineVersionRow.by),
    },
    order="version desc",
)


def pipeline_for_run(uow: Reading, project: str, name: str) -> RunnablePipeline | None:
    """The pipeline of that name as it is now."""
    pipeline = PIPELINES.one(uow, project=project, name=name)
    return runnable(pipeline) if pipeline is not None else None


def pipeline_by_id(uow: Reading, pipeline_id: str) -> RunnablePipeline | None:
    """The pipeline of that id as it is now."""
    pipeline = PIPELINES.one(uow, id=pipeline_id)
    return runnable(pipeline) if pipeline is not None else None


def runnable(pipeline: Pipeline) -> RunnablePipeline:
    """What a run needs of a stored pipeline."""
    tree = tree_of(pipeline)
    # What a trigger may fill must be there to be filled, whether or not the author listed it.
    input, meta = inject(tree.get("input") or {}, tree.get("_inputMeta") or {}, tree.get("options") or ())
    return RunnablePipeline(
        id=pipeline.id,
        project=pipeline.project,
        name=pipeline.name,
        version=pipeline.version,
        state=pipeline.state,  # type: ignore[arg-type]
        tree={**tree, "input": input, "_inputMeta": meta},
        concurrency=pipeline.concurrency,
        description=pipeline.description,
        tags=tuple(pipeline.tags),
    )


def tree_of(pipeline: Pipeline) -> dict[str, Any]:
    """The whole document: what the columns hold and what the tree keeps."""
    return {
        "project": pipeline.project,
        "kind": "PIPELINE",
        "name": pipeline.name,
        "description": pipeline.description,
        "enabled": pipeline.state != "DISABLED",
        "concurrency": pipeline.concurrency,
        "tags": list(pipeline.tags),
        **pipeline.tree,
    }


def set_needs(uow: UnitOfWork, pipeline: Pipeline, needs: Iterable[tuple[str, str]]) -> None:
    """What the pipeline refers to now, as (kind, name)."""
    uow.session.execute(delete(PipelineNeedRow).where(PipelineNeedRow.pipeline_id == pipeline.id))
    rows = [
        {"pipeline_id": pipeline.id, "project": pipeline.project, "kind": kind, "name": name}
        for kind, name in sorted(set(needs))
    ]
    if rows:
        uow.session.execute(insert(PipelineNeedRow), rows)


def needs(uow: Reading, pipeline_id: str) -> set[tuple[str, str]]:
    """What the pipeline refers to now, as (kind, name)."""
    statement = select(PipelineNeedRow.kind, PipelineNeedRow.name).where(PipelineNeedRow.pipeline_id == pipeline_id)
    return {(kind, name) for kind, name in uow.session.execute(statement)}
