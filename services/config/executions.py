"""The kind `executions`: Code Stream's documents of runs, and what people do to runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.history import Recorded, TaskKept
from shared.contracts.problems import Code, refuse
from shared.contracts.pushes import Push
from shared.grammar.inputs import DOCKER
from shared.grammar.plan import Plan, compile_plan
from shared.grammar.progress import RunState, fold

from . import admission, folding, notifying, protocol, rerunning
from .catalog.base import readable
from .catalog.documents import link, micros, wire_time
from .moving import Movement
from .people import Person
from .plans import plan_of, read_plan
from .resources import unsupported
from .rights import Right
from .store import Reading, UnitOfWork, catalog_pipelines, execution_views, executions, notices, pruning
from .store.execution_views import Seen
from .store.executions import Run
from .store.notices import Told

Json = dict[str, Any]

_ENDED, _QUEUED = protocol.State.ENDED, protocol.State.QUEUED


class Executions:
    """Runs, newest first. `parent` of a find is a pipeline's id; nested runs have `_parent` in the filter."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; `options.brief` leaves stages out."""
        projects = readable(uow, person)
        if ask.parent:
            pipeline = catalog_pipelines.pipeline_by_id(uow, ask.parent)
            if pipeline is None or not person.may(pipeline.project, Right.READ):
                raise refuse(Code.NOT_FOUND, f"There is no pipeline {ask.parent}", subject=ask.parent)
        seen, total = execution_views.page(
            uow,
            projects,
            pipeline_id=ask.parent,
            filter=ask.filter,
            orderby=ask.orderby,
            top=ask.top,
            skip=ask.skip,
        )
        return Page(documents=tuple(documents(uow, seen, brief=bool(ask.options.get("brief")))), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id, or by pipeline and number: options `pipeline` (an id) or project and name, with `index`."""
        (document,) = documents(uow, [_locate(uow, person, ask)])
        return Document(document=document)

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Cancel, pause, resume, rerun, tag or delete."""
        verb = _VERBS.get(ask.verb)
        if verb is None:
            raise unsupported(Kind.EXECUTIONS, ask.verb, tuple(_VERBS))
        seen = execution_views.one(uow, ask.id)
        if seen is None or not person.may(seen.project, Right.READ):
            raise _missing(ask.id)
        person.demand(seen.project, Right.EXECUTE, f"{ask.verb} runs of {seen.pipeline}")
        return verb(uow, person, seen, ask)


def documents(uow: Reading, seen: Sequence[Seen], *, brief: bool = False) -> list[Json]:
    """The API's JSON of runs, their histories folded in bulk."""
    plans = executions.plan_texts(uow, {one.plan_hash for one in seen})
    histories = {} if brief else executions.histories(uow, [one.id for one in seen])
    told = {} if brief else notices.of_executions(uow, [one.id for one in seen])
    return [
        _document(
            one,
            plans[one.plan_hash],
            None if brief else histories.get(one.id, ()),
            told.get(one.id, ()),
            execution_views.place_in_queue(uow, one) if one.state == _QUEUED.value else 0,
            uow.now,
        )
        for one in seen
    ]


def _document(
    one: Seen,
    texts: tuple[str, str],
    history: Sequence[Recorded] | None,
    told: Sequence[Told],
    position: int,
    now: float,
) -> Json:
    plan, _, about = read_plan(*texts)
    ended_at = one.ended_at
    started_at = one.started_at if one.started_at is not None else (ended_at if ended_at is not None else now)
    document: Json = {
        "project": one.project,
        "id": one.id,
        "name": one.pipeline,
        "description": about.get("description") or "",
        "version": "v1",
        "createdAt": wire_time(one.requested_at),
        "updatedAt": wire_time(one.updated_at),
        "createdBy": one.requested_by,
        "updatedBy": one.requested_by,
        "index": one.idx,
        "status": one.status,
        "statusMessage": one.status_message,
        "comments": one.comments,
        "reason": one.reason,
        "icon": about.get("icon") or "",
        "input": one.input,
        "output": one.output,
        "starred": about.get("starred") or {},
        "stageOrder": about.get("stageOrder") or [],
        "notifications": [],
        "tags": one.tags,
        "workspaceResults": [],
        "_link": link("executions", one.id),
        "_createTimeInMicros": micros(one.requested_at),
        "_updateTimeInMicros": micros(one.updated_at),
        "_createdBy": one.requested_by,
        "_updatedBy": one.requested_by,
        "_inputMeta": about.get("inputMeta") or {},
        "_outputMeta": about.get("outputMeta") or {},
        "_requestTimeInMicros": micros(one.requested_at),
        "_durationInMicros": max(0, micros((now if ended_at is None else ended_at) - started_at)),
        "_totalDurationInMicros": max(0, micros((now if ended_at is None else ended_at) - one.requested_at)),
        "_executedBy": one.requested_by,
        "_source": one.source,
        "_pipelineLink": link("pipelines", one.pipeline_id),
        "_pipelineId": one.pipeline_id,
        "_nested": one.nested,
        "_rollback": one.rollback,
        "_parent": one.parent,
        "_rerunOf": one.rerun_of or "",
        "_queuePosition": position,
        "_revision": one.revision,
        "_push": _push(one),
        "_eventId": one.delivery,
        "_webhookId": one.webhook_id,
    }
    if history is not None:
        state: RunState = fold(plan, history)
        document["stages"] = folding.stages(one.id, plan, state, now)
        _tell(document, told)
        document |= {f"_{key}": value for key, value in folding.rollback(plan, state).items()}
    return document


def _tell(document: Json, told: Sequence[Told]) -> None:
    """All notifications stand at the run, and those of a stage or a task there too."""
    for one in told:
        record = notifying.shown(one)
        document["notifications"].append(record)
        stage = document["stages"].get(one.stage)
        if stage is not None:
            place = stage["tasks"].get(one.task) if one.task else stage
            if place is not None:
                place["notifications"].append(record)


def _push(one: Seen) -> Json | None:
    if one.push is None:
        return None
    push = Push.model_validate_json(one.push)
    return {
        "image": push.image,
        "tag": push.tag,
        "digest": push.digest,
        "owner": push.pusher,
        "pushedAt": None if push.pushed_at is None else wire_time(push.pushed_at),
    }


def _locate(uow: Reading, person: Person, ask: Get) -> Seen:
    index = ask.options.get("index")
    if index is None:
        seen, name = execution_views.one(uow, ask.id), ask.id
    else:
        if not str(index).isdigit():
            raise refuse(Code.INVALID, f"{index!r} is no number of a run")
        pipeline = str(ask.options.get("pipeline") or "")
        name = f"{pipeline or f'{ask.project}/{ask.name}'} #{index}"
        if pipeline:
            seen = execution_views.by_index(uow, pipeline, int(index))
        else:
            seen = execution_views.by_name_and_index(uow, ask.project, ask.name, int(index))
    if seen is None or not person.may(seen.project, Right.READ):
        raise _missing(name)
    return seen


def _missing(name: str) -> Exception:
    return refuse(Code.NOT_FOUND, f"There is no execution {name}", subject=name)


def _load(movement: Movement, execution_id: str) -> Run:
    run = movement.run(execution_id)
    if run is None:
        raise _missing(execution_id)
    return run


def _answer(uow: UnitOfWork, execution_id: str) -> Document:
    seen = execution_views.one(uow, execution_id)
    if seen is None:
        raise _missing(execution_id)
    return Document(document=documents(uow, [seen])[0])


def _intend(intent: protocol.Intent) -> Callable[[UnitOfWork, Person, Seen, Act], Document]:
    def act(uow: UnitOfWork, person: Person, seen: Seen, ask: Act) -> Document:
        with Movement(uow) as movement:
            run = _load(movement, seen.id)
            step = protocol.intend(run.holding, intent, uow.now)
            if step.refusal:
                raise refuse(
                    Code.CONFLICT, f"Cannot {intent} {seen.pipeline} #{seen.idx}: {step.refusal}", subject=seen.id
                )
            executions.set_reason(uow, seen.id, str(ask.body.get("reason") or f"{intent} by {person.user}"))
            movement.apply(run, step)
            if intent is protocol.Intent.CANCEL:
                movement.cancel_children(seen.id)
        return _answer(uow, seen.id)

    return act


def _resume(uow: UnitOfWork, person: Person, seen: Seen, ask: Act) -> Document:
    """After a pause; or, for an administrator, let the run use what is restricted."""
    with Movement(uow) as movement:
        run = _load(movement, seen.id)
        barred = [] if run.holding.pause else _barred(uow, run)
        if barred:
            person.demand(seen.project, Right.RESTRICTED, f"let {seen.pipeline} #{seen.idx} use what is restricted")
            executions.set_reason(uow, seen.id, str(ask.body.get("reason") or f"let through by {person.user}"))
            said = {"cleared": True, "by": person.user}
            for stage, task in barred:
                run = movement.apply(run, protocol.answer(run.holding, stage, task, said, uow.now))
    return _answer(uow, seen.id) if barred else _intend(protocol.Intent.RESUME)(uow, person, seen, ask)


def _barred(uow: UnitOfWork, run: Run) -> list[tuple[str, str]]:
    """Tasks that wait for an administrator."""
    if run.holding.state is protocol.State.ENDED:
        return []
    plan, _ = plan_of(uow, run.plan_hash)
    state = fold(plan, executions.histories(uow, [run.id]).get(run.id, ()))
    return [
        (stage.name, task.name)
        for stage, task in state.tasks
        if task.waiting is not None and task.waiting.reason == "restricted" and not task.cleared
    ]


def _tag(uow: UnitOfWork, _person: Person, seen: Seen, ask: Act) -> Document:
    tags = ask.body.get("tags")
    if not isinstance(tags, list):
        raise refuse(Code.INVALID, "tags must be a list of texts", subject=seen.id)
    executions.set_tags(uow, seen.id, [str(one) for one in tags])
    return _answer(uow, seen.id)


def _delete(uow: UnitOfWork, person: Person, seen: Seen, _ask: Act) -> Document:
    if seen.state != _ENDED.value:
        raise refuse(
            Code.CONFLICT,
            f"{seen.pipeline} #{seen.idx} has not ended",
            subject=seen.id,
            next_step="Cancel it, then delete it.",
        )
    person.demand(seen.project, Right.EDIT, f"delete runs of {seen.pipeline}")
    answer = _answer(uow, seen.id)
    pruning.remove_executions(uow, [seen.id])
    return answer


def _rerun(uow: UnitOfWork, person: Person, seen: Seen, ask: Act) -> Document:
    """The pipeline as it is now with the same inputs, those in the body changed; `from` keeps what came before.

    A push stays the run's push while its inputs are the same: the image keeps its digest, and the run its lane.
    """
    pipeline = catalog_pipelines.pipeline_by_id(uow, seen.pipeline_id)
    if pipeline is None:
        raise refuse(Code.CONFLICT, f"Pipeline {seen.pipeline} does not exist any more", subject=seen.id)
    ready = admission.compiled(pipeline)
    given = ask.body.get("input") or ask.body.get("inputs")
    kept = {name: value for name, value in seen.input.items() if name in ready.spec.input}
    changed: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    since = str(ask.body.get("from") or "")
    body = {
        **ask.body,
        "input": {**kept, **changed},
        "comments": str(ask.body.get("comments") or f"Rerun of #{seen.idx}" + (f" from {since}" if since else "")),
        "source": f"rerun of {seen.id}",
    }
    order = admission.manual_order(uow, pipeline, person, body)
    same_push = all((order.inputs.get(name) or "") == (seen.input.get(name) or "") for name in DOCKER)
    order = replace(
        order,
        rerun_of=seen.id,
        push=None if seen.push is None or not same_push else Push.model_validate_json(seen.push),
        kept=_kept(uow, seen, compile_plan(ready.spec), since) if since else (),
    )
    return Document(document=admission.start_order(uow, pipeline, person, order, body))


def _kept(uow: UnitOfWork, seen: Seen, now: Plan, since: str) -> tuple[TaskKept, ...]:
    if seen.state != _ENDED.value:
        raise refuse(Code.CONFLICT, f"{seen.pipeline} #{seen.idx} has not ended", subject=seen.id)
    plan, _ = plan_of(uow, seen.plan_hash)
    state = fold(plan, executions.histories(uow, [seen.id]).get(seen.id, ()))
    return rerunning.kept(seen.id, plan, state, now, since)


def _past_queue(uow: UnitOfWork, person: Person, seen: Seen, _ask: Act) -> Document:
    """Start a waiting run although there is no place for it."""
    person.demand(seen.project, Right.RESTRICTED, f"start runs of {seen.pipeline} past the queue")
    with Movement(uow) as movement:
        run = _load(movement, seen.id)
        if run.holding.state is not protocol.State.QUEUED:
            raise refuse(Code.CONFLICT, f"{seen.pipeline} #{seen.idx} does not wait in the queue", subject=seen.id)
        movement.admit(run)
    return _answer(uow, seen.id)


_VERBS: dict[str, Callable[[UnitOfWork, Person, Seen, Act], Document]] = {
    "cancel": _intend(protocol.Intent.CANCEL),
    "pause": _intend(protocol.Intent.PAUSE),
    "resume": _resume,
    "rerun": _rerun,
    "start-now": _past_queue,
    "tag": _tag,
    "delete": _delete,
}
