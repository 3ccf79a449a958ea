"""Approvals: the questions that runs wait for, answered with one click."""

from __future__ import annotations

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.event_streams import EXECUTIONS
from shared.contracts.catalog import Act, Kind

from . import session
from .layout import is_part
from .lists import ListFilter, Listing, ListView, part_of
from .routing import PageRoute
from .streams import has_streams, stream
from .toasts import say

ANSWERS = ("Approved", "Rejected")


LISTING = Listing(
    address="/approvals",
    kind=Kind.USER_OPERATIONS,
    noun="approval",
    order="-asked",
    columns={"asked": "_requestedOnInMicros"},
    search=part_of("pipelineName", "requestedBy"),
    filters=(
        ListFilter("project", "Project", part_of("project")),
        ListFilter("answered", "State", lambda _: "status ne 'ACTIVE'", {"yes": "answered"}),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    table = _table(view)
    if is_part():
        return table
    return render_template("approvals.html", view=view, table=table, streams=has_streams())


def live() -> Response:
    return stream(EXECUTIONS, lambda: _table(LISTING.view(request.args)))


def answer(id: str) -> AnyResponse:
    status = request.form.get("status", "")
    if status in ANSWERS:
        body = {"status": status, "responseMessage": request.form.get("message", "")[:1000]}
        answered = session.act(Act(kind=Kind.USER_OPERATIONS, verb="patch", id=id, body=body)).document
        say(f"{status}.", f"/executions/{answered.get('executionId', '')}", "The run")
    return redirect("/approvals")


def _table(view: ListView) -> str:
    answered = "answered" in view.terms
    page = session.find(view.find("" if answered else "status eq 'ACTIVE'"))
    return render_template("_approvals.html", view=view, rows=page.documents, total=page.total, answered=answered)


ROUTES = (
    PageRoute("GET", "/approvals", listing),
    PageRoute("GET", "/approvals/live", live),
    PageRoute("POST", "/approvals/<id>", answer),
)
