"""One execution: its stages and tasks live, one task with all that is known of it, and its log as it is printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Response, render_template, request

from services.gateway.event_streams import EXECUTIONS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Code, Refused, refuse

from . import session
from .deployments import workloads_of
from .execution_view import (
    ENDED,
    exists_already,
    first_of_interest,
    headline,
    printed,
    stages_of,
    task_of,
    times,
    verbs,
)
from .formats import brief
from .layout import piece, query_number
from .log_lines import LINES, LogLine, gap_before, matching, read
from .routing import PageRoute
from .streams import stream

MAX_CHUNKS = 1_000


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
    """Lines of the log: those after one while a task is at work, those before one as somebody scrolls up, or those that
    hold a text."""
    execution = _get(id)
    task = _task(execution, request.args.get("stage", ""), request.args.get("task", ""))
    if query := request.args.get("q", "").strip():
        return _searched(execution, task, query)
    if "before" in request.args:
        return _log(execution, task, _last(execution, task, query_number("before")))
    if "after" in request.args:
        return _tail(execution, task, query_number("after"))
    return _tail(execution, task, None)


def download(id: str) -> Response:
    """All stored lines of a task as a file."""
    execution = _get(id)
    task = _task(execution, request.args.get("stage", ""), request.args.get("task", ""))
    text = session.get(Get(kind=Kind.LOGS, id=id, options=_of_try(task))).text
    words = [str(execution.get("name")), str(execution.get("index")), str(task["stage"]), str(task["name"])]
    file = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(words)).strip("-").lower()
    headers = {"Content-Disposition": f'attachment; filename="{file}.log"'}
    return Response(text, content_type="text/plain;charset=UTF-8", headers=headers)


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
    return workloads_of(execution)


def _drawn(execution: Json) -> str:
    may = session.role().may(str(execution.get("project")), "EXECUTE")
    line, details = headline(brief(execution.get("statusMessage")))
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
    linked_line = query_number("line")
    # A link to a line shows what is around it.
    lines = _last(execution, task, linked_line + LINES // 2 if linked_line else None)
    return render_template(
        "_execution_task.html",
        execution=execution,
        task=task,
        over=task.get("status") in ENDED,
        may_apply=exists_already(task) and session.role().may(str(execution.get("project")), "EDIT"),
        told=printed(line.text for line in _all(execution, task)),
        log=_log(execution, task, lines, linked_line=linked_line, follows=not linked_line),
        operation=_operation(execution, task) if task.get("_waiting") else None,
    )


def _log(
    execution: Json,
    task: Json,
    lines: Sequence[LogLine],
    *,
    linked_line: int = 0,
    follows: bool = False,
    begins: bool = False,
    query: str = "",
) -> str:
    """Lines with their numbers; above them the place that asks for earlier ones, below them for newer ones."""
    colours = [colour for colour, _ in printed(line.text for line in lines).lines]
    gaps = [gap_before(lines, place) for place in range(len(lines))]
    return render_template(
        "_execution_log.html",
        execution=execution,
        task=task,
        rows=list(zip(lines, colours, gaps, strict=True)),
        earlier=0 if begins or query or not lines else lines[0].number - 1,
        after=lines[-1].number if lines else query_number("after"),
        waits=follows and task.get("status") not in ENDED,
        over=task.get("status") in ENDED,
        linked_line=linked_line,
        query=query,
    )


def _tail(execution: Json, task: Json, after: int | None) -> str:
    """The last lines, or those from `after` on."""
    if after is None:
        return _log(execution, task, _last(execution, task, None), follows=True)
    ask = Find(
        kind=Kind.LOGS,
        parent=str(execution["id"]),
        top=MAX_CHUNKS,
        options={**_of_try(task), "after": str(after)},
    )
    fresh = [line for line in read(session.find(ask).documents) if line.number > after]
    return _log(execution, task, fresh[:LINES], follows=True, begins=True)


def _last(execution: Json, task: Json, before: int | None) -> list[LogLine]:
    """The last lines of the present try, or the last before line `before`, which counts from 0."""
    options = {**_of_try(task), "last": str(LINES), **({} if before is None else {"before": str(before)})}
    chunks = session.find(Find(kind=Kind.LOGS, parent=str(execution["id"]), options=options)).documents
    return [line for line in read(chunks) if before is None or line.number <= before][-LINES:]


def _searched(execution: Json, task: Json, query: str) -> str:
    return _log(execution, task, matching(_all(execution, task), query)[:LINES], query=query)


def _all(execution: Json, task: Json) -> list[LogLine]:
    """Every stored line of the present try, as far as one question brings them."""
    ask = Find(kind=Kind.LOGS, parent=str(execution["id"]), top=MAX_CHUNKS, options=_of_try(task))
    return read(session.find(ask).documents)


def _of_try(task: Json) -> Json:
    """What names the present try of a task."""
    return {"stage": task["stage"], "task": task["name"], "try": task.get("_tries") or 1}


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
    PageRoute("GET", "/executions/<id>/log.txt", download),
    PageRoute("POST", "/executions/<id>/answer", answer),
)
