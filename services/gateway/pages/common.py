"""What all areas share: who is signed in, forms of this session only, errors as pages, words and times for people."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Flask, Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from services.gateway.event_streams import TooManyStreams, hangs_up
from services.gateway.roles import Role
from services.gateway.sessions import COOKIE, NotSignedIn
from shared.contracts.envelope import Caller
from shared.contracts.problems import HTTP_STATUS, Code, Problem, Refused, refuse
from shared.grammar.repositories import read_repository
from shared.process.clock import now
from shared.process.ids import new_id
from shared.process.logging import get_logger

View = Callable[..., Any]
FORM_FIELD = "form_token"
PRE_SESSION = "portside_form"

NAVIGATION = (
    (
        "Deliver",
        (("Executions", "/executions"), ("Approvals", "/approvals"), ("Pipelines", "/pipelines"), ("Live", "/live")),
    ),
    ("Triggers › Docker", (("Activity", "/activity"), ("Webhooks for Docker", "/webhooks"))),
    ("Set up", (("Endpoints", "/endpoints"), ("Variables", "/variables"))),
)
"""Groups of pages, each with its address; the one that is open is marked."""

ADMINISTRATION = (
    "Administration",
    (
        ("Projects", "/projects"),
        ("People", "/people"),
        ("Queues", "/queues"),
        ("Audit", "/audit"),
        ("Health", "/health"),
    ),
)
"""For administrators; everybody else does not see these."""

SIGNS = {
    "COMPLETED": ("done", "✓", "completed"),
    "FAILED": ("failed", "✗", "failed"),
    "RUNNING": ("running", "▶", "running"),
    "STARTED": ("running", "▶", "started"),
    "WAITING": ("waiting", "◔", "waiting"),
    "PAUSING": ("waiting", "◫", "pausing"),
    "PAUSED": ("waiting", "◫", "paused"),
    "RESUMING": ("running", "▶", "resuming"),
    "CANCELING": ("canceled", "◻", "canceling"),
    "CANCELED": ("canceled", "◻", "canceled"),
    "SKIPPED": ("skipped", "↷", "skipped"),
    "NOT_STARTED": ("none", "○", "not started"),
}
"""Every status by shape, colour and word, so that none of the three carries the meaning alone."""


def prepare(app: Flask, parts: AppContext) -> None:
    """Filters and names that templates use."""
    app.jinja_env.filters.update(
        sign=lambda status: SIGNS.get(str(status), ("none", "○", str(status).lower())),
        duration=duration,
        ago=ago,
        moment=moment,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    def names() -> dict[str, Any]:
        caller = g.get("caller")
        if not caller:
            return {"caller": None}
        role = parts.roles.of(caller)
        return {
            "caller": caller,
            "role": role,
            "navigation": (*NAVIGATION, ADMINISTRATION) if role.administrator else NAVIGATION,
            "form_token": parts.sessions.form_token(caller),
            "here": request.path,
        }

    app.context_processor(names)


def signed_in(parts: AppContext) -> Callable[[View], View]:
    """Only with a session; a form also only from a page of that session."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*arguments: Any, **named: Any) -> Any:
            try:
                g.caller = parts.sessions.read(request.cookies.get(COOKIE, ""))
            except NotSignedIn:
                return to_sign_in()
            if request.method not in ("GET", "HEAD"):
                sent = request.form.get(FORM_FIELD) or request.headers.get("X-Form-Token", "")
                if not parts.sessions.form_is_ours(g.caller, sent):
                    return _not_ours(parts)
            return view(*arguments, **named)

        return guarded

    return decorate


def _not_ours(parts: AppContext) -> AnyResponse:
    """Refused; a page of ours, which no other site can ask or read, gets the token of the present session."""
    within = bool(request.headers.get("HX-Request"))
    step = "Send it once more." if within else "Load the page again and send it once more."
    problem = Problem(code=Code.FORBIDDEN, message="This form does not belong to your session.", next_step=step)
    response = error_page(Refused(problem))
    if within:
        token = parts.sessions.form_token(caller())
        response.headers["HX-Trigger"] = json.dumps({"portside:session": {"token": token}})
    return response


def caller() -> Caller:
    """Who is signed in; only within a `signed_in` view."""
    found: Caller = g.caller
    return found


def quoted(value: str) -> str:
    """A text as a literal of a filter."""
    return "'" + value.replace("'", "''") + "'"


def image_named(written: str) -> tuple[str, str]:
    """Repository and tag of an image as people write it, `docker.io/acme/web:1.4.1`; the tag may be blank."""
    name, _, tag = written.rpartition("/")[2].partition("@")[0].partition(":")
    return read_repository(written).path or name, tag


def demand_administrator(parts: AppContext) -> None:
    """For what the gateway itself shows; all else is authorised by config."""
    role = parts.roles.of(caller())
    if not role.administrator:
        raise _not_for(role, "Only administrators see this.")


