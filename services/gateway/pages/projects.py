"""Projects: a team's rooms and who is in them."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Problem, Refused

from .common import caller, demand_administrator, page_number, signed_in

PAGE = 50
LISTS = (
    ("administrators", "Everything, restricted endpoints and variables and the people here included."),
    ("members", "Make, change and run whatever is not restricted."),
    ("viewers", "Read; more only by their service role."),
)


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/projects` and below."""
    blueprint = Blueprint("projects", __name__)
    session = signed_in(parts)

    @blueprint.get("/projects")
    @session
    def listing() -> str:
        number = page_number()
        found = parts.desk.find(caller(), Find(kind=Kind.PROJECTS, orderby="name asc", top=PAGE, skip=number * PAGE))
        more = (number + 1) * PAGE < found.total
        return render_template("projects.html", rows=found.documents, total=found.total, page=number, more=more)

    @blueprint.get("/projects/new")
    @session
    def new() -> str:
        demand_administrator(parts)
        return _form({})

    @blueprint.post("/projects/new")
    @session
    def create() -> str | AnyResponse:
        body = {**_given(), "name": request.form.get("name", "").strip()}
        return _sent(parts, body, Act(kind=Kind.PROJECTS, verb="create", body=body))

    @blueprint.get("/projects/<id>")
    @session
    def edit(id: str) -> str:
        return _form(_stored(parts, id))

    @blueprint.post("/projects/<id>")
    @session
    def save(id: str) -> str | AnyResponse:
        body = _given()
        shown = {**_stored(parts, id), **body}
        return _sent(parts, shown, Act(kind=Kind.PROJECTS, verb="patch", id=id, body=body))

    @blueprint.post("/projects/<id>/delete")
    @session
    def delete(id: str) -> str | AnyResponse:
        return _sent(parts, _stored(parts, id), Act(kind=Kind.PROJECTS, verb="delete", id=id))

    return blueprint


def _stored(parts: AppContext, id: str) -> Json:
    return parts.desk.get(caller(), Get(kind=Kind.PROJECTS, id=id)).document


def _given() -> Json:
    """What the form says; people stand one a line, by name or e-mail address."""
    people = {key: [{"email": line.strip()} for line in request.form.get(key, "").splitlines() if line.strip()]
              for key, _ in LISTS}  # fmt: skip
    return {"description": request.form.get("description", "").strip(), **people}


def _sent(parts: AppContext, shown: Json, command: Act) -> str | AnyResponse:
    try:
        parts.desk.act(caller(), command)
    except Refused as error:
        return _form(shown, error.problem)
    return redirect("/projects")


def _form(project: Json, problem: Problem | None = None) -> str:
    people = {key: "\n".join(one.get("email", "") for one in project.get(key) or []) for key, _ in LISTS}
    return render_template("projects_form.html", project=project, people=people, lists=LISTS, problem=problem)
