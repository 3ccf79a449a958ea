"""Live: what Portside has deployed to every cluster, read back from it, and earlier images with a way back."""

from __future__ import annotations

from itertools import groupby

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.commands.workloads import read_live_workload
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Refused

from . import session
from .formats import quoted
from .layout import piece
from .lists import ListFilter, Listing, part_of
from .routing import PageRoute
from .toasts import say

LISTING = Listing(
    address="/live",
    kind=Kind.DEPLOYMENTS,
    noun="workload",
    order="endpoint",
    columns={"endpoint": "endpoint"},
    search=part_of("name", "namespace", "pipeline"),
    filters=(
        ListFilter("endpoint", "Cluster", part_of("endpoint")),
        ListFilter("namespace", "Namespace", part_of("namespace")),
        ListFilter("project", "Project", part_of("project")),
    ),
)


MAX_WORKLOADS = 5


def workloads_of(execution: Json) -> list[Json]:
    """What the clusters run now of the pipeline of a run."""
    where = f"pipeline eq {quoted(str(execution.get('name')))} and project eq {quoted(str(execution.get('project')))}"
    return list(session.find(Find(kind=Kind.DEPLOYMENTS, filter=where, top=MAX_WORKLOADS)).documents)


def listing() -> str:
    view = LISTING.view(request.args)
    # Config has an order of its own: by cluster, then by workload.
    page = session.find(view.find().model_copy(update={"orderby": ""}))
    clusters = groupby(page.documents, key=lambda row: (row["endpoint"], row["project"]))
    rows = [(endpoint, project, list(rows)) for (endpoint, project), rows in clusters]
    return render_template("live.html", view=view, clusters=rows, total=page.total)


def now(id: str) -> str:
    try:
        return piece("_live_now.html", workload=read_live_workload(session.context().config, session.caller(), id))
    except Refused as error:
        return piece("_live_now.html", workload=None, problem=error.problem)


def show(id: str) -> str:
    newest = session.get(Get(kind=Kind.DEPLOYMENTS, id=id)).document
    rows = session.find(Find(kind=Kind.DEPLOYMENTS, parent=id, top=LISTING.size)).documents
    return render_template("live_one.html", newest=newest, rows=rows)


def again(id: str) -> AnyResponse:
    deployment = session.get(Get(kind=Kind.DEPLOYMENTS, id=id)).document
    act = Act(kind=Kind.EXECUTIONS, verb="rerun", id=str(deployment["executionId"]))
    started = session.act(act).document
    run = f"/executions/{started.get('executionId', '')}"
    say(f"{deployment.get('name')} is being deployed again.", run, "The run")
    return redirect(run)


ROUTES = (
    PageRoute("GET", "/live", listing),
    PageRoute("GET", "/live/<id>/now", now),
    PageRoute("GET", "/live/<id>", show),
    PageRoute("POST", "/live/<id>/again", again),
)
