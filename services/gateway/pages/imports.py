"""Import: definitions as YAML, from a file chosen or dropped or from a text; each object says what became of it."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from services.gateway.app_context import AppContext
from services.gateway.commands.imports import seal_yaml
from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.grammar.inputs import blank

from .common import caller, demand_editor, signed_in
from .pipeline_editor import written

ACTIONS = {
    "apply": "is replaced, what is new is created",
    "create": "stays, only what is new is created",
    "update": "is replaced, nothing is created",
}


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/pipelines/import`."""
    blueprint = Blueprint("importing", __name__)
    session = signed_in(parts)

    @blueprint.get("/pipelines/import")
    @session
    def form() -> str:
        demand_editor(parts)
        return render_template("pipelines_import.html", text="", action="apply", actions=ACTIONS, objects=None)

    @blueprint.post("/pipelines/import")
    @session
    def take() -> str:
        upload = request.files.get("file")
        text = written() or (upload.read().decode("utf-8-sig", "replace") if upload and upload.filename else "")
        action = request.form.get("action", "")
        objects: list[Json] | None = None
        problem: Problem | None = None
        try:
            objects = _taken(parts, text, action if action in ACTIONS else "apply")
        except Refused as refused:
            if refused.problem.code is Code.UNAUTHENTICATED:
                raise
            problem = refused.problem
        # What was taken is not shown again: it may hold secrets.
        shown = text if problem is not None else ""
        return render_template(
            "pipelines_import.html", text=shown, action=action, actions=ACTIONS, objects=objects, problem=problem
        )

    return blueprint


def _taken(parts: AppContext, text: str, action: str) -> list[Json]:
    if blank(text):
        raise refuse(Code.INVALID, "There is nothing to import.", next_step="Choose or drop a file, or paste YAML.")
    found = parts.desk.act(caller(), seal_yaml(text, parts.sealer.seal).command(action)).document.get("objects")
    return found if isinstance(found, list) else []
