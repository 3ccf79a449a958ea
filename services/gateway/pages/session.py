"""Whose request a page answers: the signed-in user, what they may do, and config asked as them.

The session is a cookie; `identify` reads it before every page, so that also an error keeps the navigation. Forms carry
a token of their session, against forged requests from other sites.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlunsplit

from flask import Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import EXTENSION, AppContext
from services.gateway.commands.password_rule import least_length
from services.gateway.roles import Role
from services.gateway.sessions import COOKIE, NotSignedIn, of_port
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.process.addresses import parts_of

FORM_FIELD = "form_token"
PRE_SESSION = "portside_form"


class ForeignForm(Refused):
    """The form that was sent belongs to another session, or to none."""

    def __init__(self) -> None:
        step = "Send it again." if request.headers.get("HX-Request") else "Reload the page and send it again."
        super().__init__(
            Problem(code=Code.FORBIDDEN, message="This form does not belong to your session.", next_step=step)
        )


def context() -> AppContext:
    """What the application was built from."""
    app_context: AppContext = current_app.extensions[EXTENSION]
    return app_context


def identify() -> None:
    """Before each page: remember who is signed in, if anybody is."""
    try:
        g.caller = context().sessions.read(request.cookies.get(of_port(COOKIE, request), ""))
    except NotSignedIn:
        g.caller = None


def caller() -> Caller:
    """Who is signed in; only within a view that needs a session."""
    user: Caller = g.caller
    return user


def role() -> Role:
    """What the signed-in user may do, as far as it decides what to draw."""
    return context().roles.of(caller())


def find(ask: Find) -> Page:
    """One page of a kind, as the signed-in user may see it. Raises `Refused`."""
    return context().config.find(caller(), ask)


def get(ask: Get) -> Document:
    """One object, as the signed-in user may see it. Raises `Refused`."""
    return context().config.get(caller(), ask)


def me() -> Json:
    """The viewer's own user, as the API shows it. Raises `Refused`."""
    return get(Get(kind=Kind.USERS, id="me")).document


def act(command: Act) -> Document:
    """Change something as the signed-in user. Raises `Refused`."""
    return context().config.act(caller(), command)


def least_password() -> int:
    """How many characters a new password needs. Raises `Refused`."""
    return least_length(context(), caller())


def detour() -> AnyResponse | None:
    """Where a request without a session is sent instead of its view. Raises `ForeignForm`."""
    if g.get("caller") is None:
        return to_sign_in()
    if request.method not in ("GET", "HEAD"):
        token = request.form.get(FORM_FIELD) or request.headers.get("X-Form-Token", "")
        if not context().sessions.form_is_ours(caller(), token):
            raise ForeignForm
    return None


def guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view for signed-in users only."""

    def guard(**path: str) -> Any:
        return detour() or view(**path)

    return guard


def form_token() -> str:
    """What the forms of the session send back."""
    return context().sessions.form_token(caller())


def demand_administrator() -> None:
    """For what the gateway itself shows; config authorises everything else. Raises `Refused`."""
    if not role().administrator:
        raise _not_allowed("Only administrators can see this.")


def demand_editor() -> None:
    """For forms that create something, whatever its project. Raises `Refused` with the names of whom to ask."""
    if not role().may_somewhere("EDIT"):
        raise _not_allowed("You have read-only access.", " to make you a member of a project")
    if not role().may_define_somewhere():
        sources = "; ".join(f"{project} has its definitions from {source}" for project, source in role().in_git.items())
        raise refuse(
            Code.CONFLICT, f"Read-only: {sources}.", next_step="Add a file there; the next commit brings it here."
        )


def _not_allowed(message: str, purpose: str = "") -> Refused:
    names = ", ".join(role().administrators) or "an administrator"
    return refuse(Code.FORBIDDEN, message, next_step=f"Ask {names}{purpose}.")


def to_sign_in() -> AnyResponse:
    """To the sign-in page and back here afterwards; what was typed into a form stays where it is."""
    from_page = bool(request.headers.get("HX-Request"))
    if from_page and request.method != "GET":
        return Response(render_template("_signed_out.html"), 401)
    address = request.full_path.rstrip("?") if request.method == "GET" else "/"
    if from_page:
        current = parts_of(request.headers.get("HX-Current-URL", ""))
        address = urlunsplit(("", "", current.path or "/", current.query, ""))
    target = "/sign-in" + (f"?{urlencode({'next': address})}" if address != "/" else "")
    # A fragment cannot show a form: the whole page goes.
    return Response("", 200, {"HX-Redirect": target}) if from_page else redirect(target)


def pre_session_token(nonce: str) -> str:
    """The form token of somebody who has no session yet, bound to a cookie."""
    return hmac.new(hashlib.sha256(nonce.encode()).digest(), b"sign-in", hashlib.sha256).hexdigest()


def new_nonce() -> str:
    """A fresh value for that cookie."""
    return secrets.token_urlsafe(24)
