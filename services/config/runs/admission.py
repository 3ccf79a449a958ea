"""Starting runs: from a push, by hand, again, from within another run. One place for the order in which they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from services.config.catalog.documents import link
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.model.triggers import RunnablePipeline
from services.config.store import Reading, UnitOfWork, executions, slots
from services.config.store.executions import Facts, Run
from shared.contracts.base import Sealed
from shared.contracts.history import Status, TaskKept
from shared.contracts.problems import Code, Flaw, refuse
from shared.contracts.pushes import Push
from shared.contracts.runs import NestedStarted, StartNested
from shared.grammar.inputs import left_blank, run_inputs, starts_blank
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import compile_plan, supersede_of
from shared.grammar.spec import PipelineSpec, Supersede
from shared.process.ids import derived_id, new_id

from . import concurrency, protocol, waiting
from .batch import RunBatch

_RUNS = UUID("6f2f1d9c-0a55-5c9e-9a41-6f7c3d1e5a10")
"""Namespace of the ids of runs that deliveries start."""

MAX_DEPTH = 10
"""Maximum nesting depth of runs."""
MAX_DESCENDANTS = 500
"""This many runs may come of one, nested in it or started by what one of them pushed."""
_CIRCLE = "Look whether a pipeline runs itself, directly or through others, or is its own rollback."


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline made ready to run."""

    spec: PipelineSpec
    policy: Supersede
    digest: str
    plan: str
    about: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that somebody or something wants."""

    execution_id: str
    requested_by: str
    inputs: Mapping[str, Any]
    order_at: float
    comments: str = ""
    push: Push | None = None
    delivery: str | None = None
    webhook_id: str | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    nested: bool = False
    rollback: bool = False
    parent: str | None = None
    parent_stage: str = ""
    parent_task: str = ""
    pushed_by: str = ""
    """The run of ours that made the push."""
    rerun_of: str | None = None
    sealed: Mapping[str, Sealed] = field(default_factory=dict)
    """Inputs that hold a secret of the run which handed them on; `inputs` has their mask."""
    schedule: str = ""
    """The id of the schedule whose time has come."""
    kept: tuple[TaskKept, ...] = ()
    """What the run that it repeats brought, and is not done again."""

    @property
    def source_of_runs(self) -> str:
        """What starts such runs again and again: a repository, or a schedule. Blank for those of people and of runs."""
        if self.push is not None:
            return self.push.image
        return f"schedule {self.schedule}" if self.schedule else ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of an order: a run that has a slot or waits for one, and those that it superseded."""

    run: Run
    superseded: tuple[Run, ...] = field(default=())
    behind: str = ""
    """What it was queued for, as of then."""

    @property
    def waits(self) -> bool:
        return self.run.holding.state is protocol.State.QUEUED


def run_id(webhook_id: str, delivery_id: str, ordinal: int) -> str:
    """The same delivery always starts the same run."""
    return derived_id(f"{webhook_id}/{delivery_id}/{ordinal}", _RUNS)


def compiled(pipeline: RunnablePipeline) -> Compiled:
    """The plan of a pipeline's present version; raises `Malformed` when it cannot be read."""
    return _compiled(pipeline.id, pipeline.version, json.dumps(pipeline.tree))


@lru_cache(maxsize=256)
def _compiled(_pipeline_id: str, _version: int, text: str) -> Compiled:
    tree = json.loads(text)
    spec = read_pipeline(tree)
    plan = json.dumps(compile_plan(spec).to_json())
    about = json.dumps(
        {
            "description": spec.description,
            "icon": spec.icon,
            "inputMeta": spec.input_meta,
            "outputMeta": spec.output_meta,
            "starred": spec.starred,
            "stageOrder": list(spec.stage_order),
            "tags": list(spec.tags),
        }
    )
    digest = hashlib.sha256(f"{plan}\n{about}".encode()).hexdigest()
    return Compiled(spec, supersede_of(spec), digest, plan, about)


def skips(movement: RunBatch, pipeline: RunnablePipeline, policy: Supersede, *, source: str, execution_id: str) -> bool:
    """Whether the pipeline skips a new run of `source`, since another runs or waits. A run that exists is not new."""
    if policy is not Supersede.SKIP_NEW or movement.run(execution_id) is not None:
        return False
    return _arrival(movement, policy, concurrency.group_of(policy, pipeline.id, source)).skip


