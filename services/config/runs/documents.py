"""Runs as the API shows them: Code Stream's document of an execution, and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.config.catalog.documents import link, micros, stamps, wire_time
from services.config.store import Reading, execution_views, executions, notices
from services.config.store.definitions import projects as projects_store
from services.config.store.execution_views import ExecutionView
from services.config.store.notices import Told
from shared.contracts.base import Json
from shared.contracts.pushes import Push
from shared.grammar.cutting import fitted

from . import notifications, projection, protocol
from .plans import read_plan
from .states import Folded

_QUEUED = protocol.State.QUEUED


_LISTED_INPUT = 8 * 1024
"""Bytes that lists show of a run's inputs."""


def listed(uow: Reading, seen: Sequence[ExecutionView], states: Mapping[str, Folded] | None) -> list[Json]:
    """The API's JSON of runs as lists show them: without outputs, and without the inputs of tasks."""
    shown = [replace(run, input=fitted(dict(run.input), _LISTED_INPUT), output={}) for run in seen]
    return documents(uow, shown, states, values=False)


def documents(
    uow: Reading, seen: Sequence[ExecutionView], states: Mapping[str, Folded] | None, *, values: bool = True
) -> list[Json]:
    """The API's JSON of runs; without their states, by id, stages are left out."""
    projects = projects_store.ids(uow, {one.project for one in seen})
    plans = executions.plan_texts(uow, {one.plan_hash for one in seen})
    told = {} if states is None else notices.of_executions(uow, [one.id for one in seen])
    return [
        _document(
            one,
            projects.get(one.project, ""),
            plans[one.plan_hash],
            None if states is None else states[one.id],
            told.get(one.id, ()),
            execution_views.place_in_queue(uow, one) if one.state == _QUEUED.value else 0,
            uow.now,
            values=values,
        )
        for one in seen
    ]


def _document(
    one: ExecutionView,
    project_id: str,
    texts: tuple[str, str],
    folded: Folded | None,
    told: Sequence[Told],
    position: int,
    now: float,
    *,
    values: bool,
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
        "_projectId": project_id,
        **stamps(one.requested_at, one.updated_at, one.requested_by, one.requested_by),
        "_inputMeta": about.get("inputMeta") or {},
        "_outputMeta": about.get("outputMeta") or {},
        "_requestTimeInMicros": micros(one.requested_at),
        "_durationInMicros": max(0, micros((now if ended_at is None else ended_at) - started_at)),
        "_totalDurationInMicros": max(0, micros((now if ended_at is None else ended_at) - one.requested_at)),
        "_executedBy": one.requested_by,
        "_source": one.source,
        "_image": one.image,
        "_imageName": one.image_name,
        "_imageTag": one.image_tag,
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
    if folded is not None:
        state = folded.state
        if folded.unreadable:
            document["_unreadable"] = folded.unreadable
        document["stages"] = projection.stages(one.id, plan, state, now, values=values)
        _tell(document, told)
        document |= {f"_{key}": value for key, value in projection.rollback(plan, state).items()}
    return document


def _tell(document: Json, told: Sequence[Told]) -> None:
    """All notifications are listed at the run, and those of a stage or a task there too."""
    for one in told:
        record = notifications.shown(one)
        document["notifications"].append(record)
        stage = document["stages"].get(one.stage)
        if stage is not None:
            place = stage["tasks"].get(one.task) if one.task else stage
            if place is not None:
                place["notifications"].append(record)


def _push(one: ExecutionView) -> Json | None:
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
