"""Schedules of a pipeline: a form to make, change, stop and delete one. The pipeline's page lists them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind

from .common import caller, quoted, signed_in
from .forms import done, field, write
from .run_inputs import fields_of, given

MOST = 50
TIMES = {
    "0 2 * * *": "every night at two",
    "0 8 * * MON-FRI": "on working days at eight",
    "*/15 * * * *": "every quarter of an hour",
    "0 0 1 * *": "on the first of each month",
}
"""What the field for times proposes."""


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/pipelines/<pipeline>/schedules` and below."""
    blueprint = Blueprint("schedules", __name__, url_prefix="/pipelines/<pipeline>/schedules")
    session = signed_in(parts)

    def form(pipeline: str, schedule: Json) -> str:
        found = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=pipeline)).document
        inputs = fields_of(found, schedule.get("input"))
        return render_template("schedules_form.html", pipeline=found, schedule=schedule, inputs=inputs, times=TIMES)

    @blueprint.get("/new")
    @session
    def new(pipeline: str) -> str:
        return form(pipeline, {"timeZone": "UTC", "enabled": True})

    @blueprint.post("/new")
    @session
    def create(pipeline: str) -> Any:
        found = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=pipeline)).document
        write(parts, Kind.SCHEDULES, "create", {**_said(), "pipeline": found["name"], "project": found["project"]})
        return done(f"/pipelines/{pipeline}")

    @blueprint.get("/<id>")
    @session
    def edit(pipeline: str, id: str) -> str:
        return form(pipeline, parts.desk.get(caller(), Get(kind=Kind.SCHEDULES, id=id)).document)

    @blueprint.post("/<id>")
    @session
    def save(pipeline: str, id: str) -> Any:
        write(parts, Kind.SCHEDULES, "patch", _said(), id=id)
        return done(f"/pipelines/{pipeline}")

    @blueprint.post("/<id>/delete")
    @session
    def delete(pipeline: str, id: str) -> Any:
        write(parts, Kind.SCHEDULES, "delete", {}, id=id)
        return done(f"/pipelines/{pipeline}")

    return blueprint


def schedules_of(parts: AppContext, pipeline: Json) -> list[Json]:
    """The schedules that start this pipeline, by name."""
    where = f"project eq {quoted(str(pipeline.get('project')))} and pipeline eq {quoted(str(pipeline.get('name')))}"
    ask = Find(kind=Kind.SCHEDULES, filter=where, orderby="name asc", top=MOST)
    return list(parts.desk.find(caller(), ask).documents)


def _said() -> Json:
    named = {"name": field("name"), "cron": field("cron"), "timeZone": field("timeZone")}
    return {**named, "enabled": field("enabled") == "yes", "input": given()}
