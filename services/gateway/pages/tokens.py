"""API tokens: one is generated in a dialog, shown once, and kept as a variable or copied before it is closed."""

from __future__ import annotations

from flask import Blueprint, request

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import Caller

from .common import caller, piece, signed_in
from .forms import field, project_names, write


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/tokens` and below."""
    blueprint = Blueprint("tokens", __name__)
    session = signed_in(parts)

    @blueprint.get("/tokens/new")
    @session
    def new() -> str:
        email = _me(parts, caller()).get("email") or caller().user
        return piece("_tokens_form.html", email=email, project=request.args.get("project", ""))

    @blueprint.post("/tokens")
    @session
    def generate() -> str:
        body = {"name": field("name") or "Docker webhook", "email": field("email")}
        made = write(parts, Kind.TOKENS, "create", body)
        names = project_names(parts)
        project = field("project") if field("project") in names else next(iter(names), "")
        return piece("_tokens_made.html", made=made, projects=names, project=project)

    @blueprint.post("/tokens/variable")
    @session
    def keep() -> str:
        name = field("name")
        body = {"name": name, "project": field("project"), "type": "SECRET", "value": field("token")}
        write(parts, Kind.VARIABLES, "create", body)
        return piece("_tokens_kept.html", name=name)

    return blueprint


def _me(parts: AppContext, who: Caller) -> Json:
    return parts.desk.get(who, Get(kind=Kind.USERS, id="me")).document
