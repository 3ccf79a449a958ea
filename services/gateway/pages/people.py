"""People: accounts, their service roles and passwords."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from services.gateway.commands.changes import send_change
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.problems import Problem, Refused

from .common import caller, demand_administrator, page_number, signed_in

PAGE = 50
ROLES = (
    ("Administrator", "everything, in every project"),
    ("Developer", "all but what is restricted, in every project"),
    ("Executor", "runs pipelines in every project"),
    ("Viewer", "reads every project"),
    ("User", "only what a project gives"),
)
"""The service roles, from the matrix of roles in the reference of the product that this one replaces."""


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/people` and below."""
    blueprint = Blueprint("people", __name__)
    session = signed_in(parts)

    @blueprint.get("/people")
    @session
    def listing() -> str:
        number = page_number()
        found = parts.desk.find(caller(), Find(kind=Kind.USERS, orderby="name asc", top=PAGE, skip=number * PAGE))
        more = (number + 1) * PAGE < found.total
        return render_template("people.html", rows=found.documents, total=found.total, page=number, more=more)

    @blueprint.get("/people/new")
    @session
    def new() -> str:
        demand_administrator(parts)
        return _form({"serviceRole": "User", "enabled": True})

    @blueprint.post("/people/new")
    @session
    def create() -> str | AnyResponse:
        body = {**_given(), "name": request.form.get("name", "").strip()}
        return _sent(parts, "create", body)

    @blueprint.get("/people/<id>")
    @session
    def edit(id: str) -> str:
        demand_administrator(parts)
        return _form(_stored(parts, id))

    @blueprint.post("/people/<id>")
    @session
    def save(id: str) -> str | AnyResponse:
        return _sent(parts, "patch", _given(), id)

    @blueprint.post("/people/<id>/delete")
    @session
    def delete(id: str) -> str | AnyResponse:
        return _sent(parts, "delete", {}, id)

    return blueprint


def _stored(parts: AppContext, id: str) -> Json:
    return parts.desk.get(caller(), Get(kind=Kind.USERS, id=id)).document


def _given() -> Json:
    body: Json = {key: request.form.get(key, "").strip() for key in ("email", "description", "serviceRole")}
    body["enabled"] = "enabled" in request.form
    if password := request.form.get("password", ""):
        body["password"] = password
    return body


def _sent(parts: AppContext, verb: str, body: Json, id: str = "") -> str | AnyResponse:
    try:
        send_change(parts, caller(), Kind.USERS, verb, body, id=id)
    except Refused as error:
        stored = _stored(parts, id) if id else {}
        return _form({**stored, **body}, error.problem)
    return redirect("/people")


def _form(user: Json, problem: Problem | None = None) -> str:
    return render_template("people_form.html", user=user, service_roles=ROLES, problem=problem)
