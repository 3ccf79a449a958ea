"""Approvals: the questions that runs wait for, answered with one click."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from services.gateway.event_streams import EXECUTIONS
from shared.contracts.catalog import Act, Find, Kind
from shared.contracts.envelope import Caller

from .common import caller, page_number, signed_in, stream

PAGE = 50
ANSWERS = ("Approved", "Rejected")


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/approvals` and below."""
    blueprint = Blueprint("approvals", __name__)
    session = signed_in(parts)

    @blueprint.get("/approvals")
    @session
    def listing() -> str:
        answered, number = "answered" in request.args, page_number()
        drawn = _table(parts, caller(), answered, number)
        if request.headers.get("HX-Request"):
            return drawn
        return render_template(
            "approvals.html", table=drawn, answered=answered, page=number, streams=parts.live.has_room
        )

    @blueprint.get("/approvals/live")
    @session
    def live() -> Response:
        who, answered, number = caller(), "answered" in request.args, page_number()
        app = current_app._get_current_object()  # type: ignore[attr-defined]

        def draw() -> str:
            with app.app_context(), app.test_request_context("/approvals"):
                return _table(parts, who, answered, number)

        return stream(parts, EXECUTIONS, draw)

    @blueprint.post("/approvals/<id>")
    @session
    def answer(id: str) -> AnyResponse:
        said = request.form.get("status", "")
        if said in ANSWERS:
            body = {"status": said, "responseMessage": request.form.get("message", "")[:1000]}
            parts.desk.act(caller(), Act(kind=Kind.USER_OPERATIONS, verb="patch", id=id, body=body))
        return redirect("/approvals")

    return blueprint


def _table(parts: AppContext, who: Caller, answered: bool, number: int) -> str:
    ask = Find(
        kind=Kind.USER_OPERATIONS,
        filter=f"status {'ne' if answered else 'eq'} 'ACTIVE'",
        top=PAGE,
        skip=number * PAGE,
    )
    found = parts.desk.find(who, ask)
    return render_template(
        "_approvals.html",
        rows=found.documents,
        total=found.total,
        page=number,
        more=(number + 1) * PAGE < found.total,
        answered=answered,
        # A stream draws outside of a session's request: its forms get their token here.
        form_token=parts.sessions.form_token(who),
    )
