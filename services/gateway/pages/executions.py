"""Executions: the list that moves, its filters, and what can be done to a run from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.event_streams import EXECUTIONS
from services.gateway.roles import Role
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind, Page
from shared.process.addresses import parts_of

from . import first_use, selection, session
from .execution_view import stages_of, verbs
from .formats import image_named, quoted, sign
from .layout import is_part
from .lists import ListFilter, Listing, ListView, equal, part_of, since_filter
from .routing import PageRoute
from .selection import ChosenVerb
from .streams import has_streams, stream
from .toasts import Undo, say

STATUSES = ("RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELED")


def _of_image(text: str) -> str:
    """`acme/web`, `acme/web:1.4.0`, and as people call it for short `web` or `web:1.4.0`."""
    image, tag = image_named(text)
    name = "_image" if "/" in text else "_imageName"
    return " and ".join([f"{name} eq {quoted(image)}", *([f"_imageTag eq {quoted(tag)}"] if tag else [])])


LISTING = Listing(
    address="/executions",
    kind=Kind.EXECUTIONS,
    noun="execution",
    order="-started",
    columns={"name": "name", "started": "_requestTimeInMicros", "status": "status"},
    search=part_of("name", "comments", "_image", "_imageTag", "_executedBy"),
    filters=(
        ListFilter("status", "Status", equal("status"), {status: sign(status)[2] for status in STATUSES}),
        ListFilter("name", "Pipeline", part_of("name")),
        ListFilter("project", "Project", part_of("project")),
        ListFilter("image", "Image", _of_image, hint="acme/web:1.4"),
        since_filter("_requestTimeInMicros"),
    ),
    size=25,
)
ACTS = {
    "pause": Act(kind=Kind.EXECUTIONS, verb="pause"),
    "resume": Act(kind=Kind.EXECUTIONS, verb="resume"),
    "cancel": Act(kind=Kind.EXECUTIONS, verb="cancel"),
    "rerun": Act(kind=Kind.EXECUTIONS, verb="rerun"),
    "rerun-from-failed": Act(kind=Kind.EXECUTIONS, verb="rerun", body={"from": "failed"}),
}
"""What a button sends, by its verb."""
_SAID = {
    "pause": "{} pauses after the tasks that are at work.",
    "resume": "{} continues.",
    "cancel": "{} is being canceled.",
    "rerun": "A new run was started.",
}


_UNDONE_BY = {"pause": "resume", "resume": "pause"}


def start() -> AnyResponse:
    return redirect("/executions")


def listing() -> str:
    view = LISTING.view(request.args)
    table = _table(view)
    if is_part():
        return table
    return render_template("executions.html", view=view, table=table, streams=has_streams())


def listing_live() -> Response:
    return stream(EXECUTIONS, lambda: _table(LISTING.view(request.args)))


def act(id: str) -> AnyResponse:
    command = ACTS.get(request.form.get("verb", ""))
    if command is None:
        return redirect(f"/executions/{id}")
    reason = request.form.get("reason", "")[:500]
    body = {**command.body, **({"reason": reason} if reason else {})}
    done = session.act(command.model_copy(update={"id": id, "body": body})).document
    sentence = _SAID[str(command.verb)].format(f"{done.get('name') or 'The run'} #{done.get('index') or ''}")
    back = _UNDONE_BY.get(str(command.verb))
    undo = Undo(f"/executions/{id}/act", (("verb", back),)) if back else None
    say(sentence, f"/executions/{done.get('executionId') or id}", "The run", undo=undo)
    # A run that was started again is what one wants to see now.
    then = f"/executions/{done['executionId']}" if done.get("executionId") else _back(f"/executions/{id}")
    if request.headers.get("HX-Request"):
        return Response("", 204, {"HX-Redirect": then} if done.get("executionId") else {})
    return redirect(then)


def act_on_chosen() -> AnyResponse:
    reason = request.form.get("reason", "")[:500]

    def send(verb: str, **body: str) -> Callable[[str], object]:
        return lambda id: session.act(ACTS[verb].model_copy(update={"id": id, "body": {**ACTS[verb].body, **body}}))

    verbs = {
        "cancel": ChosenVerb(send("cancel", **({"reason": reason} if reason else {})), "{} being canceled."),
        "rerun": ChosenVerb(send("rerun"), "{} started again."),
    }
    return selection.act_on_chosen(LISTING, verbs)


def _back(other: str) -> str:
    """To the page with the button, if it was the list."""
    path = request.form.get("back", "")
    return path if parts_of(path).path == "/executions" and path.startswith("/executions") else other


def _table(view: ListView) -> str:
    page = session.find(view.find())
    steps = first_use.steps() if not view.terms and not view.page and _is_new(page) else ""
    if steps and not page.documents:
        return steps
    role = session.role()
    rows = [_row(execution, role) for execution in page.documents]
    return steps + render_template("_executions.html", view=view, rows=rows, total=page.total)


def _is_new(page: Page) -> bool:
    """Has nothing been deployed yet? Then all runs are on this page."""
    return page.total <= LISTING.size and not any(
        execution.get("status") == "COMPLETED" for execution in page.documents
    )


def _row(execution: Json, role: Role) -> dict[str, Any]:
    """A run with what the list shows of it; the stages only as far as their icons and tasks need."""
    may = role.may(str(execution.get("project")), "EXECUTE")
    return {**execution, "columns": stages_of(execution), "verbs": verbs(execution) if may else ()}


ROUTES = (
    PageRoute("GET", "/", start),
    PageRoute("GET", "/executions", listing),
    PageRoute("GET", "/executions/live", listing_live),
    PageRoute("POST", "/executions/<id>/act", act),
    PageRoute("POST", "/executions/chosen", act_on_chosen),
)
