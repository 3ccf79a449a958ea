"""Approvals: the questions that runs wait for, answered with one click."""

from __future__ import annotations

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.event_streams import EXECUTIONS
from shared.contracts.catalog import Act, Find, Get, Kind

from . import questions, session
from .layout import is_part, piece
from .lists import ListFilter, Listing, ListView, part_of
from .routing import PageRoute
from .streams import has_streams, stream
from .toasts import say

ANSWERS = ("Approved", "Rejected")
OPEN = "status eq 'ACTIVE'"
MOST_COUNTED = 100
"""Open questions that the navigation looks at."""

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


def count() -> str:
    """How many open questions ask for the viewer's answer, as the navigation shows it."""
    operations = session.find(Find(kind=Kind.USER_OPERATIONS, filter=OPEN, top=MOST_COUNTED)).documents
    waiting = sum(1 for operation in operations if operation.get("_mayAnswer"))
    return render_template("_approvals_count.html", waiting=waiting)


def change(id: str) -> str:
    """What the run changes next, once the question is approved."""
    question = session.get(Get(kind=Kind.USER_OPERATIONS, id=id)).document
    execution = session.get(Get(kind=Kind.EXECUTIONS, id=str(question.get("executionId")))).document
    return piece("_approvals_change.html", question=question, run=execution, change=questions.change(execution))


def answer(id: str) -> AnyResponse:
    status = request.form.get("status", "")
    if status in ANSWERS:
        body = {"status": status, "responseMessage": request.form.get("message", "")[:1000]}
        answered = session.act(Act(kind=Kind.USER_OPERATIONS, verb="patch", id=id, body=body)).document
        say(f"{status}.", f"/executions/{answered.get('executionId', '')}", "The run")
    return redirect("/approvals")


def _table(view: ListView) -> str:
    answered = "answered" in view.terms
    page = session.find(view.find("" if answered else OPEN))
    executions = questions.executions_of(page.documents)
    rows = [{**row, "execution": executions.get(str(row.get("executionId")), {})} for row in page.documents]
    images = {str(row["id"]): questions.image_of(row["execution"]) for row in rows}
    return render_template("_approvals.html", view=view, rows=rows, images=images, total=page.total, answered=answered)


ROUTES = (
    PageRoute("GET", "/approvals", listing),
    PageRoute("GET", "/approvals/live", live),
    PageRoute("GET", "/approvals/count", count),
    PageRoute("GET", "/approvals/<id>/change", change),
    PageRoute("POST", "/approvals/<id>", answer),
)