def start(movement: RunBatch, pipeline: RunnablePipeline, ready: Compiled, order: RunRequest) -> Admitted:
    """Record the run and give it a place or a place in the queue; the same order again finds the same run."""
    existing = movement.run(order.execution_id)
    if existing is not None:
        return Admitted(existing)
    uow = movement.uow
    group = concurrency.group_of(ready.policy, pipeline.id, order.source_of_runs)
    arrival = _arrival(movement, ready.policy, group)
    index = executions.next_number(uow, f"pipeline {pipeline.id}")
    superseded = tuple(_supersede(movement, older_id, index) for older_id in arrival.supersede)
    for older_id in arrival.cancel:
        reason = "newer push" if order.push is not None else "later time of the schedule"
        _cancel_older(movement, older_id, f"A {reason} started #{index}.")
    executions.keep_plan(uow, ready.digest, ready.plan, ready.about)
    run = _new_run(uow, pipeline, ready, order, group, index)
    placed = movement.create(run, _facts(order))
    if order.kept:
        placed = movement.apply(placed, protocol.keep(placed.holding, order.kept, uow.now))
    if placed.holding.state is not protocol.State.QUEUED:
        return Admitted(placed, superseded)
    obstacle = waiting.at_queueing(uow, placed)
    return Admitted(movement.say(placed, obstacle.sentence), superseded, obstacle.then)


def _new_run(
    uow: UnitOfWork, pipeline: RunnablePipeline, ready: Compiled, order: RunRequest, group: str, index: int
) -> Run:
    """The run that is ordered, before anything happened to it."""
    return Run(
        id=order.execution_id,
        project=pipeline.project,
        pipeline=pipeline.name,
        pipeline_id=pipeline.id,
        index=index,
        holding=protocol.RunClaim(execution_id=order.execution_id),
        concurrency_group=group,
        policy=ready.policy.value,
        concurrency=max(1, pipeline.concurrency),
        order_at=order.order_at,
        since=uow.now,
        folded=Status.NOT_STARTED,
        status=Status.NOT_STARTED,
        status_message="",
        revision=1,
        events=0,
        requested_at=uow.now,
        started_at=None,
        ended_at=None,
        plan_hash=ready.digest,
        delivery=order.delivery,
        nested=order.nested,
        parent=order.parent,
        parent_stage=order.parent_stage,
        parent_task=order.parent_task,
        root=executions.root_of(uow, origin) if (origin := order.parent or order.pushed_by) else "",
    )


def _facts(order: RunRequest) -> Facts:
    """What the run keeps of its order."""
    return Facts(
        requested_by=order.requested_by,
        comments=order.comments,
        input=order.inputs,
        push=order.push,
        webhook_id=order.webhook_id,
        source=order.source,
        tags=order.tags,
        rollback=order.rollback,
        rerun_of=order.rerun_of,
        sealed=order.sealed,
    )


def _arrival(movement: RunBatch, policy: Supersede, group: str) -> concurrency.Arrival:
    if not group:
        return concurrency.Arrival()
    running = slots.active_in_group(movement.uow, group)
    queued = slots.queued_in_group(movement.uow, group)
    movement.preload(queued)
    fresh = [
        queued_id for queued_id in queued if (run := movement.run(queued_id)) is not None and not run.holding.begun
    ]
    return concurrency.arrive(policy, running, fresh)


def _supersede(movement: RunBatch, execution_id: str, index: int) -> Run:
    run = movement.run(execution_id)
    assert run is not None
    message = f"Superseded by #{index} before it started."
    return movement.apply(run, protocol.end(run.holding, Status.CANCELED, message, movement.uow.now))


def _cancel_older(movement: RunBatch, execution_id: str, why: str) -> None:
    run = movement.run(execution_id)
    if run is not None:
        executions.set_reason(movement.uow, run.id, why)
        movement.apply(run, protocol.intend(run.holding, protocol.Intent.CANCEL, movement.uow.now))


# The longest way in is the one by hand: rights, inputs, and an id that the caller may bring along.


