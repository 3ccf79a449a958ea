"""Activity: every delivery with its verdict, the reason and the next step, live; one with its payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, render_template, request

from services.gateway.event_streams import EVENTS
from services.gateway.roles import Role
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind

from . import selection, session
from .formats import image_named, quoted
from .forms import done, onward, write
from .layout import is_part
from .lists import ListFilter, Listing, ListView, begins, equal, part_of, since_filter
from .outcomes import OUTCOMES, VERDICTS, by_weight, outcome
from .routing import PageRoute
from .selection import ChosenVerb
from .streams import has_streams, stream
from .toasts import Undo

_LINKS = {
    "follow": "/executions/{executionId}",
    "edit-webhook": "/webhooks/{webhookId}",
    "new-webhook": "/webhooks/new?repoName={imageName}",
    "edit-endpoint": "/endpoints",
    "edit-project": "/projects",
    "show-payload": "/activity/{id}",
}
"""Next steps that are a page to go to."""

_AGAIN = {"rerun": "Rerun", "run-anyway": "Run anyway"}
_ENABLING = ("enable-webhook", "enable-pipeline")
_NEEDED = {"follow": "READ", "show-payload": "READ", "edit-project": "RESTRICTED"}
"""The right that a next step asks for, where that is not EDIT."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something to do about an event: a page to go to, or a verb to send."""

    words: str
    verb: str
    address: str = ""


def _of_image(text: str) -> str:
    """`acme/web`, `acme/web:1.4.0`, and as people call it for short `web` or `web:1.4.0`."""
    image, tag = image_named(text)
    whole = f"imageName eq {quoted(image)}"
    named = whole if "/" in text else f"({whole} or endswith(imageName,{quoted('/' + image)}))"
    return " and ".join([named, *([f"tag eq {quoted(tag)}"] if tag else [])])


LISTING = Listing(
    address="/activity",
    kind=Kind.EVENTS,
    noun="push",
    plural="pushes",
    exact_total=1_000,
    order="-when",
    columns={"when": "timeStampInMicros", "verdict": "verdict", "webhook": "webhook"},
    search=part_of("imageName", "tag", "webhook", "owner", "pipeline"),
    filters=(
        ListFilter("image", "Image", _of_image, hint="acme/web"),
        ListFilter("tag", "Tag", part_of("tag")),
        ListFilter("verdict", "Verdict", begins("verdict"), VERDICTS),
        ListFilter("outcome", "Outcome", equal("executionStatus"), OUTCOMES),
        ListFilter("webhook", "Webhook", part_of("webhook")),
        ListFilter("project", "Project", part_of("project")),
        since_filter("timeStampInMicros"),
        ListFilter("push", "One push", equal("pushKey"), offered=False),
    ),
)


def listing() -> str:
    view = LISTING.view(request.args)
    table = _table(view)
    if is_part():
        return table
    image = view.terms.get("image", "")
    tag = view.terms.get("tag", "")
    question = f"{image}:{tag}" if image and tag else image
    return render_template("activity.html", view=view, table=table, question=question, streams=has_streams())


def live() -> Response:
    return stream(EVENTS, lambda: _table(LISTING.view(request.args)))


def why() -> str:
    """Why an image was not deployed at a time; a time without a zone is in UTC, as all times on these pages."""
    question = {name: request.args.get(name, "").strip() for name in ("image", "at")}
    answer: Json = {}
    if question["image"]:
        repository, tag = image_named(question["image"])
        at = f"{question['at']}+00:00" if question["at"] else ""
        options = {"why": {"repository": repository, "tag": tag, "at": at}}
        answer = session.get(Get(kind=Kind.EVENTS, options=options)).document
    return render_template(
        "activity_why.html", asked=question, answer=answer, events=_by_id(answer.get("events") or ())
    )


def _by_id(ids: Sequence[str]) -> dict[str, Json]:
    """Events with what became of them."""
    if not ids:
        return {}
    which = " or ".join(f"id eq {quoted(id)}" for id in ids)
    page = session.find(Find(kind=Kind.EVENTS, filter=which, top=len(ids)))
    return {str(event["id"]): {**event, "outcome": outcome(event)} for event in page.documents}


