"""Variables: the list, and forms to make, change and delete one; a secret leaves here sealed and never comes back."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.secrets import MASK, SECRET_VARIABLE_TYPES

from . import session
from .forms import definable_projects, done, field, preset_project, write
from .lists import ListFilter, Listing, equal, part_of
from .routing import PageRoute
from .toasts import Undo

TYPES = {
    "SECRET": "Secret: never shown again",
    "REGULAR": "Regular: visible to everyone in the project",
    "RESTRICTED": "Restricted: secret, and only project administrators can change it",
}


def _form(variable: Json) -> str:
    secret = variable.get("type") in SECRET_VARIABLE_TYPES
    return render_template(
        "variables_form.html",
        variable={**variable, "value": "" if secret else variable.get("value") or ""},
        secret=secret,
        types=TYPES,
        projects=definable_projects(),
    )


LISTING = Listing(
    address="/variables",
    kind=Kind.VARIABLES,
    noun="variable",
    order="name",
    columns={key: key for key in ("name", "project", "type")},
    search=part_of("name", "description"),
    filters=(
        ListFilter("project", "Project", part_of("project")),
        ListFilter("type", "Type", equal("type"), {type: type.lower() for type in TYPES}),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    return render_template("variables.html", view=view, rows=page.documents, total=page.total)


def new() -> str:
    return _form({"type": "SECRET", "project": preset_project()})


def create() -> Any:
    id = write(Kind.VARIABLES, "create", {**_given(), "project": field("project")}).get("id")
    return done("/variables", f"The variable {field('name')} is created.", f"/variables/{id}", "The variable")


def edit(id: str) -> str:
    return _form(session.get(Get(kind=Kind.VARIABLES, id=id)).document)


def save(id: str) -> Any:
    body = _given()
    stored = session.get(Get(kind=Kind.VARIABLES, id=id)).document
    if body["value"] in ("", MASK) and stored.get("type") in SECRET_VARIABLE_TYPES:
        # A secret that nobody retyped stays; as a regular value config asks for it again.
        del body["value"]
    write(Kind.VARIABLES, "patch", body, id=id)
    return done("/variables", f"The variable {field('name')} is saved.", f"/variables/{id}", "The variable")


def delete(id: str) -> Any:
    stored = session.get(Get(kind=Kind.VARIABLES, id=id)).document
    write(Kind.VARIABLES, "delete", {}, id=id)
    sentence = f"The variable {stored.get('name')} is deleted."
    return done("/variables", sentence, "/variables/new", "Make another", undo=_made_again(stored))


def _made_again(variable: Json) -> Undo | None:
    """What makes it again; a secret's value is no longer known."""
    if variable.get("type") in SECRET_VARIABLE_TYPES:
        return None
    fields = ("project", "name", "type", "value", "description")
    return Undo("/variables/new", tuple((name, str(variable.get(name) or "")) for name in fields))


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
