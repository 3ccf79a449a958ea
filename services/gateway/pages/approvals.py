"""Approvals: the questions that runs wait for, answered with one click."""

from __future__ import annotations

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.event_streams import EXECUTIONS
from shared.contracts.catalog import Act, Find, Kind

from . import session
from .layout import page_number
from .routing import PageRoute
from .streams import stream

PAGE = 50
ANSWERS = ("Approved", "Rejected")


def listing() -> str:
    answered, page_index = "answered" in request.args, page_number()
    drawn = _table(answered, page_index)
    if request.headers.get("HX-Request"):
        return drawn
    return render_template(
        "approvals.html", table=drawn, answered=answered, page=page_index, streams=session.context().streams.has_room
    )


def live() -> Response:
    return stream(EXECUTIONS, lambda: _table("answered" in request.args, page_number()))


def answer(id: str) -> AnyResponse:
    status = request.form.get("status", "")
    if status in ANSWERS:
        body = {"status": status, "responseMessage": request.form.get("message", "")[:1000]}
        session.act(Act(kind=Kind.USER_OPERATIONS, verb="patch", id=id, body=body))
    return redirect("/approvals")


def _table(answered: bool, page_index: int) -> str:
    ask = Find(
        kind=Kind.USER_OPERATIONS,
        filter=f"status {'ne' if answered else 'eq'} 'ACTIVE'",
        top=PAGE,
        skip=page_index * PAGE,
    )
    page = session.find(ask)
    return render_template(
        "_approvals.html",
        rows=page.documents,
        total=page.total,
        page=page_index,
        more=(page_index + 1) * PAGE < page.total,
        answered=answered,
    )


ROUTES = (
    PageRoute("GET", "/approvals", listing),
    PageRoute("GET", "/approvals/live", live),
    PageRoute("POST", "/approvals/<id>", answer),
)
