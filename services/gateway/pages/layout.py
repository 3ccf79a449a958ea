"""What every page has around its content: navigation, filters for templates, fragments, and errors as pages."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from services.gateway.chapters import chapter_of, of_trial
from services.gateway.sessions import COOKIE, of_port
from shared.contracts.problems import HTTP_STATUS, Code, Problem, Refused
from shared.contracts.texts import counted, whole_number
from shared.process.ids import new_id
from shared.process.logging import get_logger
from shared.version import __version__

from . import first_use, formats, queue_words, session, setting_fields, site, toasts, words
from .execution_view import headline

THEME_COOKIE, THEMES = "portside_theme", ("dark", "light")
"""What the switch in the foot of the page chose; otherwise the viewer's system chooses."""
ROWS_COOKIE, COMPACT = "portside_rows", "compact"
"""What the switch below a list chose: rows of one line."""
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
        ("Notices", "/notices"),
        ("Projects", "/projects"),
        ("People", "/people"),
        ("Settings", "/settings"),
        ("Queues", "/queues"),
        ("Audit", "/audit"),
        ("Health", "/health"),
    ),
)
"""For administrators; everybody else does not see these."""


def prepare(app: Flask) -> None:
    """Filters and names that templates use."""
    app.jinja_env.filters.update(
        sign=formats.sign,
        duration=formats.duration,
        when=formats.when,
        instant=formats.instant,
        short_digest=formats.short_digest,
        plot=formats.plot,
        brief=formats.brief,
        code=formats.code,
        counted=counted,
        words=words.words,
        sentence=lambda text: f"{text[:1].upper()}{text[1:]}",
        shown_setting=setting_fields.shown,
        chapter_of=chapter_of,
        chapter_of_trial=of_trial,
        headline=lambda text: headline(formats.brief(text))[0],
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.context_processor(_names)
    app.after_request(toasts.carry)


def _names() -> dict[str, Any]:
    chosen_theme = request.cookies.get(THEME_COOKIE, "")
    theme = chosen_theme if chosen_theme in THEMES else ""
    compact = request.cookies.get(ROWS_COOKIE) == COMPACT
    if g.get("caller") is None:
        return {"caller": None, "theme": theme, "compact": compact}
    role = session.role()
    return {
        "caller": session.caller(),
        "theme": theme,
        "compact": compact,
        "unwell": [line for line in session.context().health.lines() if line.troubles],
        "slow_queues": queue_words.lasting(session.context().recent_looks()),
        "role": role,
        "navigation": (*NAVIGATION, ADMINISTRATION) if role.administrator else NAVIGATION,
        "form_token": session.form_token(),
        "here": request.path,
        "version": __version__,
        "help": site.chapter(request.path),
        "first_steps": first_use.shows_bar(),
        "said": toasts.previous_toast(),
    }


def piece(template: str, /, **values: Any) -> str:
    """What a page draws within itself; without JavaScript on a page of its own."""
    if request.headers.get("HX-Request"):
        return render_template(template, **values)
    return render_template("piece.html", piece=template, **values)


def is_part() -> bool:
    """Is only the part asked for that draws itself again, `#live`?"""
    return request.headers.get("HX-Target") == "live"


def query_number(name: str) -> int:
    """A whole number of the address; 0 where it is absent or none."""
    return whole_number(request.args.get(name, "")) or 0


def error_page(error: Exception) -> Response:
    """A failure in words; a traceback goes to the log and never to a page."""
    if isinstance(error, Refused):
        problem = error.problem
        if problem.code is Code.UNAUTHENTICATED and request.path != "/sign-in":
            response = make_response(session.to_sign_in())
            response.delete_cookie(of_port(COOKIE, request))
            return response
        status = HTTP_STATUS[problem.code]
    elif isinstance(error, HTTPException):
        status = error.code or 500
        message = f"There is nothing at {request.path}." if status == 404 else str(error.description)
        problem = Problem(code=Code.NOT_FOUND, message=message)
    else:
        request_id, status = new_id(), 500
        get_logger().exception("page.failed", path=request.path, request=request_id)
        problem = Problem(
            code=Code.INTERNAL,
            message="Something went wrong inside the gateway; its log has the details.",
            subject=request_id,
        )
    template = "_refused.html" if request.headers.get("HX-Request") else "error.html"
    response = make_response(render_template(template, problem=problem, status=status), status)
    if isinstance(error, session.ForeignForm) and request.headers.get("HX-Request"):
        # A page of ours, which no other site can ask or read, gets the token of the present session.
        response.headers["HX-Trigger"] = json.dumps({"portside:session": {"token": session.form_token()}})
    if problem.retry_after_s:
        response.headers["Retry-After"] = str(round(problem.retry_after_s))
    return response
