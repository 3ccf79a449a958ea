"""API tokens: one is generated in a dialog, shown once, and kept as a variable or copied before it is closed."""

from __future__ import annotations

from flask import request

from shared.contracts.catalog import Kind

from . import session
from .forms import field, project_names, write
from .layout import piece
from .routing import PageRoute


def new() -> str:
    email = session.me().get("email") or session.caller().user
    return piece("_tokens_form.html", email=email, project=request.args.get("project", ""))


def generate() -> str:
    body = {"name": field("name") or "Docker webhook", "email": field("email")}
    token = write(Kind.TOKENS, "create", body)
    names = project_names()
    project = field("project") if field("project") in names else next(iter(names), "")
    return piece("_tokens_made.html", made=token, projects=names, project=project)


def keep() -> str:
    name = field("name")
    body = {"name": name, "project": field("project"), "type": "SECRET", "value": field("token")}
    write(Kind.VARIABLES, "create", body)
    return piece("_tokens_kept.html", name=name)


ROUTES = (
    PageRoute("GET", "/tokens/new", new),
    PageRoute("POST", "/tokens", generate),
    PageRoute("POST", "/tokens/variable", keep),
)
