"""Activity: every delivery with its verdict, the reason and the next step, live; one with its payload."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from services.gateway.live import EVENTS
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.envelope import Caller

from .common import caller, image_named, page_number, quoted, signed_in, stream
from .writing import done, write

PAGE = 50
ORDER = "timeStampInMicros desc"
_TERMS = {"image": "imageName eq {}", "tag": "tag eq {}", "webhook": "webhook eq {}"}
_LINKS = {
    "follow": "/executions/{executionId}",
    "edit-webhook": "/webhooks/{webhookId}",
    "new-webhook": "/webhooks/new?repoName={imageName}",
    "edit-project": "/projects",
    "show-payload": "/activity/{id}",
}
"""Next steps that are a page to go to."""

_AGAIN = ("rerun", "run-anyway")
_ENABLING = ("enable-webhook", "enable-pipeline")


def create_blueprint(parts: WebParts) -> Blueprint:
    """`/activity` and below."""
    blueprint = Blueprint("activity", __name__)
    session = signed_in(parts)

    @blueprint.get("/activity")
    @session
    def listing() -> str:
        asked = _asked()
        drawn = _table(parts, caller(), asked, page_number())
        if request.headers.get("HX-Request"):
            return drawn
        query = request.query_string.decode("latin1")
        return render_template("activity.html", table=drawn, asked=asked, query=query, streams=parts.live.has_room)

    @blueprint.get("/activity/live")
    @session
    def live() -> Response:
        who, asked, number = caller(), _asked(), page_number()
        app = current_app._get_current_object()  # type: ignore[attr-defined]

        def draw() -> str:
            with app.app_context(), app.test_request_context("/activity"):
                return _table(parts, who, asked, number)

        return stream(parts, EVENTS, draw)

    @blueprint.get("/activity/why")
    @session
    def why() -> str:
        """Why an image was not deployed at a time; a time without a zone is in UTC, as all times on these pages."""
        asked = {name: request.args.get(name, "").strip() for name in ("image", "at")}
        answer: Json = {}
        if asked["image"]:
            repository, tag = image_named(asked["image"])
            at = f"{asked['at']}+00:00" if asked["at"] else ""
            options = {"why": {"repository": repository, "tag": tag, "at": at}}
            answer = parts.desk.get(caller(), Get(kind=Kind.EVENTS, options=options)).document
        return render_template("activity_why.html", asked=asked, answer=answer)

    @blueprint.get("/activity/<id>")
    @session
    def one(id: str) -> str:
        event = _event(parts, id)
        payload = json.dumps(event.get("payload") or {}, indent=2, ensure_ascii=False)
        return render_template("activity_one.html", event=event, payload=payload, link=next_link(event))

    @blueprint.post("/activity/<id>/act")
    @session
    def act(id: str) -> Any:
        verb = request.form.get("verb", "")
        if verb in _AGAIN:
            parts.desk.act(caller(), Act(kind=Kind.EVENTS, verb=verb, id=id))
        elif verb in _ENABLING:
            _enable(parts, _event(parts, id), verb)
        return done(f"/activity/{id}" if verb in _ENABLING else "/activity")

    return blueprint


def next_link(event: Json) -> str:
    """Where the next step of an event leads; blank when it is a button, or nothing."""
    return _LINKS.get(str(event.get("action") or ""), "").format_map({"imageName": "", **event})


def _event(parts: WebParts, id: str) -> Json:
    return parts.desk.get(caller(), Get(kind=Kind.EVENTS, id=id)).document


def _enable(parts: WebParts, event: Json, verb: str) -> None:
    if verb == "enable-webhook":
        write(parts, Kind.WEBHOOKS, "patch", {"enabled": True}, id=str(event.get("webhookId")))
    else:
        project, name = str(event.get("project")), str(event.get("pipeline"))
        write(parts, Kind.PIPELINES, "patch", {"enabled": True}, project=project, name=name)


def _asked() -> dict[str, str]:
    wanted = {key: request.args.get(key, "").strip() for key in _TERMS}
    return {key: value for key, value in wanted.items() if value}


def _table(parts: WebParts, who: Caller, asked: dict[str, str], number: int) -> str:
    wanted = " and ".join(term.format(quoted(asked[key])) for key, term in _TERMS.items() if key in asked)
    ask = Find(kind=Kind.EVENTS, filter=wanted, orderby=ORDER, top=PAGE, skip=number * PAGE)
    found = parts.desk.find(who, ask)
    role = parts.roles.of(who)
    return render_template(
        "_activity.html",
        rows=[
            {**event, "next": next_link(event), "may": role.may(str(event.get("project") or ""), "EXECUTE")}
            for event in found.documents
        ],
        total=found.total,
        page=number,
        more=(number + 1) * PAGE < found.total,
        asked=asked,
        # A stream draws outside of a session's request: its forms get their token here.
        form_token=parts.sessions.form_token(who),
    )
