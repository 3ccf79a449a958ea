"""My account, for everybody: one's own password, sessions and API tokens."""

from __future__ import annotations

import re
from typing import Any

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Kind
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.process.password_policy import demand_good_password, password_flaw, rule

from . import selection, session
from .forms import every, field, write
from .lists import Listing
from .routing import PageRoute
from .selection import ChosenVerb
from .toasts import say

MOST = 200
TOKENS = Listing("/account", Kind.TOKENS, "token", "name", {"name": "name"})
ACCESS = (
    ("everything", "everything that I may do"),
    ("run", "run pipelines, and read"),
    ("read", "read only"),
)
DAYS = (7, 30, 90, 182, 365, 3_660)
_DEFAULT_DAYS = 90
_PROGRAMS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python requests"),
)
"""By the first that its `User-Agent` holds: Edge and Opera name Chrome too, and Chrome names Safari."""
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def page() -> str:
    return _page()


def change_password() -> str | AnyResponse:
    new = request.form.get("password", "")
    try:
        if new != request.form.get("again", ""):
            step = "Type the new password twice."
            raise refuse(Code.INVALID, "The two new passwords differ.", subject="again", next_step=step)
        demand_good_password(new, *_names(session.me()), least=session.least_password())
        body = {"password": new, "oldPassword": request.form.get("oldPassword", "")}
        write(Kind.USERS, "password", body, id="me")
    except Refused as error:
        return _page(error.problem)
    return redirect("/account?done=password")


def check_password() -> str:
    """While somebody types: what is wrong with the password so far."""
    password, least = request.form.get("password", ""), session.least_password()
    names = request.form.get("name", ""), session.caller().user
    flaw = password_flaw(password, *names, least=least) if password else rule(least)
    return render_template("_password_checked.html", flaw=flaw, typed=bool(password))


def end_session(id: str) -> AnyResponse:
    session.act(Act(kind=Kind.SESSIONS, verb="delete", id=id))
    say("The session has ended.", "/account#sessions", "Sessions")
    return redirect("/account#sessions")


def end_other_sessions() -> AnyResponse:
    session.act(Act(kind=Kind.SESSIONS, verb="end-others"))
    say("All your other sessions have ended.", "/account#sessions", "Sessions")
    return redirect("/account#sessions")


def new_token() -> str:
    return _token_form({"access": "everything", "goodForDays": _DEFAULT_DAYS})


def make_token() -> str | AnyResponse:
    body: Json = {key: field(key) for key in ("name", "project", "access", "goodForDays")}
    try:
        token = write(Kind.TOKENS, "create", body)
    except Refused as error:
        return _token_form(body, error.problem)
    return render_template("account_token_made.html", token=token)


def revoke_token(id: str) -> AnyResponse:
    _revoke(id)
    say("The token is revoked.", "/account/tokens/new", "Make another")
    return redirect("/account#tokens")


def revoke_chosen() -> AnyResponse:
    return selection.act_on_chosen(TOKENS, {"revoke": ChosenVerb(_revoke, "{} revoked.")})


def _revoke(id: str) -> None:
    session.act(Act(kind=Kind.TOKENS, verb="delete", id=id))


def browser_name(user_agent: str) -> str:
    """A browser as people call it, from its `User-Agent`: `Firefox on Linux`; else the product that it names first."""
    program = next((name for mark, name in _PROGRAMS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if program:
        return f"{program} on {system}" if system else program
    first = re.match(r"[\w.-]{1,40}", user_agent)
    return first[0] if first else ""


def _page(problem: Problem | None = None) -> str:
    sessions = session.find(Find(kind=Kind.SESSIONS, top=MOST)).documents
    return render_template(
        "account.html",
        me=session.me(),
        sessions=[{**row, "browserName": browser_name(str(row.get("browser") or ""))} for row in sessions],
        tokens=session.find(Find(kind=Kind.TOKENS, orderby="name", top=MOST)).documents,
        token_list=TOKENS,
        access=dict(ACCESS),
        rule=rule(session.least_password()),
        problem=problem,
        done=request.args.get("done", ""),
    )


def _token_form(token: Json, problem: Problem | None = None) -> str:
    names = [str(project.get("name")) for project in every(Kind.PROJECTS)]
    return render_template(
        "account_token_form.html", token=token, access=ACCESS, days=DAYS, projects=names, problem=problem
    )


def _names(user: Json) -> list[str]:
    values: list[Any] = [user.get("name"), user.get("email")]
    return [str(value) for value in values if value]


ROUTES = (
    PageRoute("GET", "/account", page),
    PageRoute("POST", "/account/password", change_password),
    PageRoute("POST", "/account/password/check", check_password),
    PageRoute("POST", "/account/sessions/end-others", end_other_sessions),
    PageRoute("POST", "/account/sessions/<id>/end", end_session),
    PageRoute("GET", "/account/tokens/new", new_token),
    PageRoute("POST", "/account/tokens", make_token),
    PageRoute("POST", "/account/tokens/chosen", revoke_chosen),
    PageRoute("POST", "/account/tokens/<id>/revoke", revoke_token),
)
