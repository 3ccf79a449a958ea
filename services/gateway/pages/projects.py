"""Projects: a team's rooms and who is in them."""

from __future__ import annotations

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Problem, Refused

from . import session
from .lists import Listing, part_of
from .routing import PageRoute
from .toasts import say

LISTS = (
    ("administrators", "Everything, including restricted endpoints and variables, and the members listed here."),
    ("members", "Create, change and run everything that is not restricted."),
    ("viewers", "Read only, unless their service role grants more."),
)


LISTING = Listing(
    address="/projects",
    kind=Kind.PROJECTS,
    noun="project",
    order="name",
    columns={"name": "name"},
    search=part_of("name", "description"),
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    return render_template("projects.html", view=view, rows=page.documents, total=page.total)


def new() -> str:
    session.demand_administrator()
    return _form({})


def create() -> str | AnyResponse:
    body = {**_given(), "name": request.form.get("name", "").strip()}
    return _sent(body, Act(kind=Kind.PROJECTS, verb="create", body=body))


def edit(id: str) -> str:
    return _form(_stored(id))


def follow(id: str) -> str | AnyResponse:
    """Have the project follow a repository, or in another way than before."""
    texts = {key: request.form.get(key, "").strip() for key in ("endpoint", "branch", "folder", "everySeconds")}
    body: Json = {**{key: text for key, text in texts.items() if text}, "prune": "prune" in request.form}
    return _sourced(Act(kind=Kind.PROJECTS, verb="follow", id=id, body=body))


def unfollow(id: str) -> str | AnyResponse:
    """Have it no longer follow one."""
    return _sourced(Act(kind=Kind.PROJECTS, verb="unfollow", id=id))


def sync(id: str) -> str | AnyResponse:
    """Have the repository looked at now."""
    return _sourced(Act(kind=Kind.PROJECTS, verb="sync", id=id))


_SOURCED = {
    "follow": "The project takes its definitions from Git.",
    "unfollow": "The project no longer takes its definitions from Git.",
    "sync": "The repository is being read.",
}
"""What is said after each verb."""


def _sourced(command: Act) -> str | AnyResponse:
    try:
        session.act(command)
    except Refused as error:
        return _form(_stored(command.id), error.problem)
    say(_SOURCED[command.verb], f"/projects/{command.id}#source", "Its source")
    return redirect(f"/projects/{command.id}")


def would() -> str:
    """What the people of the form could do in the project, before it is saved."""
    lists = {key: [entry["email"] for entry in entries] for key, entries in _people().items()}
    answer = session.get(Get(kind=Kind.USERS, options={"wouldInProject": lists})).document
    return render_template("_projects_would.html", people=answer["people"])


def save(id: str) -> str | AnyResponse:
    body = _given()
    draft = {**_stored(id), **body}
    return _sent(draft, Act(kind=Kind.PROJECTS, verb="patch", id=id, body=body))


def delete(id: str) -> str | AnyResponse:
    return _sent(_stored(id), Act(kind=Kind.PROJECTS, verb="delete", id=id))


def _stored(id: str) -> Json:
    return session.get(Get(kind=Kind.PROJECTS, id=id)).document


def _given() -> Json:
    """What the form says."""
    return {"description": request.form.get("description", "").strip(), **_people()}


def _people() -> dict[str, list[Json]]:
    """The form's lists; people are one a line, by name or e-mail address."""
    lines = {key: request.form.get(key, "").splitlines() for key, _ in LISTS}
    return {key: [{"email": line.strip()} for line in written if line.strip()] for key, written in lines.items()}


def _sent(draft: Json, command: Act) -> str | AnyResponse:
    try:
        project = session.act(command).document
    except Refused as error:
        return _form(draft, error.problem)
    name, id = project.get("name") or draft.get("name"), project.get("id") or command.id
    if command.verb == "delete":
        say(f"The project {name} is deleted.", "/projects/new", "Make another")
    else:
        verb = "created" if command.verb == "create" else "saved"
        say(f"The project {name} is {verb}.", f"/projects/{id}", "The project")
    return redirect("/projects")


def _form(project: Json, problem: Problem | None = None) -> str:
    people = {key: "\n".join(member.get("email", "") for member in project.get(key) or []) for key, _ in LISTS}
    source = _source(str(project["id"])) if project.get("id") else {}
    return render_template(
        "projects_form.html", project=project, people=people, lists=LISTS, problem=problem, source=source
    )


def _source(id: str) -> Json:
    return session.get(Get(kind=Kind.PROJECTS, id=id, options={"source": True})).document


ROUTES = (
    PageRoute("GET", "/projects", listing),
    PageRoute("POST", "/projects/would", would),
    PageRoute("GET", "/projects/new", new),
    PageRoute("POST", "/projects/new", create),
    PageRoute("GET", "/projects/<id>", edit),
    PageRoute("POST", "/projects/<id>", save),
    PageRoute("POST", "/projects/<id>/delete", delete),
    PageRoute("POST", "/projects/<id>/follow", follow),
    PageRoute("POST", "/projects/<id>/unfollow", unfollow),
    PageRoute("POST", "/projects/<id>/sync", sync),
)
