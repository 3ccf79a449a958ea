"""Schedules of a pipeline: a form to make, change, stop and delete one. The pipeline's page lists them."""

from __future__ import annotations

from typing import Any

from flask import render_template

from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind

from . import session
from .formats import quoted
from .forms import done, field, write
from .routing import PageRoute
from .run_inputs import fields_of, given
from .toasts import Undo

MOST = 50
TIMES = {
    "0 2 * * *": "every night at 02:00",
    "0 8 * * MON-FRI": "weekdays at 08:00",
    "*/15 * * * *": "every 15 minutes",
    "0 0 1 * *": "on the first of every month",
}
"""What the field for times proposes."""


def _form(pipeline: str, schedule: Json) -> str:
    document = session.get(Get(kind=Kind.PIPELINES, id=pipeline)).document
    inputs = fields_of(document, schedule.get("input"))
    return render_template("schedules_form.html", pipeline=document, schedule=schedule, inputs=inputs, times=TIMES)


def new(pipeline: str) -> str:
    return _form(pipeline, {"timeZone": "UTC", "enabled": True})


def create(pipeline: str) -> Any:
    document = session.get(Get(kind=Kind.PIPELINES, id=pipeline)).document
    body = {**_said(), "pipeline": document["name"], "project": document["project"]}
    schedule = write(Kind.SCHEDULES, "create", body)
    return _done(pipeline, f"The schedule {body['name']} is created.", str(schedule.get("id")))


def edit(pipeline: str, id: str) -> str:
    return _form(pipeline, session.get(Get(kind=Kind.SCHEDULES, id=id)).document)


def save(pipeline: str, id: str) -> Any:
    body = _said()
    write(Kind.SCHEDULES, "patch", body, id=id)
    return _done(pipeline, f"The schedule {body['name']} is saved.", id)


def delete(pipeline: str, id: str) -> Any:
    schedule = session.get(Get(kind=Kind.SCHEDULES, id=id)).document
    write(Kind.SCHEDULES, "delete", {}, id=id)
    sentence, another = f"The schedule {schedule.get('name')} is deleted.", f"/pipelines/{pipeline}/schedules/new"
    return done(f"/pipelines/{pipeline}", sentence, another, "Make another", undo=_made_again(pipeline, schedule))


def _done(pipeline: str, sentence: str, id: str) -> Any:
    return done(f"/pipelines/{pipeline}", sentence, f"/pipelines/{pipeline}/schedules/{id}", "The schedule")


def _made_again(pipeline: str, schedule: Json) -> Undo:
    texts = {key: str(schedule.get(key) or "") for key in ("name", "cron", "timeZone")}
    inputs = {f"in.{name}": str(value) for name, value in (schedule.get("input") or {}).items()}
    enabled = {"enabled": "yes"} if schedule.get("enabled") else {}
    return Undo(f"/pipelines/{pipeline}/schedules/new", tuple({**texts, **inputs, **enabled}.items()))


def schedules_of(pipeline: Json) -> list[Json]:
    """The schedules that start this pipeline, by name."""
    where = f"project eq {quoted(str(pipeline.get('project')))} and pipeline eq {quoted(str(pipeline.get('name')))}"
    ask = Find(kind=Kind.SCHEDULES, filter=where, orderby="name asc", top=MOST)
    return list(session.find(ask).documents)


def _said() -> Json:
    named = {"name": field("name"), "cron": field("cron"), "timeZone": field("timeZone")}
    return {**named, "enabled": field("enabled") == "yes", "input": given()}


ROUTES = (
    PageRoute("GET", "/pipelines/<pipeline>/schedules/new", new),
    PageRoute("POST", "/pipelines/<pipeline>/schedules/new", create),
    PageRoute("GET", "/pipelines/<pipeline>/schedules/<id>", edit),
    PageRoute("POST", "/pipelines/<pipeline>/schedules/<id>", save),
    PageRoute("POST", "/pipelines/<pipeline>/schedules/<id>/delete", delete),
)
