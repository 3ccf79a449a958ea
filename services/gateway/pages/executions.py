"""Executions: the list that moves, its filters, and what can be done to a run from it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.event_streams import EXECUTIONS
from services.gateway.roles import Role
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Kind, Page
from shared.process.clock import now

from . import first_use, session
from .execution_view import stages_of, verbs
from .formats import image_named, quoted
from .layout import page_number
from .routing import PageRoute
from .streams import stream

PAGE = 25
SUGGESTED = 50
"""Pipelines that the filter suggests: those changed last."""
ORDER = "_requestTimeInMicros desc"
STATUSES = ("RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELED")
SINCE_S = {"1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
SINCE_WORDS = {"1h": "the last hour", "24h": "the last day", "7d": "the last week", "30d": "the last 30 days"}
_TERMS = {
    "status": "status eq {}",
    "name": "name eq {}",
    "project": "project eq {}",
}
ACTS = {
    "pause": Act(kind=Kind.EXECUTIONS, verb="pause"),
    "resume": Act(kind=Kind.EXECUTIONS, verb="resume"),
    "cancel": Act(kind=Kind.EXECUTIONS, verb="cancel"),
    "rerun": Act(kind=Kind.EXECUTIONS, verb="rerun"),
    "rerun-from-failed": Act(kind=Kind.EXECUTIONS, verb="rerun", body={"from": "failed"}),
}
"""What a button sends, by its verb."""


def start() -> AnyResponse:
    return redirect("/executions")


def listing() -> str:
    filters = _asked()
    if request.headers.get("HX-Request"):
        return _table(filters, page_number())
    newest = Find(kind=Kind.PIPELINES, orderby="_updateTimeInMicros desc", top=SUGGESTED)
    names = sorted({str(pipeline["name"]) for pipeline in session.find(newest).documents})
    return render_template(
        "executions.html",
        filters=bool(filters or names),
        table=_table(filters, page_number()),
        query=request.query_string.decode("latin1"),
        asked=filters,
        statuses=STATUSES,
        spans=SINCE_WORDS,
        pipelines=names,
        streams=session.context().streams.has_room,
    )


def listing_live() -> Response:
    return stream(EXECUTIONS, lambda: _table(_asked(), page_number()))


def act(id: str) -> AnyResponse:
    command = ACTS.get(request.form.get("verb", ""))
    if command is None:
        return redirect(f"/executions/{id}")
    reason = request.form.get("reason", "")[:500]
    body = {**command.body, **({"reason": reason} if reason else {})}
    done = session.act(command.model_copy(update={"id": id, "body": body})).document
    # A run that was started again is what one wants to see now.
    then = f"/executions/{done['executionId']}" if done.get("executionId") else _back(f"/executions/{id}")
    if request.headers.get("HX-Request"):
        return Response("", 204, {"HX-Redirect": then} if done.get("executionId") else {})
    return redirect(then)


def _back(other: str) -> str:
    """To the page with the button, if it was the list."""
    path = request.form.get("back", "")
    return path if urlsplit(path).path == "/executions" and path.startswith("/executions") else other


def _asked() -> dict[str, str]:
    filters = {key: request.args.get(key, "").strip() for key in (*_TERMS, "image", "since")}
    return {key: value for key, value in filters.items() if value}


def _filter(filters: dict[str, str]) -> str:
    terms = [term.format(quoted(filters[key])) for key, term in _TERMS.items() if key in filters]
    if "image" in filters:
        terms += _of_image(filters["image"])
    if (span := SINCE_S.get(filters.get("since", ""))) is not None:
        terms.append(f"_requestTimeInMicros ge {round((now() - span) * 1e6)}")
    return " and ".join(terms)


def _of_image(text: str) -> list[str]:
    """`acme/web`, `acme/web:1.4.0`, and as people call it for short `web` or `web:1.4.0`."""
    image, tag = image_named(text)
    name = "_image" if "/" in text else "_imageName"
    return [f"{name} eq {quoted(image)}", *([f"_imageTag eq {quoted(tag)}"] if tag else [])]


def _table(filters: dict[str, str], page_index: int) -> str:
    ask = Find(kind=Kind.EXECUTIONS, filter=_filter(filters), orderby=ORDER, top=PAGE, skip=page_index * PAGE)
    page = session.find(ask)
    steps = first_use.steps() if not filters and not page_index and _is_new(page) else ""
    if steps and not page.documents:
        return steps
    role = session.role()
    return steps + render_template(
        "_executions.html",
        rows=[_row(execution, role) for execution in page.documents],
        total=page.total,
        page=page_index,
        more=(page_index + 1) * PAGE < page.total,
        asked=filters,
    )


def _is_new(page: Page) -> bool:
    """Has nothing been deployed yet? Then all runs are on this page."""
    return page.total <= PAGE and not any(execution.get("status") == "COMPLETED" for execution in page.documents)


def _row(execution: Json, role: Role) -> dict[str, Any]:
    """A run with what the list shows of it; the stages only as far as their icons and tasks need."""
    may = role.may(str(execution.get("project")), "EXECUTE")
    return {**execution, "columns": stages_of(execution), "verbs": verbs(execution) if may else ()}


ROUTES = (
    PageRoute("GET", "/", start),
    PageRoute("GET", "/executions", listing),
    PageRoute("GET", "/executions/live", listing_live),
    PageRoute("POST", "/executions/<id>/act", act),
)