def demand_editor(parts: AppContext) -> None:
    """For forms that make something, whatever its project: who may make nothing anywhere is told whom to ask."""
    role = parts.roles.of(caller())
    if not role.may_somewhere("EDIT"):
        raise _not_for(role, "You may read here, and change nothing.", " to make you a member of a project")


def _not_for(role: Role, message: str, what: str = "") -> Refused:
    names = ", ".join(role.administrators) or "an administrator"
    return refuse(Code.FORBIDDEN, message, next_step=f"Ask {names}{what}.")


def to_sign_in() -> AnyResponse:
    """To the sign-in page and back here afterwards; what was typed into a form stays where it is."""
    within = bool(request.headers.get("HX-Request"))
    if within and request.method != "GET":
        return Response(render_template("_signed_out.html"), 401)
    here = request.full_path.rstrip("?") if request.method == "GET" else "/"
    if within:
        seen = urlsplit(request.headers.get("HX-Current-URL", ""))
        here = urlunsplit(("", "", seen.path or "/", seen.query, ""))
    to = "/sign-in" + (f"?{urlencode({'next': here})}" if here != "/" else "")
    # A fragment cannot show a form: the whole page goes.
    return Response("", 200, {"HX-Redirect": to}) if within else redirect(to)


def pre_session_token(parts: AppContext, nonce: str) -> str:
    """The form token of somebody who has no session yet, bound to a cookie."""
    return hmac.new(hashlib.sha256(nonce.encode()).digest(), b"sign-in", hashlib.sha256).hexdigest()


def new_nonce() -> str:
    """A fresh value for that cookie."""
    return secrets.token_urlsafe(24)


def stream(
    parts: AppContext, topic: str, draw: Callable[[], str], over: Callable[[], bool] = lambda: False
) -> Response:
    """The frames of a topic as an event stream; 204 (which ends a browser's attempts) when there is no room."""
    who, gone = caller(), hangs_up(request.environ.get("gunicorn.socket"))
    place = ExitStack()
    try:
        viewer = place.enter_context(parts.live.watching(topic, (request.full_path, who)))
    except TooManyStreams:
        return Response("", 204)

    def frames() -> Iterator[str]:
        try:
            yield "retry: 2000\n\n"
            yield from parts.live.frames(viewer, draw, over, gone)
        except Refused as error:
            get_logger().info("stream ended", user=who.user, reason=error.problem.code.value)

    response = Response(frames(), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
    # Not in the generator: one that was never started would keep its place.
    response.call_on_close(place.close)
    return response


def piece(template: str, /, **values: Any) -> str:
    """What a page draws within itself; without JavaScript on a page of its own."""
    if request.headers.get("HX-Request"):
        return render_template(template, **values)
    return render_template("piece.html", piece=template, **values)


def page_number() -> int:
    """Which page of a list the address asks for, from 0."""
    page = request.args.get("page", "0")
    return int(page) if page.isdigit() and len(page) < 7 else 0


def error_page(error: Exception) -> Response:
    """A failure in words; a traceback goes to the log and never to a page."""
    if isinstance(error, Refused):
        problem = error.problem
        if problem.code is Code.UNAUTHENTICATED and request.path != "/sign-in":
            response = make_response(to_sign_in())
            response.delete_cookie(COOKIE)
            return response
        status = HTTP_STATUS[problem.code]
    elif isinstance(error, HTTPException):
        status = error.code or 500
        message = f"There is nothing at {request.path}." if status == 404 else str(error.description)
        problem = Problem(code=Code.NOT_FOUND, message=message)
    else:
        request_id, status = new_id(), 500
        get_logger().exception("page failed", path=request.path, request=request_id)
        problem = Problem(
            code=Code.INTERNAL,
            message="Something went wrong inside the gateway; its log has the details.",
            subject=request_id,
        )
    template = "_refused.html" if request.headers.get("HX-Request") else "error.html"
    response = make_response(render_template(template, problem=problem, status=status), status)
    if problem.retry_after_s:
        response.headers["Retry-After"] = str(round(problem.retry_after_s))
    return response


def duration(micros: Any) -> str:
    """`40 ms`, `1.2 s`, `3 min 4 s`; empty for none."""
    if not isinstance(micros, int | float) or micros <= 0:
        return ""
    seconds = micros / 1_000_000
    if seconds < 0.1:
        return f"{max(1, round(micros / 1_000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(micros: Any) -> str:
    """An instant in UTC for a tooltip."""
    if not isinstance(micros, int | float) or micros <= 0:
        return ""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(micros: Any) -> str:
    """How long ago, roughly."""
    if not isinstance(micros, int | float) or micros <= 0:
        return ""
    seconds = max(0.0, now() - micros / 1_000_000)
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now"
