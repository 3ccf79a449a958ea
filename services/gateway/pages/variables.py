"""Variables: the list, and forms to make, change and delete one; a secret leaves here sealed and never comes back."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.secrets import MASK, SECRET_VARIABLE_TYPES

from . import session
from .forms import done, field, preset_project, project_names, write
from .layout import page_number
from .routing import PageRoute

PAGE = 50
TYPES = {
    "REGULAR": "Regular: visible to everyone in the project",
    "SECRET": "Secret: never shown again",
    "RESTRICTED": "Restricted: secret, and only project administrators can change it",
}


def _form(variable: Json) -> str:
    secret = variable.get("type") in SECRET_VARIABLE_TYPES
    return render_template(
        "variables_form.html",
        variable={**variable, "value": "" if secret else variable.get("value") or ""},
        secret=secret,
        types=TYPES,
        projects=project_names(),
    )


def listing() -> str:
    page_index = page_number()
    ask = Find(kind=Kind.VARIABLES, orderby="name asc", top=PAGE, skip=page_index * PAGE)
    page = session.find(ask)
    more = (page_index + 1) * PAGE < page.total
    return render_template("variables.html", rows=page.documents, total=page.total, page=page_index, more=more)


def new() -> str:
    return _form({"type": "REGULAR", "project": preset_project()})


def create() -> Any:
    write(Kind.VARIABLES, "create", {**_given(), "project": field("project")})
    return done("/variables")


def edit(id: str) -> str:
    return _form(session.get(Get(kind=Kind.VARIABLES, id=id)).document)


def save(id: str) -> Any:
    body = _given()
    stored = session.get(Get(kind=Kind.VARIABLES, id=id)).document
    if body["value"] in ("", MASK) and stored.get("type") in SECRET_VARIABLE_TYPES:
        # A secret that nobody retyped stays; as a regular value config asks for it again.
        del body["value"]
    write(Kind.VARIABLES, "patch", body, id=id)
    return done("/variables")


def delete(id: str) -> Any:
    write(Kind.VARIABLES, "delete", {}, id=id)
    return done("/variables")


def _given() -> Json:
    value = request.form.get("value", "").replace("\r\n", "\n")
    return {"name": field("name"), "description": field("description"), "type": field("type"), "value": value}


ROUTES = (
    PageRoute("GET", "/variables", listing),
    PageRoute("GET", "/variables/new", new),
    PageRoute("POST", "/variables/new", create),
    PageRoute("GET", "/variables/<id>", edit),
    PageRoute("POST", "/variables/<id>", save),
    PageRoute("POST", "/variables/<id>/delete", delete),
)
