"""Signing in, by password or one-time link, and out."""

from __future__ import annotations

import re

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from services.gateway.sessions import COOKIE
from shared.contracts.catalog import Act, Kind, SignedIn
from shared.contracts.problems import HTTP_STATUS, Code, Problem, Refused, refuse
from shared.process.clock import now
from shared.process.logging import get_logger

from . import session
from .routing import PageRoute


def page() -> Response:
    code = request.args.get("code", "")
    if not code:
        return _form()
    try:
        signed = session.context().sign_ins.by_code(request, code)
    except Refused as error:
        return _form(error.problem)
    return _welcome(signed, "/executions")


def send() -> Response:
    nonce = request.cookies.get(session.PRE_SESSION, "")
    if not nonce or request.form.get(session.FORM_FIELD, "") != session.pre_session_token(nonce):
        return _form(refuse(Code.FORBIDDEN, "The form has expired. Send it again.").problem)
    try:
        username, password = request.form.get("username", ""), request.form.get("password", "")
        signed = session.context().sign_ins.by_password(request, username, password)
    except Refused as error:
        return _form(error.problem)
    return _welcome(signed, request.form.get("next", ""))


def leave() -> Response:
    try:
        session.act(Act(kind=Kind.TOKENS, verb="sign-out"))
    except Refused as error:
        # The cookie goes in any case; the session itself ends by its time.
        get_logger().warning("session not ended", user=session.caller().user, reason=error.problem.message)
    response = redirect("/sign-in")
    response.delete_cookie(COOKIE)
    return response


def _form(problem: Problem | None = None) -> Response:
    nonce = request.cookies.get(session.PRE_SESSION) or session.new_nonce()
    status = HTTP_STATUS[problem.code] if problem else 200
    response = make_response(
        render_template(
            "sign_in.html",
            # Also while a session is open: the navigation would lead past the form.
            caller=None,
            problem=problem,
            form_token=session.pre_session_token(nonce),
            next=own_address(request.values.get("next", "")),
            username=request.form.get("username", ""),
        ),
        status,
    )
    response.set_cookie(
        session.PRE_SESSION, nonce, httponly=True, samesite="Strict", secure=request.is_secure, path="/sign-in"
    )
    return response


def _welcome(signed: SignedIn, target: str) -> Response:
    access = session.context().sessions.issue(signed, now())
    response = redirect(own_address(target) or "/executions")
    response.set_cookie(
        COOKIE, access.token, max_age=access.expires_in_s, httponly=True, samesite="Lax", secure=request.is_secure
    )
    session.context().origins.remember(request, response, signed.user, now())
    return response


_OWN_ADDRESS = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""One slash, then no character that browsers skip or read as another: they drop tabs and line breaks, so that `/`, tab,
`/evil.test` is another host's address."""


def own_address(path: str) -> str:
    """Only an address of ours may follow a sign-in."""
    return path if _OWN_ADDRESS.fullmatch(path) else ""


ROUTES = (
    PageRoute("GET", "/sign-in", page, public=True),
    PageRoute("POST", "/sign-in", send, public=True),
    PageRoute("POST", "/sign-out", leave),
)
