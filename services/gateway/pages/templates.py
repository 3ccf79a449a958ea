"""Templates: pipelines made of questions, whose choices follow from the answers before them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from services.gateway import outside
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind

from .common import caller, signed_in
from .writing import done, project_names

ANSWER = "a."


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/pipelines/templates` and below."""
    blueprint = Blueprint("templates", __name__)
    session = signed_in(parts)

    @blueprint.get("/pipelines/templates")
    @session
    def listing() -> str:
        found = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, options={"templates": True})).document
        return render_template("templates.html", rows=found["templates"])

    @blueprint.get("/pipelines/templates/<name>")
    @session
    def one(name: str) -> str:
        names = project_names(parts)
        answers = {"project": names[0]} if len(names) == 1 else {}
        return render_template("templates_form.html", **_asked(parts, name, answers))

    @blueprint.post("/pipelines/templates/<name>/form")
    @session
    def form(name: str) -> str:
        return render_template("_templates_form.html", **_asked(parts, name, _answers()))

    @blueprint.post("/pipelines/templates/<name>")
    @session
    def fill(name: str) -> Any:
        body = {"answers": _answers(), "enabled": "enabled" in request.form}
        made = parts.desk.act(caller(), Act(kind=Kind.PIPELINES, verb="from-template", name=name, body=body)).document
        webhook = (made.get("_next") or {}).get("webhook")
        if not webhook:
            return done(f"/pipelines/{made['id']}")
        wanted = {key: webhook[key] for key in ("project", "name", "endpoint", "pipeline") if webhook.get(key)}
        return done(f"/webhooks/new?{urlencode(wanted)}")

    return blueprint


def _asked(parts: WebParts, name: str, answers: Json) -> Json:
    """The template's questions as far as the answers make them apply."""
    template = outside.template(parts.desk, caller(), name, answers)
    asked = [one for one in template["questions"] if _applies(one, answers)]
    return {"template": {**template, "questions": asked}, "answers": answers}


def _applies(question: Json, answers: Json) -> bool:
    return all(answers.get(name, "") in wanted for name, wanted in (question.get("when") or {}).items())


def _answers() -> Json:
    """What was answered; a box that is not ticked answers no."""
    answers: Json = {
        key.removeprefix(ANSWER): value.strip() for key, value in request.form.items() if key.startswith(ANSWER)
    }
    return answers | {key: answers.get(key) == "true" for key in request.form.getlist("boxes")}
