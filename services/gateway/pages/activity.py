"""Activity: every delivery with its verdict and the reason, live."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.live import EVENTS
from services.gateway.web_parts import WebParts
from shared.contracts.catalog import Act, Find, Kind
from shared.contracts.envelope import Caller

from .common import caller, page_number, signed_in, stream

PAGE = 50
ORDER = "timeStampInMicros desc"


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/activity` and below."""
    blueprint = Blueprint("activity", __name__)
    session = signed_in(parts)

    @blueprint.get("/activity")
    @session
    def listing() -> str:
        drawn = _table(parts, caller(), page_number())
        if request.headers.get("HX-Request"):
            return drawn
        return render_template("activity.html", table=drawn, page=page_number(), streams=parts.live.has_room)

    @blueprint.get("/activity/live")
    @session
    def live() -> Response:
        who, number = caller(), page_number()
        app = current_app._get_current_object()  # type: ignore[attr-defined]

        def draw() -> str:
            with app.app_context(), app.test_request_context("/activity"):
                return _table(parts, who, number)

        return stream(parts, EVENTS, draw)

    @blueprint.post("/activity/<id>/rerun")
    @session
    def rerun(id: str) -> AnyResponse:
        verb = "run-anyway" if request.form.get("verb") == "run-anyway" else "rerun"
        parts.desk.act(caller(), Act(kind=Kind.EVENTS, verb=verb, id=id))
        return redirect("/activity")

    return blueprint


def _table(parts: WebParts, who: Caller, number: int) -> str:
    found = parts.desk.find(who, Find(kind=Kind.EVENTS, orderby=ORDER, top=PAGE, skip=number * PAGE))
    more = (number + 1) * PAGE < found.total
    # A stream draws outside of a session's request: its forms get their token here.
    token = parts.sessions.form_token(who)
    return render_template(
        "_activity.html", rows=found.documents, total=found.total, page=number, more=more, form_token=token
    )
