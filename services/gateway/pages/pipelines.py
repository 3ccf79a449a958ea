"""Pipelines: the list; one with its graph, a run with inputs, a dry run, versions with their differences; export."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, render_template, request

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind
from shared.contracts.problems import Refused

from .common import caller, page_number, piece, signed_in
from .execution_view import stages_of
from .forms import done, field, write
from .run_inputs import fields_of, given
from .schedules import schedules_of

PAGE = 50
RUNS = 100
VERSIONS = 50


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/pipelines` and below, but for the editor and imports."""
    blueprint = Blueprint("pipelines", __name__)
    session = signed_in(parts)

    @blueprint.get("/pipelines")
    @session
    def listing() -> str:
        number = page_number()
        ask = Find(kind=Kind.PIPELINES, orderby="name asc", top=PAGE, skip=number * PAGE)
        found = parts.desk.find(caller(), ask)
        return render_template(
            "pipelines.html",
            rows=[{**one, "columns": stages_of(one)} for one in found.documents],
            runs=_last_runs(parts) if found.documents else {},
            total=found.total,
            page=number,
            more=(number + 1) * PAGE < found.total,
        )

    @blueprint.get("/pipelines/<id>")
    @session
    def one(id: str) -> str:
        pipeline = _get(parts, id).document
        newest = Find(kind=Kind.EXECUTIONS, parent=id, orderby="_requestTimeInMicros desc", top=5)
        return render_template(
            "pipelines_one.html",
            pipeline=pipeline,
            stages=stages_of(pipeline),
            inputs=fields_of(pipeline),
            schedules=schedules_of(parts, pipeline),
            told=_told(pipeline),
            runs=parts.desk.find(caller(), newest).documents,
            warnings=[said for said in map(_warning, pipeline.get("_warnings") or []) if said],
        )

    @blueprint.get("/pipelines/<id>/versions")
    @session
    def versions(id: str) -> str:
        kept = parts.desk.find(caller(), Find(kind=Kind.PIPELINES, parent=id, top=VERSIONS)).documents
        numbers = [int(one["version"]) for one in kept if str(one.get("version", "")).isdigit()]
        chosen = [request.args.get(name, "") for name in ("from", "to")]
        asked = [int(number) if number.isdigit() and len(number) < 9 else 0 for number in chosen]
        before = asked[0] or (numbers[1] if len(numbers) > 1 else 0)
        after = asked[1] or (numbers[0] if numbers else 0)
        diff = _difference(parts, id, before, after) if before and after else []
        return render_template(
            "pipelines_versions.html",
            pipeline=_get(parts, id).document,
            kept=kept,
            before=before,
            after=after,
            diff=diff,
        )

    @blueprint.post("/pipelines/<id>/restore")
    @session
    def restore(id: str) -> Any:
        write(parts, Kind.PIPELINES, "restore", {"version": int(field("version", "0"))}, id=id)
        return done(f"/pipelines/{id}")

    @blueprint.get("/pipelines/<id>/export")
    @session
    def export(id: str) -> Response:
        pipeline = _get(parts, id).document
        name, project = str(pipeline.get("name")), str(pipeline.get("project") or "")
        options = {"export": "yaml", "wanted": {"pipelines": [name]}}
        text = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, project=project, options=options)).text
        file = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "pipeline"
        headers = {"Content-Disposition": f'attachment; filename="{file}.yaml"'}
        return Response(text, content_type="application/x-yaml;charset=UTF-8", headers=headers)

    @blueprint.post("/pipelines/<id>/enabled")
    @session
    def enabled(id: str) -> Any:
        write(parts, Kind.PIPELINES, "patch", {"enabled": field("enabled") == "true"}, id=id)
        return done(f"/pipelines/{id}")

    @blueprint.post("/pipelines/<id>/delete")
    @session
    def delete(id: str) -> Any:
        write(parts, Kind.PIPELINES, "delete", {}, id=id)
        return done("/pipelines")

    @blueprint.post("/pipelines/<id>/run")
    @session
    def run(id: str) -> Any:
        command = Act(
            kind=Kind.PIPELINES, verb="execute", id=id, body={"input": given(), "comments": field("comments")[:500]}
        )
        started = parts.desk.act(caller(), command).document
        return done(f"/executions/{started['executionId']}")

    @blueprint.post("/pipelines/<id>/dry-run")
    @session
    def dry_run(id: str) -> str:
        """What a run with these inputs would do; nothing is started."""
        seen = parts.desk.act(
            caller(), Act(kind=Kind.PIPELINES, verb="dry-run", id=id, body={"input": given()})
        ).document
        return piece("_pipelines_dry_run.html", seen=seen)

    return blueprint


def _get(parts: AppContext, id: str) -> Document:
    return parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=id))


def _last_runs(parts: AppContext) -> dict[tuple[str, str], Json]:
    """The newest of the latest runs of each pipeline, by project and name."""
    ask = Find(kind=Kind.EXECUTIONS, orderby="_requestTimeInMicros desc", top=RUNS)
    runs: dict[tuple[str, str], Json] = {}
    for row in parts.desk.find(caller(), ask).documents:
        runs.setdefault((str(row.get("project")), str(row.get("name"))), row)
    return runs


def _difference(parts: AppContext, id: str, before: int, after: int) -> list[tuple[str, str]]:
    """The lines of the difference, each with a word for its colour."""
    try:
        text = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=id, options={"diff": [before, after]})).text
    except Refused as refused:
        return [("", refused.problem.message)]
    colours = {"+": "add", "-": "del", "@": "at"}
    return [(colours.get(line[:1], ""), line) for line in text.splitlines()]


def _told(pipeline: Json) -> list[Json]:
    """Whom the pipeline's notifications tell, and of what."""
    return [
        {
            "kind": kind,
            "event": str(entry.get("event") or "").lower(),
            "of": ".".join(str(entry[key]) for key in ("stage", "task") if entry.get(key)),
            "endpoint": entry.get("endpoint") or "",
            "to": ", ".join(map(str, entry.get("to") or ())),
        }
        for kind, entries in (pipeline.get("notifications") or {}).items()
        for entry in entries
        if isinstance(entry, dict)
    ]


def _warning(entry: Any) -> str:
    message = entry.get("message") if isinstance(entry, dict) else None
    return str(message.get("message") or "") if isinstance(message, dict) else ""
