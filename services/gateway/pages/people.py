"""People: accounts, their service roles and passwords."""

from __future__ import annotations

from flask import Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.commands.changes import send_change
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.problems import Problem, Refused
from shared.process.password_policy import rule

from . import session
from .forms import every
from .lists import ListFilter, Listing, equal, part_of
from .projects import LISTS
from .routing import PageRoute
from .toasts import say

ROLES = (
    ("Administrator", "everything, in every project"),
    ("Developer", "everything except restricted objects, in every project"),
    ("Executor", "runs pipelines in every project"),
    ("Viewer", "reads every project"),
    ("User", "only what their projects grant"),
)
"""The service roles, from the matrix of roles in the reference of the product that this one replaces."""


LISTING = Listing(
    address="/people",
    kind=Kind.USERS,
    noun="user",
    order="name",
    columns={"name": "name", "email": "email", "role": "serviceRole"},
    search=part_of("name", "email", "description"),
    filters=(
        ListFilter("role", "Service role", equal("serviceRole"), {name: name for name, _ in ROLES}),
        ListFilter("enabled", "Enabled", lambda value: f"enabled eq {value}", {"true": "enabled", "false": "disabled"}),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    return render_template("people.html", view=view, rows=page.documents, total=page.total)


def names() -> Response:
    """Names that hold what somebody types into a picker, as a list."""
    options = {"suggest": request.args.get("q", ""), "of": request.args.get("of", "")}
    return jsonify(session.get(Get(kind=Kind.USERS, options=options)).document["names"])


def matrix() -> str:
    """Who may do what: each service role with each role in a project."""
    answer = session.get(Get(kind=Kind.USERS, options={"matrix": True})).document
    return render_template("people_roles.html", matrix=answer, service_roles=dict(ROLES), lists=LISTS)


def would_new() -> str:
    """The same of a user who is not there yet."""
    return would("")


def would(id: str) -> str:
    """What the user could do with the service role that is chosen, before it is saved."""
    options = {"wouldEverywhere": request.form.get("serviceRole", "User")}
    answer = session.get(Get(kind=Kind.USERS, id=id, options=options)).document
    return render_template("_people_would.html", would=answer)


def new() -> str:
    session.demand_administrator()
    return _form({"serviceRole": "User", "enabled": True})


def create() -> str | AnyResponse:
    body = {**_given(), "name": request.form.get("name", "").strip()}
    return _sent("create", body)


def edit(id: str) -> str:
    session.demand_administrator()
    return _form(_stored(id))


def save(id: str) -> str | AnyResponse:
    return _sent("patch", _given(), id)


def delete(id: str) -> str | AnyResponse:
    return _sent("delete", {}, id)


def _stored(id: str) -> Json:
    return session.get(Get(kind=Kind.USERS, id=id)).document


def _given() -> Json:
    body: Json = {key: request.form.get(key, "").strip() for key in ("email", "description", "serviceRole", "provider")}
    body["enabled"] = "enabled" in request.form
    body["groups"] = [line.strip() for line in request.form.get("groups", "").splitlines() if line.strip()]
    if password := request.form.get("password", ""):
        body["password"] = password
    return body


def _sent(verb: str, body: Json, id: str = "") -> str | AnyResponse:
    try:
        user = send_change(session.context(), session.caller(), Kind.USERS, verb, body, id=id)
    except Refused as error:
        stored = _stored(id) if id else {}
        return _form({**stored, **body}, error.problem)
    name = user.get("name")
    if verb == "delete":
        say(f"The user {name} is deleted.", "/people/new", "Make another")
    else:
        say(
            f"The user {name} is {'created' if verb == 'create' else 'saved'}.", f"/people/{user.get('id')}", "The user"
        )
    return redirect("/people")


def _form(user: Json, problem: Problem | None = None) -> str:
    providers = every(Kind.PROVIDERS)
    return render_template(
        "people_form.html",
        user=user,
        service_roles=ROLES,
        rule=rule(session.least_password()),
        providers=providers,
        problem=problem,
    )


ROUTES = (
    PageRoute("GET", "/people", listing),
    PageRoute("GET", "/people/names", names),
    PageRoute("GET", "/people/roles", matrix),
    PageRoute("POST", "/people/would", would_new),
    PageRoute("POST", "/people/<id>/would", would),
    PageRoute("GET", "/people/new", new),
    PageRoute("POST", "/people/new", create),
    PageRoute("GET", "/people/<id>", edit),
    PageRoute("POST", "/people/<id>", save),
    PageRoute("POST", "/people/<id>/delete", delete),
)
