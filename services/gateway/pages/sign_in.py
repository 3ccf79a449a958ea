"""Signing in, by password or one-time link, and out."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from services.gateway.app_context import AppContext
from services.gateway.sessions import COOKIE
from shared.contracts.catalog import Act, Kind, SignedIn, SignIn
from shared.contracts.problems import HTTP_STATUS, Code, Problem, Refused, refuse
from shared.process.clock import now
from shared.process.logging import get_logger
from shared.process.secrets import password_digest, token_hash

from .common import FORM_FIELD, PRE_SESSION, caller, new_nonce, pre_session_token, signed_in

MAX_FIELD = 1_000


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/sign-in`, `/sign-out`."""
    blueprint = Blueprint("signing", __name__)

    @blueprint.get("/sign-in")
    def page() -> Response:
        code = request.args.get("code", "")
        if not code:
            return _form(parts)
        try:
            signed = parts.desk.sign_in(
                SignIn(one_time_code_hash=token_hash(code[:MAX_FIELD]), source_address=request.remote_addr or "")
            )
        except Refused as error:
            return _form(parts, error.problem)
        return _welcome(parts, signed, "/executions")

    @blueprint.post("/sign-in")
    def send() -> Response:
        nonce = request.cookies.get(PRE_SESSION, "")
        if not nonce or request.form.get(FORM_FIELD, "") != pre_session_token(parts, nonce):
            return _form(parts, refuse(Code.FORBIDDEN, "The form was too old. Please send it again.").problem)
        try:
            signed = parts.desk.sign_in(
                SignIn(
                    username=request.form.get("username", "")[:MAX_FIELD],
                    password_digest=password_digest(request.form.get("password", "")[:MAX_FIELD]),
                    source_address=request.remote_addr or "",
                )
            )
        except Refused as error:
            return _form(parts, error.problem)
        return _welcome(parts, signed, request.form.get("next", ""))

    @blueprint.post("/sign-out")
    @signed_in(parts)
    def leave() -> Response:
        who = caller()
        try:
            parts.desk.act(who, Act(kind=Kind.TOKENS, verb="sign-out"))
        except Refused as error:
            # The cookie goes in any case; the session itself ends by its time.
            get_logger().warning("session not ended", user=who.user, reason=error.problem.message)
        response = redirect("/sign-in")
        response.delete_cookie(COOKIE)
        return response

    return blueprint


def _form(parts: AppContext, problem: Problem | None = None) -> Response:
    nonce = request.cookies.get(PRE_SESSION) or new_nonce()
    status = HTTP_STATUS[problem.code] if problem else 200
    response = make_response(
        render_template(
            "sign_in.html",
            problem=problem,
            form_token=pre_session_token(parts, nonce),
            next=_safe(request.values.get("next", "")),
            username=request.form.get("username", ""),
        ),
        status,
    )
    response.set_cookie(PRE_SESSION, nonce, httponly=True, samesite="Strict", secure=request.is_secure, path="/sign-in")
    return response


def _welcome(parts: AppContext, signed: SignedIn, wanted: str) -> Response:
    access = parts.sessions.issue(signed, now())
    response = redirect(_safe(wanted) or "/executions")
    response.set_cookie(
        COOKIE, access.token, max_age=access.expires_in_s, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


def _safe(path: str) -> str:
    """Only an address of ours may follow a sign-in."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path else ""
