"""Live: what every cluster runs by our hand, read back from it, and each earlier image with a way back to it."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from services.gateway.commands.workloads import look
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Refused

from .common import caller, page_number, piece, signed_in

PAGE = 50


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/live` and below."""
    blueprint = Blueprint("clusters", __name__)
    session = signed_in(parts)

    @blueprint.get("/live")
    @session
    def listing() -> str:
        number = page_number()
        found = parts.desk.find(caller(), Find(kind=Kind.DEPLOYMENTS, top=PAGE, skip=number * PAGE))
        clusters = groupby(found.documents, key=lambda row: (row["endpoint"], row["project"]))
        return render_template(
            "live.html",
            clusters=[(endpoint, project, list(rows)) for (endpoint, project), rows in clusters],
            total=found.total,
            page=number,
            more=(number + 1) * PAGE < found.total,
        )

    @blueprint.get("/live/<id>/now")
    @session
    def now(id: str) -> str:
        try:
            return piece("_live_now.html", seen=look(parts.desk, caller(), id))
        except Refused as error:
            return piece("_live_now.html", seen=None, problem=error.problem)

    @blueprint.get("/live/<id>")
    @session
    def one(id: str) -> str:
        newest = parts.desk.get(caller(), Get(kind=Kind.DEPLOYMENTS, id=id)).document
        rows = parts.desk.find(caller(), Find(kind=Kind.DEPLOYMENTS, parent=id, top=PAGE)).documents
        return render_template("live_one.html", newest=newest, rows=rows)

    @blueprint.post("/live/<id>/again")
    @session
    def again(id: str) -> AnyResponse:
        wanted = parts.desk.get(caller(), Get(kind=Kind.DEPLOYMENTS, id=id)).document
        act = Act(kind=Kind.EXECUTIONS, verb="rerun", id=str(wanted["executionId"]))
        started = parts.desk.act(caller(), act).document
        return redirect(f"/executions/{started.get('executionId', '')}")

    return blueprint
