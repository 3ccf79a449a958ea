"""Import: definitions as YAML, from a file chosen or dropped or from a text; each object says what became of it."""

from __future__ import annotations

from flask import render_template, request

from services.gateway.commands.imports import seal_yaml
from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.grammar.inputs import blank

from . import session
from .pipeline_editor import written
from .routing import PageRoute

ACTIONS = {
    "apply": "is replaced; new objects are created",
    "create": "is kept; new objects are created",
    "update": "is replaced; nothing is created",
}


def form() -> str:
    session.demand_editor()
    return render_template("pipelines_import.html", text="", action="apply", actions=ACTIONS, objects=None)


def take() -> str:
    upload = request.files.get("file")
    text = written() or (upload.read().decode("utf-8-sig", "replace") if upload and upload.filename else "")
    action = request.form.get("action", "")
    objects: list[Json] | None = None
    problem: Problem | None = None
    try:
        objects = _taken(text, action if action in ACTIONS else "apply")
    except Refused as refused:
        if refused.problem.code is Code.UNAUTHENTICATED:
            raise
        problem = refused.problem
    # What was taken is not shown again: it may hold secrets.
    kept_text = text if problem is not None else ""
    return render_template(
        "pipelines_import.html", text=kept_text, action=action, actions=ACTIONS, objects=objects, problem=problem
    )


def _taken(text: str, action: str) -> list[Json]:
    if blank(text):
        raise refuse(Code.INVALID, "There is nothing to import.", next_step="Choose or drop a file, or paste YAML.")
    objects = session.act(seal_yaml(text, session.context().sealer.seal).command(action)).document.get("objects")
    return objects if isinstance(objects, list) else []


ROUTES = (
    PageRoute("GET", "/pipelines/import", form),
    PageRoute("POST", "/pipelines/import", take),
)
