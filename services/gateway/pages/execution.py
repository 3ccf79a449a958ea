"""One execution: its stages and tasks live, one task with all that is known of it, and its log as it is printed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from services.gateway.app_context import AppContext
from services.gateway.event_streams import EXECUTIONS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused, refuse

from .common import caller, signed_in, stream
from .execution_view import ENDED, first_of_interest, printed, stages_of, task_of, times, verbs

MAX_CHUNKS = 1_000


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/executions/<id>` and below, for reading."""
    blueprint = Blueprint("execution", __name__)
    session = signed_in(parts)

    @blueprint.get("/executions/<id>")
    @session
    def one(id: str) -> str:
        execution = _get(parts, caller(), id)
        stage, task = request.args.get("stage", ""), request.args.get("task", "")
        if not task and (found := first_of_interest(execution)) is not None:
            stage, task = found
        drawn = _drawn(parts, caller(), execution)
        if request.headers.get("HX-Request"):
            return drawn
        return render_template(
            "execution.html",
            execution=execution,
            drawn=drawn,
            streams=parts.live.has_room,
            event=_event(parts, execution),
            panel=_panel(parts, execution, stage, task) if task else "",
        )

    @blueprint.get("/executions/<id>/live")
    @session
    def live(id: str) -> Response:
        who = caller()
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        seen: dict[str, Any] = {}

        def draw() -> str:
            with app.app_context(), app.test_request_context(f"/executions/{id}"):
                seen["status"] = (execution := _get(parts, who, id)).get("status")
                return _drawn(parts, who, execution)

        return stream(parts, f"{EXECUTIONS}/{id}", draw, lambda: seen.get("status") in ENDED)

    @blueprint.get("/executions/<id>/task")
    @session
    def task(id: str) -> str:
        execution = _get(parts, caller(), id)
        return _panel(parts, execution, request.args.get("stage", ""), request.args.get("task", ""))

    @blueprint.get("/executions/<id>/log")
    @session
    def log(id: str) -> str:
        execution = _get(parts, caller(), id)
        task = _task(execution, request.args.get("stage", ""), request.args.get("task", ""))
        return _tail(parts, execution, task, int(request.args.get("after", "0") or 0))

    @blueprint.post("/executions/<id>/answer")
    @session
    def answer(id: str) -> Any:
        word = request.form.get("status", "")
        body = {"status": word, "responseMessage": request.form.get("message", "")[:500]}
        operation = request.form.get("operation", "")
        parts.desk.act(caller(), Act(kind=Kind.USER_OPERATIONS, verb="patch", id=operation, body=body))
        execution = _get(parts, caller(), id)
        return _panel(parts, execution, request.form.get("stage", ""), request.form.get("task", ""))

    return blueprint


def _get(parts: AppContext, who: Caller, id: str) -> Json:
    return parts.desk.get(who, Get(kind=Kind.EXECUTIONS, id=id)).document


def _task(execution: Json, stage: str, task: str) -> Json:
    found = task_of(execution, stage, task)
    if found is None:
        raise refuse(Code.NOT_FOUND, f"This execution has no task {stage}.{task}.", subject=str(execution.get("id")))
    return found


def _drawn(parts: AppContext, who: Caller, execution: Json) -> str:
    may = parts.roles.of(who).may(str(execution.get("project")), "EXECUTE")
    return render_template(
        "_execution.html",
        execution=execution,
        stages=stages_of(execution),
        bars=times(execution),
        verbs=verbs(execution) if may else (),
        form_token=parts.sessions.form_token(who),
    )


def _panel(parts: AppContext, execution: Json, stage: str, name: str) -> str:
    task = _task(execution, stage, name)
    # The log is read once more than it is followed: what it tells of the cluster has a place of its own.
    lines, _ = _lines(parts, execution, task, 0)
    return render_template(
        "_execution_task.html",
        execution=execution,
        task=task,
        over=task.get("status") in ENDED,
        told=printed(lines),
        tail=_tail(parts, execution, task, 0),
        operation=_operation(parts, execution, task) if task.get("_waiting") else None,
    )


def _tail(parts: AppContext, execution: Json, task: Json, after: int) -> str:
    """The lines from `after` on, and below them the place that asks for the next while the task is at work."""
    lines, end = _lines(parts, execution, task, after)
    return render_template(
        "_execution_log.html",
        execution=execution,
        task=task,
        lines=printed(lines).lines,
        after=end,
        first=after == 0,
        over=task.get("status") in ENDED,
    )


def _lines(parts: AppContext, execution: Json, task: Json, after: int) -> tuple[list[str], int]:
    """Lines of the present try from number `after` on, and the number of the next."""
    options = {"stage": task["stage"], "task": task["name"], "try": task.get("_tries") or 1, "after": str(after)}
    ask = Find(kind=Kind.LOGS, parent=str(execution["id"]), top=MAX_CHUNKS, options=options)
    lines, end = [], after
    for chunk in parts.desk.find(caller(), ask).documents:
        first = int(chunk.get("firstLine") or 0)
        fresh = list(chunk.get("lines") or [])[max(0, end - first) :]
        if first > end:
            lines.append(f"… {first - end} lines are not kept …")
        lines += fresh
        end = max(end, first + len(chunk.get("lines") or []))
    return lines, end


def _event(parts: AppContext, execution: Json) -> Json | None:
    """The delivery that started it, as far as it is still kept."""
    if not execution.get("_eventId"):
        return None
    try:
        return parts.desk.get(caller(), Get(kind=Kind.EVENTS, id=str(execution["_eventId"]))).document
    except Refused:
        return None


def _operation(parts: AppContext, execution: Json, task: Json) -> Json | None:
    """The question that a task waits for."""
    where = f"executionId eq '{execution['id']}' and status eq 'ACTIVE'"
    found = parts.desk.find(caller(), Find(kind=Kind.USER_OPERATIONS, filter=where, top=20)).documents
    wanted = (task["stage"], task["name"])
    return next((one for one in found if (one.get("stageKey"), one.get("taskKey")) == wanted), None)
