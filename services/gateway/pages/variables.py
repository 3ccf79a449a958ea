"""Variables: the list, and forms to make, change and delete one; a secret leaves here sealed and never comes back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.secrets import MASK, SECRET_VARIABLE_TYPES

from .common import caller, page_number, signed_in
from .forms import done, field, preset_project, project_names, write

PAGE = 50
TYPES = {
    "REGULAR": "Regular: everybody of the project sees it",
    "SECRET": "Secret: nobody sees it again",
    "RESTRICTED": "Restricted: secret, and only administrators of the project change it",
}


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/variables` and below."""
    blueprint = Blueprint("variables", __name__)
    session = signed_in(parts)

    def form(variable: Json) -> str:
        secret = variable.get("type") in SECRET_VARIABLE_TYPES
        return render_template(
            "variables_form.html",
            variable={**variable, "value": "" if secret else variable.get("value") or ""},
            secret=secret,
            types=TYPES,
            projects=project_names(parts),
        )

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
        return form({"type": "REGULAR", "project": preset_project(parts)})

    @blueprint.post("/variables/new")
    @session
    def create() -> Any:
        write(parts, Kind.VARIABLES, "create", {**_given(), "project": field("project")})
        return done("/variables")

    @blueprint.get("/variables/<id>")
    @session
    def edit(id: str) -> str:
        return form(parts.desk.get(caller(), Get(kind=Kind.VARIABLES, id=id)).document)

    @blueprint.post("/variables/<id>")
    @session
    def save(id: str) -> Any:
        body = _given()
        stored = parts.desk.get(caller(), Get(kind=Kind.VARIABLES, id=id)).document
        if body["value"] in ("", MASK) and stored.get("type") in SECRET_VARIABLE_TYPES:
            # A secret that nobody wrote anew stays; as a regular value config asks for it again.
            del body["value"]
        write(parts, Kind.VARIABLES, "patch", body, id=id)
        return done("/variables")

    @blueprint.post("/variables/<id>/delete")
    @session
    def delete(id: str) -> Any:
        write(parts, Kind.VARIABLES, "delete", {}, id=id)
        return done("/variables")

    return blueprint


def _given() -> Json:
    value = request.form.get("value", "").replace("\r\n", "\n")
    return {"name": field("name"), "description": field("description"), "type": field("type"), "value": value}
