"""Notices: what administrators should do soon, each with what to do and a link; the navigation counts them."""

from __future__ import annotations

from flask import render_template, request

from services.gateway.commands.notices import PROCESS, notices
from shared.contracts.catalog import Kind

from . import session
from .lists import SEARCH, ListFilter, Listing, equal, part_of
from .routing import PageRoute

PLACES = {
    PROCESS: "Health",
    "api-token": "Its webhook or owner",
    "webhook-user": "The user",
    "hook": "The webhook",
    "certificate": "Where it is used",
    "secret": "Where it is used",
    "restricted-variable": "The endpoint",
    "public-address": "Settings",
}
"""The words of the link, by what a notice is about."""
ABOUT = {
    PROCESS: "processes",
    "api-token": "API tokens",
    "certificate": "certificates",
    "secret": "secrets",
    "webhook-user": "disabled users",
    "hook": "hooks at Docker Hub",
    "restricted-variable": "restricted variables",
    "public-address": "the public address",
}
LISTING = Listing(
    address="/notices",
    kind=Kind.NOTICES,
    noun="notice",
    order="until",
    columns={"until": "until"},
    search=part_of("message"),
    filters=(ListFilter("about", "About", equal("about"), ABOUT),),
)


def listing() -> str:
    session.demand_administrator()
    view = LISTING.view(request.args)
    page = notices(
        session.context(),
        session.caller(),
        skip=view.page * LISTING.size,
        top=LISTING.size,
        about=view.terms.get("about", ""),
        search=view.terms.get(SEARCH, ""),
    )
    return render_template("notices.html", view=view, rows=page.documents, total=page.total, places=PLACES)


def count() -> str:
    """How many there are, as the navigation shows it."""
    session.demand_administrator()
    page = notices(session.context(), session.caller(), skip=0, top=0)
    return render_template("_notices_count.html", count=page.total)


ROUTES = (
    PageRoute("GET", "/notices", listing),
    PageRoute("GET", "/notices/count", count),
)
