"""Pipelines: the list; one with its graph, a run with inputs, a dry run, versions with their differences; export."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, render_template, request

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind
from shared.contracts.problems import Refused
from shared.contracts.texts import whole_number

from . import selection, session
from .execution_view import diff_rows, stages_of
from .forms import done, field, write
from .layout import piece, query_number
from .lists import ListFilter, Listing, equal, part_of
from .routing import PageRoute
from .run_inputs import IMAGE, fields_of, given
from .schedules import schedules_of
from .selection import ChosenVerb
from .toasts import Undo

RUNS = 10
"""Of each pipeline, as bars."""
VERSIONS = 50
LISTING = Listing(
    address="/pipelines",
    kind=Kind.PIPELINES,
    noun="pipeline",
    order="name",
    columns={"name": "name", "project": "project", "state": "state", "changed": "_updateTimeInMicros"},
    search=part_of("name", "description"),
    filters=(
        ListFilter("project", "Project", part_of("project")),
        ListFilter("state", "State", equal("state"), {"ENABLED": "enabled", "DISABLED": "disabled"}),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    rows = [{**pipeline, "columns": stages_of(pipeline)} for pipeline in page.documents]
    role = session.role()
    editable = {str(row.get("project")) for row in rows if role.may(str(row.get("project")), "EDIT")}
    runs = _newest_runs(page.documents)
    return render_template("pipelines.html", view=view, rows=rows, runs=runs, editable=editable, total=page.total)


def show(id: str) -> str:
    pipeline = _get(id).document
    newest = Find(kind=Kind.EXECUTIONS, parent=id, orderby="_requestTimeInMicros desc", top=5)
    return render_template(
        "pipelines_one.html",
        pipeline=pipeline,
        stages=stages_of(pipeline),
        inputs=(inputs := fields_of(pipeline)),
        takes_image=any(row["name"] in IMAGE for row in inputs),
        schedules=schedules_of(pipeline),
        told=_told(pipeline),
        runs=session.find(newest).documents,
        warnings=[warning for warning in map(_warning, pipeline.get("_warnings") or []) if warning],
    )


def versions(id: str) -> str:
    kept = session.find(Find(kind=Kind.PIPELINES, parent=id, top=VERSIONS)).documents
    numbers = [version for row in kept if (version := whole_number(str(row.get("version")))) is not None]
    before = query_number("from") or (numbers[1] if len(numbers) > 1 else 0)
    after = query_number("to") or (numbers[0] if numbers else 0)
    diff = _difference(id, before, after) if before and after else []
    return render_template(
        "pipelines_versions.html",
        pipeline=_get(id).document,
        kept=kept,
        before=before,
        after=after,
        diff=diff,
    )


def restore(id: str) -> Any:
    before = str(_get(id).document.get("version") or "")
    write(Kind.PIPELINES, "restore", {"version": whole_number(field("version")) or 0}, id=id)
    undo = Undo(f"/pipelines/{id}/restore", (("version", before),))
    sentence = f"Version {field('version')} is restored as the newest."
    return done(
        f"/pipelines/{id}", sentence, f"/pipelines/{id}/versions", "What changed", undo=undo if before else None
    )


def export(id: str) -> Response:
    return _exported([id])


def _exported(ids: Sequence[str]) -> Response:
    """The YAML of these pipelines as a file, named after the one or the first of them."""
    by_project: dict[str, list[str]] = {}
    for id in ids:
        pipeline = _get(id).document
        by_project.setdefault(str(pipeline.get("project") or ""), []).append(str(pipeline.get("name")))
    texts = [
        session.get(
            Get(kind=Kind.PIPELINES, project=project, options={"export": "yaml", "wanted": {"pipelines": names}})
        ).text
        for project, names in by_project.items()
    ]
    first = next(iter(by_project.values()), ["pipelines"])[0]
    file = re.sub(r"[^A-Za-z0-9]+", "-", first if len(ids) == 1 else "pipelines").strip("-").lower() or "pipeline"
    headers = {"Content-Disposition": f'attachment; filename="{file}.yaml"'}
    return Response("\n".join(texts), content_type="application/x-yaml;charset=UTF-8", headers=headers)


def enabled(id: str) -> Any:
    value = field("enabled") == "true"
    pipeline = write(Kind.PIPELINES, "patch", {"enabled": value}, id=id)
    sentence = f"The pipeline {pipeline.get('name')} is {'enabled' if value else 'disabled'}."
    undo = Undo(f"/pipelines/{id}/enabled", (("enabled", "false" if value else "true"),))
    return done(f"/pipelines/{id}", sentence, f"/pipelines/{id}", "The pipeline", undo=undo)


def act_on_chosen() -> Any:
    if field("verb") == "export":
        return _exported(request.form.getlist("id")[: selection.MOST])

    def enable(value: bool) -> Callable[[str], object]:
        return lambda id: write(Kind.PIPELINES, "patch", {"enabled": value}, id=id)

    verbs = {
        "enable": ChosenVerb(enable(True), "{} enabled.", back="disable"),
        "disable": ChosenVerb(enable(False), "{} disabled.", back="enable"),
    }
    return selection.act_on_chosen(LISTING, verbs)


def delete(id: str) -> Any:
    name = str(write(Kind.PIPELINES, "delete", {}, id=id).get("name"))
    runs = f"/executions?{urlencode({'pipeline': name})}"
    return done("/pipelines", f"The pipeline {name} is deleted; its executions stay.", runs, "Its executions")


def run(id: str) -> Any:
    command = Act(
        kind=Kind.PIPELINES, verb="execute", id=id, body={"input": given(), "comments": field("comments")[:500]}
    )
    started = session.act(command).document
    run = f"/executions/{started['executionId']}"
    return done(run, "A run is started.", run, "The run")


def dry_run(id: str) -> str:
    """What a run with these inputs would do; nothing is started."""
    result = session.act(Act(kind=Kind.PIPELINES, verb="dry-run", id=id, body={"input": given()})).document
    return piece("_pipelines_dry_run.html", seen=result)


def _get(id: str) -> Document:
    return session.get(Get(kind=Kind.PIPELINES, id=id))


def _newest_runs(pipelines: Sequence[Json]) -> dict[str, list[Json]]:
    """The newest runs of each pipeline by its id, the oldest first."""
    ids = [str(pipeline["id"]) for pipeline in pipelines]
    runs: dict[str, list[Json]] = {id: [] for id in ids}
    if ids:
        ask = Find(kind=Kind.EXECUTIONS, options={"brief": True, "newestOf": ids, "each": RUNS})
        for run in session.find(ask).documents:
            runs.setdefault(str(run.get("_pipelineId")), []).insert(0, run)
    return runs


def _difference(id: str, before: int, after: int) -> list[tuple[str, str]]:
    """The lines of the difference, each with a word for its colour."""
    try:
        text = session.get(Get(kind=Kind.PIPELINES, id=id, options={"diff": [before, after]})).text
    except Refused as refused:
        return [("", refused.problem.message)]
    return list(diff_rows(text))


def _told(pipeline: Json) -> list[Json]:
    """Whom the pipeline's notifications tell, and of what."""
    return [
        {
            "kind": kind,
            "event": str(entry.get("event") or "").lower(),
            "of": ".".join(str(entry[key]) for key in ("stage", "task") if entry.get(key)),
            "endpoint": entry.get("endpoint") or "",
            "to": ", ".join(map(str, entry.get("to") or ())),
        }
        for kind, entries in (pipeline.get("notifications") or {}).items()
        for entry in entries
        if isinstance(entry, dict)
    ]


def _warning(entry: Any) -> str:
    message = entry.get("message") if isinstance(entry, dict) else None
    return str(message.get("message") or "") if isinstance(message, dict) else ""


ROUTES = (
    PageRoute("GET", "/pipelines", listing),
    PageRoute("POST", "/pipelines/chosen", act_on_chosen),
    PageRoute("GET", "/pipelines/<id>", show),
    PageRoute("GET", "/pipelines/<id>/versions", versions),
    PageRoute("POST", "/pipelines/<id>/restore", restore),
    PageRoute("GET", "/pipelines/<id>/export", export),
    PageRoute("POST", "/pipelines/<id>/enabled", enabled),
    PageRoute("POST", "/pipelines/<id>/delete", delete),
    PageRoute("POST", "/pipelines/<id>/run", run),
    PageRoute("POST", "/pipelines/<id>/dry-run", dry_run),
)
