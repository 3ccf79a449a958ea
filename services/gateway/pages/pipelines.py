"""Pipelines: the list, one with its stages, its YAML with problems by line, runs, import and export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.api.imports import seal_yaml
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.grammar.checks import check_pipeline, examine_pipeline
from shared.grammar.documents import Malformed, load_yaml
from shared.grammar.inputs import blank
from shared.grammar.task_schemas import TASK_SCHEMAS

from .common import caller, page_number, signed_in
from .execution_view import stages_of
from .pipeline_template import INJECTIONS, template

PAGE = 50
RUNS = 200
FIELD = "in."
IMPORT_ACTIONS = ("apply", "create", "update")
SPARE_LINES = 12


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/pipelines` and below."""
    blueprint = Blueprint("pipelines", __name__)
    session = signed_in(parts)

    @blueprint.get("/pipelines")
    @session
    def listing() -> str:
        who, number = caller(), page_number()
        found = parts.desk.find(who, Find(kind=Kind.PIPELINES, orderby="name asc", top=PAGE, skip=number * PAGE))
        return render_template(
            "pipelines.html",
            rows=found.documents,
            runs=_last_runs(parts, who) if found.documents else {},
            total=found.total,
            page=number,
            more=(number + 1) * PAGE < found.total,
        )

    @blueprint.get("/pipelines/new")
    @session
    def new() -> str:
        projects = project_names(parts, caller())
        project = request.args.get("project") or (projects[0] if projects else "default")
        name = request.args.get("name", "").strip()
        injected = request.args.get("inputs", "")
        if injected not in INJECTIONS:
            injected = INJECTIONS[0]
        text = template(project, name or "New pipeline", injected)
        chosen = {"projects": projects, "project": project, "name": name, "inputs": injected}
        return _editor(text, chosen=chosen)

    @blueprint.post("/pipelines/new")
    @session
    def create() -> str | AnyResponse:
        text = _written()
        if (problem := _checked(text)) is not None or request.form.get("do") == "check":
            return _editor(text, problem=problem, good=problem is None)
        return _saved(parts, text, Act(kind=Kind.PIPELINES, verb="create", options={"keepEnabled": True}), None)

    @blueprint.get("/pipelines/import")
    @session
    def import_form() -> str:
        return render_template("pipelines_import.html", text="", action="apply", objects=None, problem=None)

    @blueprint.post("/pipelines/import")
    @session
    def import_file() -> str:
        upload = request.files.get("file")
        sent = upload.read().decode("utf-8-sig", "replace") if upload and upload.filename else ""
        text = sent or _written()
        action = request.form.get("action", "apply")
        objects, problem = None, None
        try:
            objects = _import(parts, text, action if action in IMPORT_ACTIONS else "apply")
        except Refused as error:
            problem = problem_of(error)
        # What was taken is not shown again: it may hold secrets.
        shown = text if problem is not None and not sent else ""
        return render_template("pipelines_import.html", text=shown, action=action, objects=objects, problem=problem)

    @blueprint.get("/pipelines/<id>")
    @session
    def one(id: str) -> str:
        return _page_of(parts, id)

    @blueprint.get("/pipelines/<id>/edit")
    @session
    def edit(id: str) -> str:
        found = _get(parts, id)
        return _editor(found.text, pipeline=found.document)

    @blueprint.post("/pipelines/<id>/edit")
    @session
    def save(id: str) -> str | AnyResponse:
        text, pipeline = _written(), _get(parts, id).document
        if (problem := _checked(text)) is not None or request.form.get("do") == "check":
            return _editor(text, pipeline=pipeline, problem=problem, good=problem is None)
        command = Act(kind=Kind.PIPELINES, verb="replace", id=id, options={"keepEnabled": True})
        return _saved(parts, text, command, pipeline)

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
    def enabled(id: str) -> str | AnyResponse:
        body = {"enabled": request.form.get("enabled") == "true"}
        return _acted(parts, id, Act(kind=Kind.PIPELINES, verb="patch", id=id, body=body), f"/pipelines/{id}")

    @blueprint.post("/pipelines/<id>/delete")
    @session
    def delete(id: str) -> str | AnyResponse:
        return _acted(parts, id, Act(kind=Kind.PIPELINES, verb="delete", id=id), "/pipelines")

    @blueprint.post("/pipelines/<id>/run")
    @session
    def run(id: str) -> str | AnyResponse:
        # A blank field takes the default, so it is not sent.
        given = {
            key.removeprefix(FIELD): value
            for key, value in request.form.items()
            if key.startswith(FIELD) and not blank(value)
        }
        comments = request.form.get("comments", "")[:500]
        command = Act(kind=Kind.PIPELINES, verb="execute", id=id, body={"input": given, "comments": comments})
        return _acted(parts, id, command, "/executions/{executionId}", given)

    return blueprint


def problem_of(error: Refused) -> Problem:
    """What a form shows of a refusal; a session that has ended leads to the sign-in instead."""
    if error.problem.code is Code.UNAUTHENTICATED:
        raise error
    return error.problem


def project_names(parts: WebParts, who: Caller) -> list[str]:
    """The projects that somebody may see."""
    found = parts.desk.find(who, Find(kind=Kind.PROJECTS, orderby="name asc", top=200))
    return [str(one["name"]) for one in found.documents if one.get("name")]


