"""Variables: the list, and forms to make, change and delete one; a secret leaves here sealed and never comes back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.api.sealing import wrap
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Problem, Refused
from shared.contracts.secrets import MASK, SECRET_VARIABLE_TYPES
from shared.process.secrets import new_token

from .common import caller, page_number, signed_in
from .pipelines import problem_of, project_names

PAGE = 50
TYPES = ("REGULAR", "SECRET", "RESTRICTED")
FIELDS = ("name", "description", "type", "value")


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/variables` and below."""
    blueprint = Blueprint("variables", __name__)
    session = signed_in(parts)

    @blueprint.get("/variables")
    @session
    def listing() -> str:
        number = page_number()
        ask = Find(kind=Kind.VARIABLES, orderby="name asc", top=PAGE, skip=number * PAGE)
        found = parts.desk.find(caller(), ask)
        more = (number + 1) * PAGE < found.total
        return render_template("variables.html", rows=found.documents, total=found.total, page=number, more=more)

    @blueprint.get("/variables/new")
    @session
    def new() -> str:
        return _form(parts, {"type": "REGULAR"})

    @blueprint.post("/variables/new")
    @session
    def create() -> str | AnyResponse:
        body = {**_given(), "project": request.form.get("project", "")}
        return _sent(parts, body, Act(kind=Kind.VARIABLES, verb="create"))

    @blueprint.get("/variables/<id>")
    @session
    def edit(id: str) -> str:
        return _form(parts, parts.desk.get(caller(), Get(kind=Kind.VARIABLES, id=id)).document)

    @blueprint.post("/variables/<id>")
    @session
    def save(id: str) -> str | AnyResponse:
        body = _given()
        stored = parts.desk.get(caller(), Get(kind=Kind.VARIABLES, id=id)).document
        if body["value"] in ("", MASK) and stored.get("type") in SECRET_VARIABLE_TYPES:
            # A secret that nobody wrote anew stays; as a regular value config asks for it again.
            del body["value"]
        return _sent(parts, body, Act(kind=Kind.VARIABLES, verb="patch", id=id))

    @blueprint.post("/variables/<id>/delete")
    @session
    def delete(id: str) -> str | AnyResponse:
        try:
            parts.desk.act(caller(), Act(kind=Kind.VARIABLES, verb="delete", id=id))
        except Refused as error:
            problem = problem_of(error)
            return _form(parts, parts.desk.get(caller(), Get(kind=Kind.VARIABLES, id=id)).document, problem)
        return redirect("/variables")

    return blueprint


def _given() -> Json:
    body: Json = {key: request.form.get(key, "") for key in FIELDS}
    return {**body, "name": body["name"].strip(), "value": body["value"].replace("\r\n", "\n")}


def _sent(parts: WebParts, body: Json, command: Act) -> str | AnyResponse:
    wrapped = wrap(Kind.VARIABLES, body, parts.sealer.seal, new_token, creating=command.verb == "create")
    sealed = command.model_copy(update={"body": wrapped.body, "sealed": wrapped.sealed, "hashes": wrapped.hashes})
    try:
        parts.desk.act(caller(), sealed)
    except Refused as error:
        return _form(parts, {**body, "id": command.id}, problem_of(error))
    return redirect("/variables")


def _form(parts: WebParts, variable: Json, problem: Problem | None = None) -> str:
    secret = variable.get("type") in SECRET_VARIABLE_TYPES
    projects = [] if variable.get("id") else project_names(parts, caller())
    return render_template(
        "variables_form.html",
        variable={**variable, "value": "" if secret else variable.get("value") or ""},
        secret=secret,
        types=TYPES,
        projects=projects,
        problem=problem,
    )
