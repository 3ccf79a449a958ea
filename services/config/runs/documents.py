"""Runs as the API shows them: Code Stream's document of an execution, and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.config.catalog.documents import link, stamps
from services.config.store import Reading, execution_views, executions, notices
from services.config.store.definitions import projects as projects_store
from services.config.store.execution_views import ExecutionView
from services.config.store.notices import NoticeProgress
from shared.contracts.base import Json
from shared.contracts.pushes import Push
from shared.contracts.times import micros, wire_time
from shared.grammar.cutting import fitted

from . import notifications, projection, protocol, waiting
from .plans import read_plan
from .states import Folded

_QUEUED = protocol.State.QUEUED


_LISTED_INPUT = 8 * 1024
"""Bytes that lists show of a run's inputs."""


def listed(uow: Reading, views: Sequence[ExecutionView], states: Mapping[str, Folded] | None) -> list[Json]:
    """The API's JSON of runs as lists show them: without outputs, and without the inputs of tasks."""
    return documents(uow, views, states, values=False)


def documents(
    uow: Reading, views: Sequence[ExecutionView], states: Mapping[str, Folded] | None, *, values: bool = True
) -> list[Json]:
    """The API's JSON of runs; without their states, by id, stages are left out."""
    projects = projects_store.ids(uow, {view.project for view in views})
    plans = executions.plan_texts(uow, {view.plan_hash for view in views})
    notified = {} if states is None else notices.of_executions(uow, [view.id for view in views])
    return [
        _document(
            view,
            projects.get(view.project, ""),
            plans[view.plan_hash],
            None if states is None else states[view.id],
            notified.get(view.id, ()),
            execution_views.place_in_queue(uow, view) if view.state == _QUEUED.value else 0,
            waiting.message(uow, view),
            uow.now,
            values=values,
        )
        for view in views
    ]


def _document(
    execution_view: ExecutionView,
    project_id: str,
    texts: tuple[str, str],
    folded: Folded | None,
    notified: Sequence[NoticeProgress],
    position: int,
    message: str,
    now: float,
    *,
    values: bool,
) -> Json:
    plan, _, about = read_plan(*texts)
    document: Json = {
        "project": execution_view.project,
        "id": execution_view.id,
        "name": execution_view.pipeline,
        "description": about.get("description") or "",
        "version": "v1",
        "index": execution_view.idx,
        "status": execution_view.status,
        "statusMessage": message,
        "comments": execution_view.comments,
        "reason": execution_view.reason,
        "icon": about.get("icon") or "",
        "input": execution_view.input if values else fitted(dict(execution_view.input), _LISTED_INPUT),
        "output": execution_view.output if values else {},
        "starred": about.get("starred") or {},
        "stageOrder": about.get("stageOrder") or [],
        "notifications": [],
        "tags": execution_view.tags,
        "workspaceResults": [],
        "_link": link("executions", execution_view.id),
        "_projectId": project_id,
        **stamps(
            execution_view.requested_at,
            execution_view.updated_at,
            execution_view.requested_by,
            execution_view.requested_by,
        ),
        "_inputMeta": about.get("inputMeta") or {},
        "_outputMeta": about.get("outputMeta") or {},
        **_durations(execution_view, now),
        **_origin(execution_view, position),
    }
    if folded is not None:
        state = folded.state
        if folded.unreadable:
            document["_unreadable"] = folded.unreadable
        document["stages"] = projection.stages(execution_view.id, plan, state, now, values=values)
        _tell(document, notified)
        document |= {f"_{key}": value for key, value in projection.rollback(plan, state).items()}
    return document


def _durations(execution_view: ExecutionView, now: float) -> Json:
    """When the run was requested, and how long it has worked and lived; a run that never started worked for no time."""
    ended_at = execution_view.ended_at
    started_at = (
        execution_view.started_at
        if execution_view.started_at is not None
        else (ended_at if ended_at is not None else now)
    )
    return {
        "_requestTimeInMicros": micros(execution_view.requested_at),
        "_durationInMicros": max(0, micros((now if ended_at is None else ended_at) - started_at)),
        "_totalDurationInMicros": max(0, micros((now if ended_at is None else ended_at) - execution_view.requested_at)),
    }


def _origin(execution_view: ExecutionView, position: int) -> Json:
    """Who or what started the run, of which pipeline and for which image, and its place among other runs."""
    return {
        "_executedBy": execution_view.requested_by,
        "_source": execution_view.source,
        "_image": execution_view.image,
        "_imageName": execution_view.image_name,
        "_imageTag": execution_view.image_tag,
        "_pipelineLink": link("pipelines", execution_view.pipeline_id),
        "_pipelineId": execution_view.pipeline_id,
        "_nested": execution_view.nested,
        "_rollback": execution_view.rollback,
        "_parent": execution_view.parent,
        "_rerunOf": execution_view.rerun_of or "",
        "_queuePosition": position,
        "_revision": execution_view.revision,
        "_push": _push(execution_view),
        "_eventId": execution_view.delivery,
        "_webhookId": execution_view.webhook_id,
    }


def _tell(document: Json, notified: Sequence[NoticeProgress]) -> None:
    """All notifications are listed at the run, and those of a stage or a task there too."""
    for notice in notified:
        record = notifications.shown(notice)
        document["notifications"].append(record)
        stage = document["stages"].get(notice.stage)
        if stage is not None:
            place = stage["tasks"].get(notice.task) if notice.task else stage
            if place is not None:
                place["notifications"].append(record)


def _push(execution_view: ExecutionView) -> Json | None:
    if execution_view.push is None:
        return None
    push = Push.model_validate_json(execution_view.push)
    return {
        "image": push.image,
        "tag": push.tag,
        "digest": push.digest,
        "owner": push.pusher,
        "pushedAt": None if push.pushed_at is None else wire_time(push.pushed_at),
    }