def _get(parts: WebParts, id: str) -> Document:
    return parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=id))


def _written() -> str:
    """The text of a form, with the line ends of a file."""
    return request.form.get("text", "").replace("\r\n", "\n")


def _last_runs(parts: WebParts, who: Caller) -> dict[tuple[str, str], Json]:
    """The newest of the latest runs of each pipeline, by project and name."""
    ask = Find(kind=Kind.EXECUTIONS, orderby="_requestTimeInMicros desc", top=RUNS)
    runs: dict[tuple[str, str], Json] = {}
    for row in parts.desk.find(who, ask).documents:
        runs.setdefault((str(row.get("project")), str(row.get("name"))), row)
    return runs


def _checked(text: str) -> Problem | None:
    """What can be said of a text without asking anybody."""
    try:
        found = load_yaml(text)
    except Malformed as error:
        return _flawed("The YAML cannot be read.", error.flaws)
    if len(found) != 1:
        count = len(found) or "no"
        return Problem(
            code=Code.INVALID,
            message=f"One pipeline is expected and the text holds {count} documents.",
            next_step="Several at once can be imported.",
        )
    flaws = check_pipeline(found[0].tree, task_schemas=TASK_SCHEMAS, position=found[0].position)
    return _flawed("The pipeline cannot be saved like this.", flaws) if flaws else None


def _doubtful(text: str) -> list[Flaw]:
    """What is legal in a text without problems and probably not meant."""
    (found,) = load_yaml(text)
    return examine_pipeline(found.tree, task_schemas=TASK_SCHEMAS, position=found.position).warnings


def _flawed(message: str, flaws: Sequence[Flaw]) -> Problem:
    ordered = sorted(flaws, key=lambda flaw: (flaw.line or 0, flaw.column or 0))
    return Problem(code=Code.INVALID, message=message, flaws=tuple(ordered))


def _editor(
    text: str,
    *,
    pipeline: Json | None = None,
    chosen: Json | None = None,
    problem: Problem | None = None,
    good: bool = False,
) -> str:
    rows = text.count("\n") + SPARE_LINES
    marked = {flaw.line for flaw in problem.flaws if flaw.line} if problem else set()
    return render_template(
        "pipelines_edit.html",
        text=text,
        rows=rows,
        marked=marked,
        lines=text.split("\n"),
        pipeline=pipeline,
        chosen=chosen,
        problem=problem,
        good=good,
        doubts=_doubtful(text) if good else [],
    )


def _saved(parts: WebParts, text: str, command: Act, pipeline: Json | None) -> str | AnyResponse:
    given = seal_yaml(text, parts.sealer.seal)
    try:
        done = parts.desk.act(caller(), command.model_copy(update={"text": given.text})).document
    except Refused as error:
        return _editor(text, pipeline=pipeline, problem=problem_of(error))
    return redirect(f"/pipelines/{done['id']}")


def _import(parts: WebParts, text: str, action: str) -> list[Json]:
    if blank(text):
        raise Refused(
            Problem(code=Code.INVALID, message="There is nothing to import.", next_step="Choose a file or paste YAML.")
        )
    given = seal_yaml(text, parts.sealer.seal)
    command = Act(
        kind=Kind.PIPELINES,
        verb="import",
        text=given.text,
        sealed=given.sealed,
        hashes=given.hashes,
        options={"action": action, "project": ""},
    )
    found = parts.desk.act(caller(), command).document.get("objects")
    return found if isinstance(found, list) else []


def _acted(parts: WebParts, id: str, command: Act, then: str, given: Json | None = None) -> str | AnyResponse:
    """Do it and go on; what is refused is said on the pipeline's page."""
    try:
        done = parts.desk.act(caller(), command).document
    except Refused as error:
        return _page_of(parts, id, problem_of(error), given)
    return redirect(then.format_map({"executionId": "", **done}) if "{" in then else then)


def _page_of(parts: WebParts, id: str, problem: Problem | None = None, given: Json | None = None) -> str:
    pipeline = _get(parts, id).document
    ask = Find(kind=Kind.EXECUTIONS, parent=id, orderby="_requestTimeInMicros desc", top=5)
    return render_template(
        "pipelines_one.html",
        pipeline=pipeline,
        stages=stages_of(pipeline),
        inputs=_inputs(pipeline, given or {}),
        runs=parts.desk.find(caller(), ask).documents,
        warnings=[said for said in map(_warning, pipeline.get("_warnings") or []) if said],
        problem=problem,
        given=given,
    )


def _inputs(pipeline: Json, given: Json) -> list[Json]:
    defaults, meta = pipeline.get("input") or {}, pipeline.get("_inputMeta") or {}
    rows = []
    for name, default in defaults.items():
        about: Any = meta.get(name) or {}
        rows.append(
            {
                "name": name,
                "default": "" if default is None else str(default),
                "description": about.get("description") or "",
                "mandatory": about.get("mandatory") is True,
                "value": given.get(name, ""),
            }
        )
    return rows


def _warning(entry: Any) -> str:
    message = entry.get("message") if isinstance(entry, dict) else None
    return str(message.get("message") or "") if isinstance(message, dict) else ""
