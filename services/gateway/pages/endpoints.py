"""Endpoints: the registries, clusters and servers that Portside talks to; each can be tried before it is saved."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request

from services.gateway.commands import inspection
from services.gateway.commands.exec_plugins import lacking_keys
from services.gateway.commands.kubeconfig import import_kubeconfig
from services.gateway.commands.sealing import wrap
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.secrets import MASK
from shared.process.secrets import new_token

from . import session
from .forms import definable_projects, done, field, preset_project, write
from .layout import piece
from .lists import ListFilter, Listing, part_of
from .routing import PageRoute

FIELD = "p."
DOCKER_HUB = "https://hub.docker.com"


def _form(types: list[Json], type_: str, values: Json, id: str = "") -> str:
    chosen = next((schema for schema in types if schema["type"] == type_), None) or types[0]
    dialog = bool(request.values.get("dialog"))
    return render_template(
        "_endpoints_form.html" if dialog else "endpoints_form.html",
        types=types,
        type=chosen,
        values=values,
        id=id,
        projects=definable_projects(),
        dialog=dialog,
    )


LISTING = Listing(
    address="/endpoints",
    kind=Kind.ENDPOINTS,
    noun="endpoint",
    order="name",
    columns={key: key for key in ("name", "type", "project")},
    search=part_of("name", "description"),
    filters=(
        ListFilter("type", "Type", part_of("type")),
        ListFilter("project", "Project", part_of("project")),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    titles = {schema["type"]: schema["title"] for schema in _types()}
    return render_template("endpoints.html", view=view, rows=page.documents, types=titles, total=page.total)


def new() -> str:
    project = request.args.get("project") or preset_project()
    values = {"project": project, "name": request.args.get("name", ""), "properties": {}}
    return _form(_types(), request.args.get("type", "docker"), values)


def show(id: str) -> str:
    stored = session.get(Get(kind=Kind.ENDPOINTS, id=id)).document
    types = _types()
    if all(schema["type"] != stored.get("type") for schema in types):
        raise refuse(
            Code.UNSUPPORTED,
            f"Endpoints of type {stored.get('type')} have no form; they are stored as sent.",
            next_step="Change it through the API.",
        )
    return _form(types, str(stored["type"]), stored, id)


def save() -> Any:
    types = _types()
    body, id = _sent(types), field("id")
    if (form := _form_for_keys(types, body)) is not None:
        return form
    stored = write(Kind.ENDPOINTS, "patch" if id else "create", body, id=id)
    role, page = field("role") or "endpoint", f"/endpoints/{stored.get('id')}"
    return done("/endpoints", f"The endpoint {body['name']} is saved.", page, "The endpoint", **{role: body["name"]})


def validate() -> str | Response:
    types = _types()
    body = _sent(types)
    if (form := _form_for_keys(types, body)) is not None:
        return form
    wrapped = wrap(
        Kind.ENDPOINTS,
        {**body, "name": body["name"] or "unnamed"},
        session.context().sealer.seal_secret,
        new_token,
        creating=False,
    )
    endpoint = inspection.prepared(
        session.context().config, session.caller(), id=field("id"), body=wrapped.body, sealed=wrapped.sealed
    )
    tried = inspection.tried(session.context().config, session.caller(), endpoint)
    return piece("_endpoints_tried.html", tried=tried)


def certificate() -> str:
    address = _address(_sent(_types()))
    certificates = inspection.certificates(session.context().config, session.caller(), address)
    return piece("_endpoints_certificate.html", seen=certificates, address=address)


def delete(id: str) -> Any:
    endpoint = write(Kind.ENDPOINTS, "delete", {}, id=id)
    another = f"/endpoints/new?{urlencode({'type': endpoint.get('type') or 'docker'})}"
    return done("/endpoints", f"The endpoint {endpoint.get('name')} is deleted.", another, "Make another")


def _types() -> list[Json]:
    """List endpoint types and their properties, in the order in which a form asks."""
    types: list[Json] = session.get(Get(kind=Kind.ENDPOINTS, options={"types": True})).document["types"]
    return types


def _sent(types: list[Json]) -> Json:
    """The endpoint of the form. What does not go with the choices is left out; a blank secret stays as it is."""
    type_ = next((schema for schema in types if schema["type"] == field("type")), types[0])
    changing = bool(field("id"))
    properties: Json = {}
    chosen = {entry["name"]: field(FIELD + entry["name"]) for entry in type_["properties"]}
    for entry in type_["properties"]:
        name, value = entry["name"], chosen[entry["name"]]
        if all(chosen.get(other) in values for other, values in entry["when"].items()) and (value or changing):
            properties[name] = MASK if entry["secret"] and not value else value
            if entry["kind"] == "boolean":
                properties[name] = bool(value)
    return {"name": field("name"), "project": field("project"), "type": type_["type"], "properties": properties}


def _form_for_keys(types: list[Json], body: Json) -> Response | None:
    """The form again, filled in by a kubeconfig of a cloud, which holds no keys; None where nothing more is needed."""
    if not body["properties"].get("kubeconfig"):
        return None
    properties = import_kubeconfig(body["properties"])
    if not (names := lacking_keys(properties)):
        return None
    values = {**body, "version": field("version"), "properties": properties, "lacking": names}
    response = make_response(_form(types, body["type"], values, field("id")))
    if request.headers.get("HX-Request"):
        response.headers.update(
            {"HX-Retarget": "#endpoint-form", "HX-Reselect": "#endpoint-form", "HX-Reswap": "outerHTML"}
        )
    return response


def _address(endpoint: Json) -> str:
    """Where the certificate of an endpoint is shown."""
    properties = endpoint["properties"]
    for name in ("kubernetesURL", "registryURL", "hubURL", "url", "repoURL"):
        if str(properties.get(name) or "").startswith("https://"):
            return str(properties[name])
    if properties.get("serverType") == "DockerHub":
        return DOCKER_HUB
    raise refuse(Code.INVALID, "No address starts with https:// yet.", next_step="Fill in the address.")


ROUTES = (
    PageRoute("GET", "/endpoints", listing),
    PageRoute("GET", "/endpoints/new", new),
    PageRoute("GET", "/endpoints/<id>", show),
    PageRoute("POST", "/endpoints", save),
    PageRoute("POST", "/endpoints/validate", validate),
    PageRoute("POST", "/endpoints/certificate", certificate),
    PageRoute("POST", "/endpoints/<id>/delete", delete),
)
