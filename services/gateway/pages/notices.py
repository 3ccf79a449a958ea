"""Notices: what administrators should do soon, each with what to do and a link; the navigation counts them."""

from __future__ import annotations

from flask import render_template

from services.gateway.commands.notices import notices

from . import session
from .routing import PageRoute

PLACES = {
    "process": "Health",
    "api-token": "Its webhook or owner",
    "webhook-user": "The user",
    "hook": "The webhook",
    "certificate": "Where it is used",
    "secret": "Where it is used",
    "restricted-variable": "The endpoint",
    "public-address": "Settings",
}
"""The words of the link, by what a notice is about."""


def listing() -> str:
    session.demand_administrator()
    return render_template("notices.html", rows=notices(session.context(), session.caller()), places=PLACES)


def count() -> str:
    """How many there are, as the navigation shows it."""
    session.demand_administrator()
    return render_template("_notices_count.html", count=len(notices(session.context(), session.caller())))


ROUTES = (
    PageRoute("GET", "/notices", listing),
    PageRoute("GET", "/notices/count", count),
)