def start_manual(
    uow: UnitOfWork, pipeline: RunnablePipeline, person: Person, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a pipeline by hand; answers with Code Stream's ExecutionResponse."""
    return start_order(uow, pipeline, person, manual_order(uow, pipeline, person, body))


def start_nested(uow: UnitOfWork, pipeline: RunnablePipeline, person: Person, ask: StartNested) -> NestedStarted:
    """Run a pipeline within another run."""
    order = RunRequest(
        execution_id=_own_id(ask.execution_id),
        requested_by=ask.requested_by or person.user,
        inputs=_checked(pipeline, ask.inputs),
        sealed=ask.sealed_inputs,
        order_at=uow.now,
        comments=ask.comments,
        source="nested",
        nested=True,
        parent=ask.parent,
        parent_stage=ask.stage,
        parent_task=ask.task,
    )
    started = start_order(uow, pipeline, person, order)
    return NestedStarted(execution_id=started["executionId"], execution_index=started["executionIndex"])


def start_order(uow: UnitOfWork, pipeline: RunnablePipeline, person: Person, order: RunRequest) -> dict[str, Any]:
    """Start what was ordered on somebody's behalf; refuses who may not, and a disabled pipeline."""
    person.demand(pipeline.project, Right.EXECUTE, f"run pipeline {pipeline.name}")
    if not pipeline.enabled:
        raise refuse(
            Code.CONFLICT,
            f"Pipeline {pipeline.name} is disabled",
            subject=pipeline.id,
            next_step="Enable the pipeline, then run it.",
        )
    # Asked again after a lost answer, it has its room already.
    if order.parent and not executions.load_holdings(uow, [order.execution_id]):
        demand_room(uow, order.parent)
    with RunBatch(uow) as movement:
        ready = compiled(pipeline)
        if skips(movement, pipeline, ready.policy, source=order.source_of_runs, execution_id=order.execution_id):
            raise refuse(
                Code.CONFLICT,
                f"Another run of {pipeline.name} is under way, and the pipeline skips new ones",
                subject=pipeline.id,
                next_step="Start it again when that run has ended.",
            )
        run = start(movement, pipeline, ready, order).run
        if run.pipeline_id != pipeline.id:
            raise refuse(Code.CONFLICT, "Another run of this pipeline has that id", subject=pipeline.id)
    warnings = [starts_blank(name) for name in left_blank(ready.spec, order.inputs)]
    return {**response(run.id, run.index), **({"_warnings": warnings} if warnings else {})}


def demand_room(uow: UnitOfWork, parent: str) -> None:
    """Refuse a run that is nested too deep, or one more of too many that one run has started: neither would end."""
    if executions.depth(uow, parent, MAX_DEPTH) >= MAX_DEPTH:
        raise refuse(
            Code.CONFLICT,
            f"Runs are nested {MAX_DEPTH} deep already",
            subject=parent,
            next_step=_CIRCLE,
        )
    root = executions.root_of(uow, parent)
    if has_too_many(uow, root):
        raise refuse(
            Code.CONFLICT,
            f"{MAX_DESCENDANTS} runs came of one run already",
            subject=root,
            next_step=_CIRCLE,
        )


def has_too_many(uow: Reading, root: str) -> bool:
    """Whether no further run may come of this one."""
    return executions.descendants(uow, root, MAX_DESCENDANTS) >= MAX_DESCENDANTS


def manual_order(uow: UnitOfWork, pipeline: RunnablePipeline, person: Person, body: Mapping[str, Any]) -> RunRequest:
    """The order in a request's body; refuses inputs that the pipeline does not have or lacks."""
    values = body.get("input") or {}
    if not isinstance(values, Mapping):
        flaw = Flaw(message="input must be an object of names and values", path="input")
        raise refuse(Code.INVALID, "input must be an object of names and values", flaws=(flaw,))
    tags = body.get("tags") if isinstance(body.get("tags"), list) else []
    return RunRequest(
        execution_id=_own_id(body.get("executionId")),
        requested_by=person.user,
        inputs=_checked(pipeline, values),
        order_at=uow.now,
        comments=str(body.get("comments") or ""),
        source=str(body.get("source") or "manual"),
        tags=tuple(str(item) for item in tags or []),
    )


def _checked(pipeline: RunnablePipeline, values: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs, flaws = run_inputs(compiled(pipeline).spec, values)
    if flaws:
        raise refuse(
            Code.INVALID,
            f"Pipeline {pipeline.name} cannot run with these inputs: {'; '.join(item.with_hint for item in flaws)}",
            subject=pipeline.id,
            flaws=tuple(flaws),
        )
    return inputs


def _own_id(execution_id: object) -> str:
    if not execution_id:
        return new_id()
    try:
        return str(UUID(str(execution_id)))
    except ValueError as error:
        raise refuse(Code.INVALID, f"executionId {execution_id!r} is not a valid UUID") from error


def response(execution_id: str, index: int) -> dict[str, Any]:
    """Code Stream's ExecutionResponse."""
    return {
        "executionId": execution_id,
        "executionIndex": index,
        "executionLink": link("executions", execution_id),
    }
