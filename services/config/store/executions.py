"""Executions: loading and saving runs in bulk, their histories, plans and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update

from services.config.model.claims import RunClaim, State, from_json, to_json
from services.config.tables.ledger import ExecutionRow, PlanRow
from shared.contracts.base import Sealed
from shared.contracts.history import Status
from shared.contracts.pushes import Push

from .unit_of_work import Reading, UnitOfWork

_MANY = 400
"""Ids in one statement: SQLite's limit of bound values is 999 in old builds."""


@dataclass(frozen=True, slots=True)
class Run:
    """An execution as the ledger moves it on."""

    id: str
    project: str
    pipeline: str
    pipeline_id: str
    index: int
    holding: RunClaim
    concurrency_group: str
    policy: str
    concurrency: int
    order_at: float
    since: float
    folded: Status
    status: Status
    status_message: str
    revision: int
    events: int
    requested_at: float
    started_at: float | None
    ended_at: float | None
    plan_hash: str
    delivery: str | None
    nested: bool
    parent: str | None
    parent_stage: str = ""
    parent_task: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run was started with."""

    requested_by: str
    comments: str
    input: Mapping[str, Any]
    push: Push | None
    webhook_id: str | None
    source: str
    tags: tuple[str, ...]
    rollback: bool
    rerun_of: str | None
    sealed: Mapping[str, Sealed] = field(default_factory=dict)
    """Inputs that hold a secret; `input` has their mask."""


_STORED_AS = {"index": "idx", "holding": "hold", "concurrency_group": "lane"}
_COLUMNS = tuple(getattr(ExecutionRow, _STORED_AS.get(name, name)) for name in Run.__dataclass_fields__)
_READ_AS: dict[str, Callable[[Any], Any]] = {"holding": from_json, "folded": Status, "status": Status}


def _run(row: Any) -> Run:
    values = dict(zip(Run.__dataclass_fields__, row, strict=True))
    return Run(**{**values, **{name: read(values[name]) for name, read in _READ_AS.items()}})


_BY_IDS = select(*_COLUMNS).where(ExecutionRow.id.in_(bindparam("ids", expanding=True)))
_HOLDS = select(ExecutionRow.id, ExecutionRow.hold).where(ExecutionRow.id.in_(bindparam("ids", expanding=True)))


def load_runs(uow: Reading, ids: Iterable[str]) -> dict[str, Run]:
    """Those of the ids that exist."""
    runs: dict[str, Run] = {}
    for part in in_parts(ids):
        for row in uow.connection.execute(_BY_IDS, {"ids": part}):
            runs[row[0]] = _run(row)
    return runs


def load_holdings(uow: Reading, ids: Iterable[str]) -> dict[str, RunClaim]:
    """Only what the protocol asks of them."""
    return {
        row[0]: from_json(row[1]) for part in in_parts(ids) for row in uow.connection.execute(_HOLDS, {"ids": part})
    }


def ids_in(uow: Reading, state: State) -> list[tuple[str, float]]:
    """Ids of all runs in one state, with since when."""
    rows = uow.connection.execute(select(ExecutionRow.id, ExecutionRow.since).where(ExecutionRow.state == state.value))
    return [(row[0], row[1]) for row in rows]


def depth(uow: Reading, execution_id: str, limit: int) -> int:
    """How many runs an execution stands in, itself included; counts no further than `limit`."""
    count, current = 0, execution_id or None
    while current and count < limit:
        count += 1
        current = uow.connection.scalar(select(ExecutionRow.parent).where(ExecutionRow.id == current))
    return count


def root_of(uow: Reading, execution_id: str) -> str:
    """The first of the runs that led to an execution, or itself."""
    return uow.connection.scalar(select(ExecutionRow.root).where(ExecutionRow.id == execution_id)) or execution_id


def descendants(uow: Reading, root: str, limit: int) -> int:
    """How many runs came of a first one, run by it or started by what it pushed, at any depth; counts no further than
    `limit`."""
    ids = select(ExecutionRow.id).where(ExecutionRow.root == root).limit(limit).subquery()
    return uow.connection.scalar(select(func.count()).select_from(ids)) or 0


def children(uow: Reading, parent: str) -> list[str]:
    """Runs that stand in a run and have not ended, as far as they are written."""
    statement = select(ExecutionRow.id).where(ExecutionRow.parent == parent, ExecutionRow.state != State.ENDED.value)
    return list(uow.connection.scalars(statement))


def add_runs(uow: UnitOfWork, runs: Sequence[tuple[Run, Facts]]) -> None:
    """Record new runs."""
    if runs:
        uow.connection.execute(_ADD, [_whole(run, facts, uow.now) for run, facts in runs])


_ADD = insert(ExecutionRow)


def _whole(run: Run, facts: Facts, now: float) -> dict[str, Any]:
    return {
        **_changed(run, now),
        "id": run.id,
        "project": run.project,
        "pipeline": run.pipeline,
        "pipeline_id": run.pipeline_id,
        "idx": run.index,
        "lane": run.concurrency_group,
        "policy": run.policy,
        "concurrency": run.concurrency,
        "order_at": run.order_at,
        "requested_at": run.requested_at,
        "plan_hash": run.plan_hash,
        "delivery": run.delivery,
        "nested": run.nested,
        "parent": run.parent,
        "parent_stage": run.parent_stage,
        "parent_task": run.parent_task,
        "root": run.root,
        "requested_by": facts.requested_by,
        "comments": facts.comments,
        "input": dict(facts.input),
        "output": {},
        "push": facts.push.model_dump_json() if facts.push else None,
        "image": facts.push.repository if facts.push else "",
        "image_name": facts.push.repository.rpartition("/")[2] if facts.push else "",
        "image_tag": (facts.push.tag or "") if facts.push else "",
        "webhook_id": facts.webhook_id,
        "source": facts.source,
        "tags": list(facts.tags),
        "rollback": facts.rollback,
        "rerun_of": facts.rerun_of,
        "sealed_input": {name: box.model_dump() for name, box in facts.sealed.items()} or None,
    }


_UPDATE = (
    update(ExecutionRow.__table__)  # type: ignore[arg-type]
    .where(ExecutionRow.id == bindparam("b_id"))
    .values(
        {
            name: bindparam(f"b_{name}")
            for name in (
                "state",
                "since",
                "hold",
                "folded",
                "status",
                "status_message",
                "revision",
                "events",
                "started_at",
                "ended_at",
                "updated_at",
            )
        }
    )
)


def save_runs(uow: UnitOfWork, runs: Sequence[Run]) -> None:
    """Write what moved."""
    if runs:
        changes = [{"id": run.id, **_changed(run, uow.now)} for run in runs]
        rows = [{f"b_{name}": value for name, value in change.items()} for change in changes]
        uow.connection.execute(_UPDATE, rows)


def _changed(run: Run, now: float) -> dict[str, Any]:
    return {
        "state": run.holding.state.value,
        "since": run.since,
        "hold": to_json(run.holding),
        "folded": run.folded.value,
        "status": run.status.value,
        "status_message": run.status_message,
        "revision": run.revision,
        "events": run.events,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "updated_at": now,
    }


def set_output(uow: UnitOfWork, execution_id: str, output: Mapping[str, Any]) -> None:
    """The outputs that a run ended with."""
    uow.connection.execute(update(ExecutionRow).where(ExecutionRow.id == execution_id).values(output=dict(output)))


def set_reason(uow: UnitOfWork, execution_id: str, reason: str) -> None:
    """Why somebody paused or cancelled."""
    uow.connection.execute(update(ExecutionRow).where(ExecutionRow.id == execution_id).values(reason=reason))


def set_tags(uow: UnitOfWork, execution_id: str, tags: Sequence[str]) -> None:
    """Replace the tags."""
    uow.connection.execute(update(ExecutionRow).where(ExecutionRow.id == execution_id).values(tags=list(tags)))


def facts_of(uow: Reading, ids: Iterable[str]) -> dict[str, Facts]:
    """What each was started with."""
    facts: dict[str, Facts] = {}
    for part in in_parts(ids):
        for row in uow.connection.execute(_FACTS, {"ids": part}):
            push = Push.model_validate_json(row[4]) if row[4] else None
            sealed = {name: Sealed.model_validate(box) for name, box in (row[10] or {}).items()}
            facts[row[0]] = Facts(row[1], row[2], row[3], push, row[5], row[6], tuple(row[7]), row[8], row[9], sealed)
    return facts


_FACTS = select(
    ExecutionRow.id,
    ExecutionRow.requested_by,
    ExecutionRow.comments,
    ExecutionRow.input,
    ExecutionRow.push,
    ExecutionRow.webhook_id,
    ExecutionRow.source,
    ExecutionRow.tags,
    ExecutionRow.rollback,
    ExecutionRow.rerun_of,
    ExecutionRow.sealed_input,
).where(ExecutionRow.id.in_(bindparam("ids", expanding=True)))
_HAS_PLAN = select(PlanRow.hash).where(PlanRow.hash == bindparam("digest"))


def keep_plan(uow: UnitOfWork, digest: str, plan: str, about: str) -> None:
    """Store a plan unless it is there."""
    if uow.connection.scalar(_HAS_PLAN, {"digest": digest}) is None:
        uow.connection.execute(insert(PlanRow), {"hash": digest, "plan": plan, "about": about})


def plan_texts(uow: Reading, digests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Plan and what is shown besides it, as JSON texts by hash."""
    return {row[0]: (row[1], row[2]) for row in uow.connection.execute(_PLANS, {"digests": list(digests)})}


_PLANS = select(PlanRow.hash, PlanRow.plan, PlanRow.about).where(PlanRow.hash.in_(bindparam("digests", expanding=True)))


_NEXT = text(
    "INSERT INTO counters (name, value) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


def next_number(uow: UnitOfWork, name: str) -> int:
    """The next of a counter that only grows."""
    return int(uow.connection.execute(_NEXT, {"name": name}).scalar_one())


def in_parts(ids: Iterable[str]) -> Iterable[list[str]]:
    """The ids without repeats, as many at a time as one statement may name."""
    listed = list(dict.fromkeys(ids))
    return (listed[start : start + _MANY] for start in range(0, len(listed), _MANY))
