"""Confirming that a program may act as the viewer: the page of the device authorization grant (RFC 8628, 3.3).

A link may fill the code in, but nothing happens before the person has seen who asks for what and presses a button.
"""

from __future__ import annotations

from flask import render_template, request

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Refused

from . import session
from .account import ACCESS, DAYS
from .forms import field, project_names
from .routing import PageRoute

MAX_CODE = 40


def page() -> str:
    code = request.args.get("user_code", "")[:MAX_CODE]
    return _asked(code) if code else _page()


def answer() -> str:
    code, approve = field("userCode")[:MAX_CODE], request.form.get("answer") == "approve"
    body: Json = {key: field(key) for key in ("project", "access", "goodForDays")}
    command = Act(kind=Kind.DEVICES, verb="approve" if approve else "deny", name=code, body=body if approve else {})
    try:
        answered = session.act(command).document
    except Refused as error:
        return _page(code=code, problem=error.problem)
    return render_template("device_answered.html", device=answered)


def _asked(code: str) -> str:
    """Who asks for what; asked on the form's own address, so that it can be loaded again."""
    try:
        device = session.get(Get(kind=Kind.DEVICES, name=code)).document
    except Refused as error:
        return _page(code=code, problem=error.problem)
    if device["status"] != "pending":
        return render_template("device_answered.html", device=device)
    days = sorted({*DAYS, int(device["goodForDays"])})
    return _page(device=device, access=ACCESS, days=days, projects=project_names(), code=code)


def _page(**values: object) -> str:
    return render_template("device.html", **{"device": None, "problem": None, "code": "", **values})


ROUTES = (
    PageRoute("GET", "/device", page),
    PageRoute("POST", "/device", answer),
)
