"""Endpoints: the registries and clusters that Portside talks to; each can be tried before it is saved."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request

from services.gateway.api.sealing import wrap
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind, ValidateAsk, Validated
from shared.contracts.problems import Problem, Refused
from shared.contracts.runs import Endpoint
from shared.contracts.secrets import MASK, endpoint_secret_keys
from shared.process.secrets import new_token

from .common import caller, signed_in
from .writing import every, field, project_names, write

TYPES = {"docker": "Docker Registry", "k8s": "Kubernetes"}
SERVERS = {
    "DockerHub": "Docker Hub",
    "DTR": "Docker Trusted Registry (Mirantis Secure Registry)",
    "OCI": "Other registry (OCI)",
}
PROPERTIES = {
    "docker": ("serverType", "repoURL", "username", "password", "hubURL", "registryURL"),
    "k8s": ("kubernetesURL", "token", "certAuthorityData", "namespace", "kubeconfig"),
}


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/endpoints` and below."""
    blueprint = Blueprint("endpoints", __name__)
    session = signed_in(parts)

    def form(type_: str, values: Json, id: str = "", **more: Any) -> str:
        return render_template(
            "endpoints_form.html",
            type=type_,
            types=TYPES,
            servers=SERVERS,
            values=values,
            id=id,
            projects=project_names(parts),
            **more,
        )

    @blueprint.get("/endpoints")
    @session
    def listing() -> str:
        return render_template("endpoints.html", rows=every(parts, Kind.ENDPOINTS), types=TYPES)

    @blueprint.get("/endpoints/new")
    @session
    def new() -> str:
        type_ = request.args.get("type", "docker")
        return form(type_ if type_ in TYPES else "docker", {"project": "default", "serverType": "DockerHub"})

    @blueprint.get("/endpoints/<id>")
    @session
    def one(id: str) -> Any:
        stored = parts.desk.get(caller(), Get(kind=Kind.ENDPOINTS, id=id)).document
        type_ = str(stored.get("type"))
        if type_ not in TYPES:
            return redirect("/endpoints")
        hidden = endpoint_secret_keys(type_)
        kept = {key: value for key, value in (stored.get("properties") or {}).items() if key not in hidden}
        return form(type_, {**kept, "name": stored.get("name"), "project": stored.get("project")}, id)

    @blueprint.post("/endpoints")
    @session
    def save() -> Any:
        body = _sent(field("id"))
        try:
            if field("id"):
                write(parts, Kind.ENDPOINTS, "patch", body, id=field("id"))
            else:
                write(parts, Kind.ENDPOINTS, "create", body)
        except Refused as refused:
            return form(body["type"], _shown_again(body), field("id"), problem=refused.problem)
        return redirect("/endpoints")

    @blueprint.post("/endpoints/validate")
    @session
    def validate() -> str:
        body, tried, problem = _sent(field("id")), None, None
        try:
            tried = _try(parts, body, field("id"))
        except Refused as refused:
            problem = refused.problem
        if request.headers.get("HX-Request"):
            return render_template("_endpoints_tried.html", tried=tried, problem=problem)
        return form(body["type"], _shown_again(body), field("id"), tried=tried, problem=problem)

    @blueprint.post("/endpoints/<id>/delete")
    @session
    def delete(id: str) -> Any:
        problem: Problem | None = None
        try:
            write(parts, Kind.ENDPOINTS, "delete", {}, id=id)
        except Refused as refused:
            problem = refused.problem
        if problem is None:
            return redirect("/endpoints")
        return render_template("endpoints.html", rows=every(parts, Kind.ENDPOINTS), types=TYPES, problem=problem)

    return blueprint


def _sent(id: str) -> Json:
    """The endpoint of the form; a secret left blank in a change stays as it is."""
    type_ = field("type") if field("type") in TYPES else "docker"
    properties: Json = {key: field(key) for key in PROPERTIES[type_] if id or field(key)}
    if type_ == "k8s":
        if not properties.get("kubeconfig"):
            properties.pop("kubeconfig", None)
            if not id or properties["token"]:
                properties["authType"] = "token"
        else:
            properties = {
                key: value for key, value in properties.items() if key in ("kubeconfig", "namespace") and value
            }
    for key in endpoint_secret_keys(type_) if id else ():
        if properties.get(key) == "":
            properties[key] = MASK
    return {"name": field("name"), "project": field("project", "default"), "type": type_, "properties": properties}


def _shown_again(body: Json) -> Json:
    """The form's values without its secrets, which no page repeats."""
    hidden = {*endpoint_secret_keys(body["type"]), "kubeconfig"}
    kept = {key: value for key, value in body["properties"].items() if key not in hidden}
    return {**kept, "name": body["name"], "project": body["project"]}


def _try(parts: WebParts, body: Json, id: str) -> Validated:
    body = {**body, "name": body["name"] or "unnamed"}
    wrapped = wrap(Kind.ENDPOINTS, body, parts.sealer.seal, new_token, creating=False)
    sealed = {path: box.model_dump() for path, box in wrapped.sealed.items()}
    ask = Get(kind=Kind.ENDPOINTS, id=id, options={"forValidation": True, "body": wrapped.body, "sealed": sealed})
    prepared = Endpoint.model_validate(parts.desk.get(caller(), ask).document)
    return parts.desk.validate(caller(), ValidateAsk(endpoint=prepared))