def show(id: str) -> Any:
    """With `follow` on to the run as soon as there is one."""
    event, follows = _event(id), "follow" in request.args
    if follows and event.get("executionId"):
        return onward(f"/executions/{event['executionId']}")
    payload = json.dumps(event.get("payload") or {}, indent=2, ensure_ascii=False)
    steps = buttons(event, session.role())
    return render_template(
        "activity_one.html", event=event, outcome=outcome(event), payload=payload, buttons=steps, follows=follows
    )


def act(id: str) -> Any:
    verb = request.form.get("verb", "")
    if verb in _AGAIN:
        event = session.act(Act(kind=Kind.EVENTS, verb=verb, id=id)).document
        sentence = f"The push of {event.get('imageName')}:{event.get('tag')} is judged again."
        return done(f"/activity/{event['id']}?follow", sentence, f"/activity/{event['id']}", "Its verdict")
    if verb in _ENABLING:
        return _enable(_event(id), verb)
    return onward(f"/activity/{id}")


def act_on_chosen() -> Any:
    def rerun(id: str) -> None:
        session.act(Act(kind=Kind.EVENTS, verb="rerun", id=id))

    return selection.act_on_chosen(LISTING, {"rerun": ChosenVerb(rerun, "{} judged again.")})


def buttons(event: Json, role: Role) -> list[Button]:
    """What somebody of this role can do about an event: its next step first, then to judge the push again."""
    project, action = str(event.get("project") or ""), str(event.get("action") or "")
    offers = []
    if action and action not in _AGAIN and role.may(project, _NEEDED.get(action, "EDIT")):
        address = _LINKS.get(action, "").format_map({"imageName": "", **event})
        offers.append(Button(str(event.get("actionLabel") or ""), action, address))
    if event.get("verdict") and role.may(project, "EXECUTE"):
        offers += [Button(words, verb) for verb, words in _AGAIN.items()]
    return offers


def _brief(event: Json, role: Role) -> list[Button]:
    """Those that a row of the list has room for: its run has a column, and one way to judge again is enough."""
    started = event.get("executionLink") and event.get("action") != "run-anyway"
    again = "rerun" if started or event.get("action") == "rerun" else "run-anyway"
    return [button for button in buttons(event, role) if button.verb == again or button.verb not in ("follow", *_AGAIN)]


def _event(id: str) -> Json:
    return session.get(Get(kind=Kind.EVENTS, id=id)).document


def _enable(event: Json, verb: str) -> Any:
    page = f"/activity/{event['id']}"
    if verb == "enable-webhook":
        id = str(event.get("webhookId"))
        write(Kind.WEBHOOKS, "patch", {"enabled": True}, id=id)
        undo = Undo(f"/webhooks/{id}/act", (("verb", "disable"),))
        return done(
            page, f"The webhook {event.get('webhook')} is enabled.", f"/webhooks/{id}", "The webhook", undo=undo
        )
    project, name = str(event.get("project")), str(event.get("pipeline"))
    id = str(write(Kind.PIPELINES, "patch", {"enabled": True}, project=project, name=name).get("id"))
    undo = Undo(f"/pipelines/{id}/enabled", (("enabled", "false"),))
    return done(page, f"The pipeline {name} is enabled.", f"/pipelines/{id}", "The pipeline", undo=undo)


def _table(view: ListView) -> str:
    """Of each push a row, with one line below for each webhook that received it."""
    page = session.find(view.find(options={"pushes": True}))
    role = session.role()
    pushes = [[_line(event, role) for event in by_weight([head, *head.get("_others", ())])] for head in page.documents]
    return render_template("_activity.html", view=view, pushes=pushes, total=page.total)


def _line(event: Json, role: Role) -> Json:
    steps = _brief(event, role)
    again = any(step.verb in _AGAIN for step in steps)
    return {**event, "outcome": outcome(event), "buttons": steps, "judges_again": again}


ROUTES = (
    PageRoute("GET", "/activity", listing),
    PageRoute("GET", "/activity/live", live),
    PageRoute("GET", "/activity/why", why),
    PageRoute("GET", "/activity/<id>", show),
    PageRoute("POST", "/activity/<id>/act", act),
    PageRoute("POST", "/activity/chosen", act_on_chosen),
)
