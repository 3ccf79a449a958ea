"""One execution: its stages and tasks live, one task with all that is known of it, and its log as it is printed."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template, request

from services.gateway.event_streams import EXECUTIONS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Code, Refused, refuse

from . import session
from .execution_view import ENDED, first_of_interest, headline, printed, stages_of, task_of, times, verbs
from .formats import quoted
from .layout import piece, query_number
from .routing import PageRoute
from .streams import stream

MAX_CHUNKS = 1_000
MAX_WORKLOADS = 5


def show(id: str) -> str:
    execution = _get(id)
    stage, task = request.args.get("stage", ""), request.args.get("task", "")
    if not task and (names := first_of_interest(execution)) is not None:
        stage, task = names
    drawn = _drawn(execution)
    if request.headers.get("HX-Request"):
        return drawn
    return render_template(
        "execution.html",
        execution=execution,
        drawn=drawn,
        streams=session.context().streams.has_room,
        event=_event(execution),
        panel=_panel(execution, stage, task) if task else "",
    )


def stage(id: str) -> str:
    """One stage's tasks, for the popup of a row."""
    execution, name = _get(id), request.args.get("stage", "")
    drawn_stage = next((stage for stage in stages_of(execution) if stage["name"] == name), None)
    if drawn_stage is None:
        raise refuse(Code.NOT_FOUND, f"This execution has no stage {name}.", subject=id)
    return piece("_execution_stage.html", execution=execution, stage=drawn_stage)


def live(id: str) -> Response:
    status = ""

    def draw() -> str:
        nonlocal status
        execution = _get(id)
        status = str(execution.get("status"))
        return _drawn(execution)

    return stream(f"{EXECUTIONS}/{id}", draw, lambda: status in ENDED)


def task(id: str) -> str:
    execution = _get(id)
    return _panel(execution, request.args.get("stage", ""), request.args.get("task", ""))


def log(id: str) -> str:
    execution = _get(id)
    task = _task(execution, request.args.get("stage", ""), request.args.get("task", ""))
    return _tail(execution, task, query_number("after"))


def answer(id: str) -> Any:
    word = request.form.get("status", "")
    body = {"status": word, "responseMessage": request.form.get("message", "")[:500]}
    operation = request.form.get("operation", "")
    session.act(Act(kind=Kind.USER_OPERATIONS, verb="patch", id=operation, body=body))
    execution = _get(id)
    return _panel(execution, request.form.get("stage", ""), request.form.get("task", ""))


def _get(id: str) -> Json:
    return session.get(Get(kind=Kind.EXECUTIONS, id=id)).document


def _task(execution: Json, stage: str, task: str) -> Json:
    task_document = task_of(execution, stage, task)
    if task_document is None:
        raise refuse(Code.NOT_FOUND, f"This execution has no task {stage}.{task}.", subject=str(execution.get("id")))
    return task_document


def _running_now(execution: Json) -> list[Json]:
    """What the clusters run of this pipeline, once a run has ended otherwise than wanted."""
    if execution.get("status") not in ("FAILED", "CANCELED"):
        return []
    where = f"pipeline eq {quoted(str(execution.get('name')))} and project eq {quoted(str(execution.get('project')))}"
    return list(session.find(Find(kind=Kind.DEPLOYMENTS, filter=where, top=MAX_WORKLOADS)).documents)


def _drawn(execution: Json) -> str:
    may = session.role().may(str(execution.get("project")), "EXECUTE")
    line, details = headline(str(execution.get("statusMessage") or ""))
    return render_template(
        "_execution.html",
        execution=execution,
        stages=stages_of(execution),
        headline=line,
        details=details,
        running=_running_now(execution),
        bars=times(execution),
        verbs=verbs(execution) if may else (),
    )


def _panel(execution: Json, stage: str, name: str) -> str:
    task = _task(execution, stage, name)
    # The log is read once more than it is followed: what it tells of the cluster has a place of its own.
    lines, _ = _lines(execution, task, 0)
    return render_template(
        "_execution_task.html",
        execution=execution,
        task=task,
        over=task.get("status") in ENDED,
        told=printed(lines),
        tail=_tail(execution, task, 0),
        operation=_operation(execution, task) if task.get("_waiting") else None,
    )


def _tail(execution: Json, task: Json, after: int) -> str:
    """The lines from `after` on, and below them the place that asks for the next while the task is at work."""
    lines, end = _lines(execution, task, after)
    return render_template(
        "_execution_log.html",
        execution=execution,
        task=task,
        lines=printed(lines).lines,
        after=end,
        first=after == 0,
        over=task.get("status") in ENDED,
    )


def _lines(execution: Json, task: Json, after: int) -> tuple[list[str], int]:
    """Lines of the present try from number `after` on, and the number of the next."""
    options = {"stage": task["stage"], "task": task["name"], "try": task.get("_tries") or 1, "after": str(after)}
    ask = Find(kind=Kind.LOGS, parent=str(execution["id"]), top=MAX_CHUNKS, options=options)
    lines, end = [], after
    for chunk in session.find(ask).documents:
        first = int(chunk.get("firstLine") or 0)
        fresh = list(chunk.get("lines") or [])[max(0, end - first) :]
        if first > end:
            lines.append(f"… {first - end} lines were not stored …")
        lines += fresh
        end = max(end, first + len(chunk.get("lines") or []))
    return lines, end


def _event(execution: Json) -> Json | None:
    """The delivery that started it, as far as it is still kept."""
    if not execution.get("_eventId"):
        return None
    try:
        return session.get(Get(kind=Kind.EVENTS, id=str(execution["_eventId"]))).document
    except Refused:
        return None


def _operation(execution: Json, task: Json) -> Json | None:
    """The question that a task waits for."""
    where = f"executionId eq '{execution['id']}' and status eq 'ACTIVE'"
    operations = session.find(Find(kind=Kind.USER_OPERATIONS, filter=where, top=20)).documents
    keys = (task["stage"], task["name"])
    return next(
        (operation for operation in operations if (operation.get("stageKey"), operation.get("taskKey")) == keys), None
    )


ROUTES = (
    PageRoute("GET", "/executions/<id>", show),
    PageRoute("GET", "/executions/<id>/live", live),
    PageRoute("GET", "/executions/<id>/stage", stage),
    PageRoute("GET", "/executions/<id>/task", task),
    PageRoute("GET", "/executions/<id>/log", log),
    PageRoute("POST", "/executions/<id>/answer", answer),
)
