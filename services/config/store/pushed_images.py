"""Images that runs of ours pushed: recorded before the tag moves, looked up when a registry reports the push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import select

from services.config.model.lineage import Cause, chain
from services.config.tables.ledger import PushedImageRow
from shared.contracts.history import Pushing, TaskHandle

from . import executions
from .executions import Run
from .unit_of_work import Reading, UnitOfWork

_DEPTH = 20
"""Runs nested deeper than this are a mistake of their own."""


@dataclass(frozen=True, slots=True)
class PushedImage:
    """A tag that a run moved, or was about to."""

    execution_id: str
    registry_host: str
    repository: str
    tag: str
    digest: str
    stage: str
    task: str
    at: float
    causes: tuple[Cause, ...]
    """The run that pushed first, then what caused it; never empty."""


def record(uow: UnitOfWork, run: Run, event: TaskHandle, pushing: Pushing) -> None:
    """Keep what a run is about to push, once."""
    key = (run.id, pushing.registry_host, pushing.repository, pushing.tag, pushing.digest)
    if uow.session.get(PushedImageRow, key) is not None:
        return
    causes = chain(_nesting(uow, run, pushing.digest), _before(uow, run))
    uow.session.add(
        PushedImageRow(
            execution_id=run.id,
            registry_host=pushing.registry_host,
            repository=pushing.repository,
            tag=pushing.tag,
            digest=pushing.digest,
            stage=event.stage,
            task=event.task,
            at=uow.now,
            causes=[asdict(cause) for cause in causes],
        )
    )
    uow.session.flush()


def pusher(uow: Reading, repository: str, tag: str, digest: str) -> PushedImage | None:
    """The newest push of ours that made this tag name this digest; the host may have other names for its clients."""
    statement = (
        select(PushedImageRow)
        .where(PushedImageRow.repository == repository, PushedImageRow.tag == tag, PushedImageRow.digest == digest)
        .order_by(PushedImageRow.at.desc())
        .limit(1)
    )
    row = uow.session.scalars(statement).first()
    if row is None:
        return None
    return PushedImage(
        execution_id=row.execution_id,
        registry_host=row.registry_host,
        repository=row.repository,
        tag=row.tag,
        digest=row.digest,
        stage=row.stage,
        task=row.task,
        at=row.at,
        causes=tuple(Cause(**cause) for cause in row.causes),
    )


def _nesting(uow: Reading, run: Run, digest: str) -> Iterator[Cause]:
    """The run itself and the runs that wait for it."""
    at: Run | None = run
    for _ in range(_DEPTH):
        if at is None:
            return
        yield Cause(at.id, at.pipeline_id, at.pipeline, at.index, digest)
        at = executions.load_runs(uow, [at.parent]).get(at.parent) if at.parent else None


def _before(uow: Reading, run: Run) -> tuple[Cause, ...]:
    """What caused the push that started the run or a run that it is nested in."""
    at: Run | None = run
    for _ in range(_DEPTH):
        if at is None:
            return ()
        facts = executions.facts_of(uow, [at.id]).get(at.id)
        push = facts.push if facts is not None else None
        if push is not None and push.tag and push.digest:
            earlier = pusher(uow, push.repository, push.tag, push.digest)
            return earlier.causes if earlier is not None else ()
        at = executions.load_runs(uow, [at.parent]).get(at.parent) if at.parent else None
    return ()
