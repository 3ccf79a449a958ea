"""Live: what Portside has deployed to every cluster, read back from it, and earlier images with a way back."""

from __future__ import annotations

from itertools import groupby

from flask import redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.commands.workloads import look
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Refused

from . import session
from .layout import page_number, piece
from .routing import PageRoute

PAGE = 50


def listing() -> str:
    page_index = page_number()
    page = session.find(Find(kind=Kind.DEPLOYMENTS, top=PAGE, skip=page_index * PAGE))
    clusters = groupby(page.documents, key=lambda row: (row["endpoint"], row["project"]))
    return render_template(
        "live.html",
        clusters=[(endpoint, project, list(rows)) for (endpoint, project), rows in clusters],
        total=page.total,
        page=page_index,
        more=(page_index + 1) * PAGE < page.total,
    )


def now(id: str) -> str:
    try:
        return piece("_live_now.html", seen=look(session.context().config, session.caller(), id))
    except Refused as error:
        return piece("_live_now.html", seen=None, problem=error.problem)


def show(id: str) -> str:
    newest = session.get(Get(kind=Kind.DEPLOYMENTS, id=id)).document
    rows = session.find(Find(kind=Kind.DEPLOYMENTS, parent=id, top=PAGE)).documents
    return render_template("live_one.html", newest=newest, rows=rows)


def again(id: str) -> AnyResponse:
    deployment = session.get(Get(kind=Kind.DEPLOYMENTS, id=id)).document
    act = Act(kind=Kind.EXECUTIONS, verb="rerun", id=str(deployment["executionId"]))
    started = session.act(act).document
    return redirect(f"/executions/{started.get('executionId', '')}")


ROUTES = (
    PageRoute("GET", "/live", listing),
    PageRoute("GET", "/live/<id>/now", now),
    PageRoute("GET", "/live/<id>", show),
    PageRoute("POST", "/live/<id>/again", again),
)
