"""Templates: pipelines made of questions, whose choices follow from the answers before them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import render_template, request

from services.gateway.commands import inspection
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind

from . import session
from .forms import done, preset_project
from .layout import piece
from .routing import PageRoute

ANSWER = "a."


def listing() -> str:
    session.demand_editor()
    catalogue = session.get(Get(kind=Kind.PIPELINES, options={"templates": True})).document
    return render_template("templates.html", rows=catalogue["templates"])


def show(name: str) -> str:
    return render_template("templates_form.html", **_asked(name, {"project": preset_project()}))


def form(name: str) -> str:
    return piece("_templates_form.html", **_asked(name, _answers()))


def fill(name: str) -> Any:
    body = {"answers": _answers(), "enabled": "enabled" in request.form}
    pipeline = session.act(Act(kind=Kind.PIPELINES, verb="from-template", name=name, body=body)).document
    address, sentence = f"/pipelines/{pipeline['id']}", f"The pipeline {pipeline.get('name')} is created."
    webhook = (pipeline.get("_next") or {}).get("webhook")
    if not webhook:
        return done(address, sentence, address, "The pipeline")
    presets = {key: webhook[key] for key in ("project", "name", "endpoint", "pipeline") if webhook.get(key)}
    return done(f"/webhooks/new?{urlencode(presets)}", sentence, address, "The pipeline")


def _asked(name: str, answers: Json) -> Json:
    """The template's questions as far as the answers make them apply; what there is only one of is chosen."""
    template = inspection.template(session.context().config, session.caller(), name, answers)
    while only := _only(template["questions"], answers):
        answers = {**answers, **only}
        template = inspection.template(session.context().config, session.caller(), name, answers)
    questions = [question for question in template["questions"] if _applies(question, answers)]
    return {"template": {**template, "questions": questions}, "answers": answers}


def _only(questions: list[Json], answers: Json) -> Json:
    """Of projects and endpoints that must be chosen and are not yet, those that there is one of."""
    choices = {
        question["name"]: [choice["value"] for choice in question.get("choices") or ()]
        for question in questions
        if question["kind"] in ("project", "endpoint") and question.get("required")
    }
    return {name: values[0] for name, values in choices.items() if len(values) == 1 and answers.get(name) != values[0]}


def _applies(question: Json, answers: Json) -> bool:
    return all(answers.get(name, "") in values for name, values in (question.get("when") or {}).items())


def _answers() -> Json:
    """What was answered; a box that is not ticked answers no."""
    answers: Json = {
        key.removeprefix(ANSWER): value.strip() for key, value in request.form.items() if key.startswith(ANSWER)
    }
    return answers | {key: answers.get(key) == "true" for key in request.form.getlist("boxes")}


ROUTES = (
    PageRoute("GET", "/pipelines/templates", listing),
    PageRoute("GET", "/pipelines/templates/<name>", show),
    PageRoute("POST", "/pipelines/templates/<name>/form", form),
    PageRoute("POST", "/pipelines/templates/<name>", fill),
)
