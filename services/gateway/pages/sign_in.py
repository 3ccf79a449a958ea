"""Signing in, by password, one-time link or sign-in provider, and out."""

from __future__ import annotations

import re

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from services.gateway.sessions import (
    COOKIE,
    GOOD_FOR_S,
    SIGN_ON_COOKIE,
    SIGN_ON_GOOD_FOR_S,
    SIGN_OUT_COOKIE,
    of_port,
)
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
    nonce = request.cookies.get(of_port(session.PRE_SESSION, request), "")
    if not nonce or request.form.get(session.FORM_FIELD, "") != session.pre_session_token(nonce):
        return _form(refuse(Code.FORBIDDEN, "The form has expired. Send it again.").problem)
    try:
        username, password = request.form.get("username", ""), request.form.get("password", "")
        signed = session.context().sign_ins.by_password(request, username, password)
    except Refused as error:
        return _form(error.problem)
    return _welcome(signed, request.form.get("next", ""))


def to_provider(name: str) -> Response:
    """A link and no form: the content security policy lets forms lead nowhere else."""
    try:
        begun = session.context().sign_on.begin(name, own_address(request.args.get("next", "")))
    except Refused as error:
        return _form(error.problem)
    response = redirect(begun.url)
    _set_cookie(response, SIGN_ON_COOKIE, begun.cookie, SIGN_ON_GOOD_FOR_S, path="/sign-in")
    return response


def from_provider() -> Response:
    try:
        finished = session.context().sign_on.finish(request, request.cookies.get(of_port(SIGN_ON_COOKIE, request), ""))
    except Refused as error:
        response = _form(error.problem)
    else:
        response = _welcome(finished.signed_in, finished.next)
        if finished.sign_out:
            _set_cookie(response, SIGN_OUT_COOKIE, finished.sign_out, GOOD_FOR_S, path="/sign-out")
    response.delete_cookie(of_port(SIGN_ON_COOKIE, request), path="/sign-in")
    return response


def leave() -> Response:
    try:
        session.act(Act(kind=Kind.TOKENS, verb="sign-out"))
    except Refused as error:
        # The cookie goes in any case; the session itself ends by its time.
        get_logger().warning("session.not-ended", user=session.caller().user, reason=error.problem.message)
    url = session.context().sign_on.sign_out_url(request.cookies.get(of_port(SIGN_OUT_COOKIE, request), ""))
    # A page, since the content security policy forbids that a form leads on to the provider.
    response = make_response(render_template("signed_out.html", caller=None, url=url)) if url else redirect("/sign-in")
    response.delete_cookie(of_port(COOKIE, request))
    response.delete_cookie(of_port(SIGN_OUT_COOKIE, request), path="/sign-out")
    return response


def _set_cookie(response: Response, name: str, value: str, max_age_s: int, path: str) -> None:
    response.set_cookie(
        of_port(name, request),
        value,
        max_age=max_age_s,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path=path,
    )


def _form(problem: Problem | None = None) -> Response:
    nonce = request.cookies.get(of_port(session.PRE_SESSION, request)) or session.new_nonce()
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
            ways=session.context().sign_on.offered(),
        ),
        status,
    )
    response.set_cookie(
        of_port(session.PRE_SESSION, request),
        nonce,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/sign-in",
    )
    return response


def _welcome(signed: SignedIn, target: str) -> Response:
    access = session.context().sessions.issue(signed, now())
    response = redirect(own_address(target) or "/executions")
    _set_cookie(response, COOKIE, access.token, access.expires_in_s, path="/")
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
    PageRoute("GET", "/sign-in/with/<name>", to_provider, public=True),
    PageRoute("GET", "/sign-in/callback", from_provider, public=True),
    PageRoute("POST", "/sign-out", leave),
)
