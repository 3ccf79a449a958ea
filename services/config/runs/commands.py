"""What people do to runs: cancel, pause, resume, run again, start past the queue, tag, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.config.catalog.documents import demand_known
from services.config.model.claims import State
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import UnitOfWork, execution_views, executions, pruning
from services.config.store.definitions import pipelines
from services.config.store.execution_views import ExecutionView
from services.config.store.executions import Run
from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Document
from shared.contracts.history import TaskKept
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.pushes import Push
from shared.grammar.inputs import DOCKER
from shared.grammar.plan import Plan, compile_plan

from . import admission, protocol, reruns
from .batch import RunBatch
from .documents import documents
from .plans import plan_of
from .states import folded, state_of

_ENDED = protocol.State.ENDED


def missing(name: str) -> Refused:
    """The refusal of a run that is not there, or not for this person."""
    return refuse(Code.NOT_FOUND, f"There is no execution {name}", subject=name)


def _load(movement: RunBatch, execution_id: str) -> Run:
    run = movement.run(execution_id)
    if run is None:
        raise missing(execution_id)
    return run


def _answer(uow: UnitOfWork, execution_id: str) -> Document:
    view = execution_views.one(uow, execution_id)
    if view is None:
        raise missing(execution_id)
    plan, _ = plan_of(uow, view.plan_hash)
    (document,) = documents(uow, [view], {view.id: folded(uow, view.id, plan)})
    return Document(document=document)


def _intend(intent: protocol.Intent) -> Callable[[UnitOfWork, Person, ExecutionView, Act], Document]:
    def act(uow: UnitOfWork, person: Person, view: ExecutionView, ask: Act) -> Document:
        with RunBatch(uow) as movement:
            run = _load(movement, view.id)
            step = protocol.intend(run.holding, intent, uow.now)
            if step.refusal:
                ended = run.holding.state is State.ENDED
                raise refuse(
                    Code.CONFLICT,
                    f"Cannot {intent} {view.pipeline} #{view.idx}: {step.refusal}",
                    subject=view.id,
                    next_step="Rerun it, which starts a new run." if ended else "",
                )
            executions.set_reason(uow, view.id, str(ask.body.get("reason") or f"{intent} by {person.user}"))
            movement.apply(run, step)
            if intent is protocol.Intent.CANCEL:
                movement.cancel_children(view.id)
        return _answer(uow, view.id)

    return act


def _resume(uow: UnitOfWork, person: Person, view: ExecutionView, ask: Act) -> Document:
    """After a pause; or, for an administrator, let the run use what is restricted."""
    with RunBatch(uow) as movement:
        run = _load(movement, view.id)
        barred = [] if run.holding.pause else _barred(uow, run)
        if barred:
            person.demand(view.project, Right.RESTRICTED, f"let {view.pipeline} #{view.idx} use what is restricted")
            executions.set_reason(uow, view.id, str(ask.body.get("reason") or f"let through by {person.user}"))
            clearance = {"cleared": True, "by": person.user}
            for stage, task in barred:
                run = movement.apply(run, protocol.answer(run.holding, stage, task, clearance, uow.now))
    return _answer(uow, view.id) if barred else _intend(protocol.Intent.RESUME)(uow, person, view, ask)


def _barred(uow: UnitOfWork, run: Run) -> list[tuple[str, str]]:
    """Tasks that wait for an administrator."""
    if run.holding.state is protocol.State.ENDED:
        return []
    plan, _ = plan_of(uow, run.plan_hash)
    state = state_of(uow, run.id, plan)
    return [
        (stage.name, task.name)
        for stage, task in state.tasks
        if task.waiting is not None and task.waiting.reason == "restricted" and not task.cleared
    ]


def _tag(uow: UnitOfWork, _person: Person, view: ExecutionView, ask: Act) -> Document:
    tags = ask.body.get("tags")
    if not isinstance(tags, list):
        raise refuse(Code.INVALID, "tags must be a list of texts", subject=view.id)
    executions.set_tags(uow, view.id, [str(tag) for tag in tags])
    return _answer(uow, view.id)


def _delete(uow: UnitOfWork, person: Person, view: ExecutionView, _ask: Act) -> Document:
    if view.state != _ENDED.value:
        raise refuse(
            Code.CONFLICT,
            f"{view.pipeline} #{view.idx} has not ended",
            subject=view.id,
            next_step="Cancel it, then delete it.",
        )
    person.demand(view.project, Right.EDIT, f"delete runs of {view.pipeline}")
    answer = _answer(uow, view.id)
    pruning.remove_executions(uow, [view.id])
    return answer


_OF_A_RERUN = frozenset({"from", "input", "inputs", "comments", "tags", "source", "executionId", "reason"})


def _rerun(uow: UnitOfWork, person: Person, view: ExecutionView, ask: Act) -> Document:
    """The pipeline as it is now with the same inputs, those in the body changed; `from` keeps what came before.

    A push stays the run's push while its inputs are the same: the image keeps its digest, and the run its concurrency
    group.
    """
    pipeline = pipelines.pipeline_by_id(uow, view.pipeline_id)
    if pipeline is None:
        raise refuse(Code.CONFLICT, f"Pipeline {view.pipeline} no longer exists", subject=view.id)
    # `requestType` is Code Stream's name for the action.
    demand_known(ask.body, "rerun", _OF_A_RERUN, {}, {"requestType"})
    ready = admission.compiled(pipeline)
    new_inputs = ask.body.get("input") or ask.body.get("inputs")
    kept = {name: value for name, value in view.input.items() if name in ready.spec.input}
    changed: Mapping[str, Any] = new_inputs if isinstance(new_inputs, Mapping) else {}
    since = str(ask.body.get("from") or "")
    body = {
        **ask.body,
        "input": {**kept, **changed},
        "comments": str(ask.body.get("comments") or f"Rerun of #{view.idx}" + (f" from {since}" if since else "")),
        "source": f"rerun of {view.id}",
    }
    order = admission.manual_order(uow, pipeline, person, body)
    same_push = all((order.inputs.get(name) or "") == (view.input.get(name) or "") for name in DOCKER)
    order = replace(
        order,
        rerun_of=view.id,
        sealed=_still_sealed(uow, view, order),
        push=None if view.push is None or not same_push else Push.model_validate_json(view.push),
        kept=_kept(uow, view, compile_plan(ready.spec), since) if since else (),
    )
    return Document(document=admission.start_order(uow, pipeline, person, order))


def _still_sealed(uow: UnitOfWork, view: ExecutionView, order: admission.RunRequest) -> Mapping[str, Sealed]:
    """An input whose mask is written back keeps its secret."""
    (facts,) = executions.facts_of(uow, [view.id]).values()
    return {name: box for name, box in facts.sealed.items() if order.inputs.get(name) == view.input.get(name)}


def _kept(uow: UnitOfWork, view: ExecutionView, now: Plan, since: str) -> tuple[TaskKept, ...]:
    if view.state != _ENDED.value:
        raise refuse(Code.CONFLICT, f"{view.pipeline} #{view.idx} has not ended", subject=view.id)
    plan, _ = plan_of(uow, view.plan_hash)
    state = state_of(uow, view.id, plan)
    return reruns.kept_tasks(view.id, plan, state, now, since)


def _past_queue(uow: UnitOfWork, person: Person, view: ExecutionView, _ask: Act) -> Document:
    """Start a waiting run although there is no place for it."""
    person.demand(view.project, Right.RESTRICTED, f"start runs of {view.pipeline} past the queue")
    with RunBatch(uow) as movement:
        run = _load(movement, view.id)
        if run.holding.state is not protocol.State.QUEUED:
            raise refuse(Code.CONFLICT, f"{view.pipeline} #{view.idx} does not wait in the queue", subject=view.id)
        movement.admit(run)
    return _answer(uow, view.id)


VERBS: dict[str, Callable[[UnitOfWork, Person, ExecutionView, Act], Document]] = {
    "cancel": _intend(protocol.Intent.CANCEL),
    "pause": _intend(protocol.Intent.PAUSE),
    "resume": _resume,
    "rerun": _rerun,
    "start-now": _past_queue,
    "tag": _tag,
    "delete": _delete,
}
