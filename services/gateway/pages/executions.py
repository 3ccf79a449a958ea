"""Executions: the list that moves, one execution followed live, its logs, and what can be done to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.live import EXECUTIONS
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.envelope import Caller

from .common import caller, signed_in, stream

PAGE = 25
ORDER = "_requestTimeInMicros desc"
ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "SKIPPED"})
VERBS = ("pause", "resume", "cancel")
FILTERS = ("status", "name", "project")
MAX_LOG_LINES = 1_000


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/executions` and below; the start page leads here."""
    blueprint = Blueprint("executions", __name__)
    session = signed_in(parts)

    @blueprint.get("/")
    @session
    def start() -> AnyResponse:
        return redirect("/executions")

    @blueprint.get("/executions")
    @session
    def listing() -> str:
        drawn = _table(parts, caller(), _asked())
        if request.headers.get("HX-Request"):
            return drawn
        query = request.query_string.decode("latin1")
        return render_template("executions.html", table=drawn, query=query, asked=_asked(), streams=parts.live.has_room)

    @blueprint.get("/executions/live")
    @session
    def listing_live() -> Response:
        who, asked = caller(), _asked()
        app = _app()

        def draw() -> str:
            with app.app_context(), app.test_request_context("/executions"):
                return _table(parts, who, asked)

        return stream(parts, EXECUTIONS, draw)

    @blueprint.get("/executions/<id>")
    @session
    def one(id: str) -> str:
        execution = _get(parts, caller(), id)
        drawn = _drawn(execution)
        if request.headers.get("HX-Request"):
            return drawn
        streams = parts.live.has_room
        return render_template(
            "execution.html", execution=execution, drawn=drawn, streams=streams, verbs=_verbs(execution)
        )

    @blueprint.get("/executions/<id>/live")
    @session
    def one_live(id: str) -> Response:
        who, app = caller(), _app()
        seen: dict[str, Any] = {}

        def draw() -> str:
            with app.app_context(), app.test_request_context(f"/executions/{id}"):
                seen["status"] = (execution := _get(parts, who, id)).get("status")
                return _drawn(execution)

        return stream(parts, f"{EXECUTIONS}/{id}", draw, lambda: seen.get("status") in ENDED)

    @blueprint.get("/executions/<id>/logs")
    @session
    def logs(id: str) -> str:
        options = {key: request.args[key] for key in ("stage", "task") if request.args.get(key)}
        ask = Find(kind=Kind.LOGS, parent=id, top=MAX_LOG_LINES, options=options)
        page = parts.desk.find(caller(), ask)
        return render_template("_logs.html", chunks=page.documents, total=page.total)

    @blueprint.post("/executions/<id>/act")
    @session
    def act(id: str) -> AnyResponse:
        verb = request.form.get("verb", "")
        if verb in VERBS:
            reason = request.form.get("reason", "")[:500]
            parts.desk.act(caller(), Act(kind=Kind.EXECUTIONS, verb=verb, id=id, body={"reason": reason}))
        return redirect(f"/executions/{id}")

    @blueprint.post("/executions/<id>/rerun")
    @session
    def rerun(id: str) -> AnyResponse:
        started = parts.desk.act(caller(), Act(kind=Kind.EXECUTIONS, verb="rerun", id=id)).document
        return redirect(f"/executions/{started.get('executionId', '')}")

    return blueprint


def _app() -> Any:
    from flask import current_app

    return current_app._get_current_object()  # type: ignore[attr-defined]


def _asked() -> dict[str, str]:
    asked = {key: request.args[key].strip() for key in FILTERS if request.args.get(key, "").strip()}
    page = request.args.get("page", "0")
    return asked | {"page": page if page.isdigit() and len(page) < 7 else "0"}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _table(parts: WebParts, who: Caller, asked: dict[str, str]) -> str:
    terms = [f"{key} eq {_quoted(asked[key])}" for key in FILTERS if key in asked]
    number = int(asked["page"])
    ask = Find(kind=Kind.EXECUTIONS, filter=" and ".join(terms), orderby=ORDER, top=PAGE, skip=number * PAGE)
    page = parts.desk.find(who, ask)
    more = (number + 1) * PAGE < page.total
    return render_template(
        "_executions.html", rows=page.documents, total=page.total, page=number, more=more, asked=asked
    )


def _get(parts: WebParts, who: Caller, id: str) -> Json:
    return parts.desk.get(who, Get(kind=Kind.EXECUTIONS, id=id)).document


def _verbs(execution: Json) -> tuple[str, ...]:
    status = str(execution.get("status"))
    if status in ENDED:
        return ()
    return ("resume", "cancel") if status in ("PAUSED", "PAUSING") else ("pause", "cancel")


def stages_of(execution: Json) -> list[Json]:
    """Stages in order, each with its groups of tasks in order, for columns and cards."""
    stages = execution.get("stages") or {}
    columns = []
    for name in execution.get("stageOrder") or list(stages):
        stage = stages.get(name) or {}
        tasks = stage.get("tasks") or {}
        groups = [
            [{"name": task, **(tasks.get(task) or {})} for task in str(group).split(",")]
            for group in stage.get("taskOrder") or list(tasks)
        ]
        columns.append({**stage, "name": name, "groups": groups})
    return columns


def _drawn(execution: Json) -> str:
    return render_template("_execution.html", execution=execution, stages=stages_of(execution), verbs=_verbs(execution))
