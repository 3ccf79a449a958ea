"""Webhooks for Docker: which push starts which pipeline, with which inputs, and how the hook stands at the registry."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request

from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Problem, Refused
from shared.grammar.inputs import DOCKER

from .common import caller, signed_in
from .writing import every, field, project_names, write

STATES = {
    MirrorState.IN_STEP: ("done", "✓", "Docker Hub has this hook"),
    MirrorState.PENDING: ("waiting", "◔", "Docker Hub is still to be told"),
    MirrorState.NEEDS_CREDENTIALS: ("failed", "✗", "the endpoint has no working user name and password"),
    MirrorState.NOT_PERMITTED: ("failed", "✗", "the endpoint's account may not manage hooks of this repository"),
    MirrorState.BY_HAND: ("waiting", "○", "add the hook URL at the registry by hand"),
    MirrorState.RATE_LIMITED: ("waiting", "◔", "Docker Hub asked us to wait; we try again"),
    MirrorState.GONE: ("skipped", "↷", "deleted at Docker Hub"),
}
TEXTS = ("name", "project", "endpoint", "pipeline", "repoName", "imageNameRegExPattern", "tagNamePattern")
INPUT = "input."


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/webhooks` and below."""
    blueprint = Blueprint("webhooks", __name__)
    session = signed_in(parts)

    def cards(problem: Problem | None = None) -> str:
        return render_template("webhooks.html", rows=every(parts, Kind.WEBHOOKS), states=STATES, problem=problem)

    def form(values: Json, id: str = "", problem: Problem | None = None) -> str:
        project = str(values.get("project") or "default")
        return render_template(
            "webhooks_form.html",
            values=values,
            id=id,
            problem=problem,
            projects=project_names(parts),
            endpoints=_registries(parts, project),
            pipelines=_pipelines(parts, project),
            inputs=_inputs(parts, project, str(values.get("pipeline") or "")),
        )

    @blueprint.get("/webhooks")
    @session
    def listing() -> str:
        return cards()

    @blueprint.get("/webhooks/new")
    @session
    def new() -> str:
        return form(
            {"project": "default", "enabled": True, **{key: request.args[key] for key in TEXTS if key in request.args}}
        )

    @blueprint.get("/webhooks/<id>")
    @session
    def one(id: str) -> str:
        return form(parts.desk.get(caller(), Get(kind=Kind.WEBHOOKS, id=id)).document, id)

    @blueprint.post("/webhooks")
    @session
    def save() -> Any:
        body, id = _sent(), field("id")
        if field("do") == "reload":
            return form(body, id)
        try:
            if id:
                write(parts, Kind.WEBHOOKS, "patch", body, id=id)
                return redirect("/webhooks")
            made = write(parts, Kind.WEBHOOKS, "create", body, mints=True)
        except Refused as refused:
            return form(body, id, refused.problem)
        return render_template("webhooks_made.html", row=made, states=STATES, rotated=False)

    @blueprint.post("/webhooks/<id>/act")
    @session
    def act(id: str) -> Any:
        verb = field("verb")
        try:
            if verb == "rotate":
                row = write(parts, Kind.WEBHOOKS, "rotate", {}, mints=True, id=id)
                return render_template("webhooks_made.html", row=row, states=STATES, rotated=True)
            if verb in ("enable", "disable"):
                write(parts, Kind.WEBHOOKS, "patch", {"enabled": verb == "enable"}, id=id)
            elif verb == "delete":
                write(parts, Kind.WEBHOOKS, "delete", {}, id=id)
        except Refused as refused:
            problem = refused.problem
        else:
            return redirect("/webhooks")
        return cards(problem)

    return blueprint


def _sent() -> Json:
    """The webhook of the form; a blank input keeps the pipeline's own value, a blank API token the stored one."""
    inputs = {name[len(INPUT) :]: value for name, value in request.form.items() if name.startswith(INPUT) and value}
    body: Json = {key: field(key) for key in TEXTS}
    body["exclude"] = [line.strip() for line in request.form.get("exclude", "").splitlines() if line.strip()]
    body |= {"input": inputs, "enabled": bool(field("enabled"))}
    if field("refreshToken"):
        body["refreshToken"] = field("refreshToken")
    return body


def _registries(parts: WebParts, project: str) -> list[str]:
    rows = every(parts, Kind.ENDPOINTS)
    return [str(row["name"]) for row in rows if row.get("type") == "docker" and row.get("project") == project]


def _pipelines(parts: WebParts, project: str) -> list[tuple[str, bool]]:
    """Names, and whether made for Docker triggers; those first."""
    rows = [row for row in every(parts, Kind.PIPELINES) if row.get("project") == project]
    found = [(str(row["name"]), "DOCKER_TRIGGER" in _options(row)) for row in rows]
    return sorted(found, key=lambda one: not one[1])


def _options(row: Json) -> list[str]:
    return [str(option).upper() for option in row.get("options") or []]


def _inputs(parts: WebParts, project: str, pipeline: str) -> list[Json]:
    """The inputs of a pipeline that a push does not fill, with their own values and descriptions."""
    if not pipeline:
        return []
    try:
        tree = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, project=project, name=pipeline)).document
    except Refused:
        # The project has changed in the form, and the pipeline is of the other one.
        return []
    meta = tree.get("_inputMeta") or {}
    own = (tree.get("input") or {}).items()
    return [
        {"name": name, "value": value, "about": (meta.get(name) or {}).get("description", "")}
        for name, value in own
        if name not in DOCKER
    ]
