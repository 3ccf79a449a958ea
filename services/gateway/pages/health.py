"""Health: every process and the broker, one line a trouble, with what to do about it."""

from __future__ import annotations

from flask import render_template, request

from shared.contracts.catalog import Get, Kind

from . import queue_words, session
from .routing import PageRoute
from .setting_fields import GROUPS


def health() -> str:
    session.demand_administrator()
    broker = session.context().look_at_broker()
    drawn = render_template(
        "_health.html",
        lines=session.context().health.lines(),
        broker=broker,
        slow=[row for row in queue_words.rows(broker) if row.trouble],
        settings=session.get(Get(kind=Kind.SETTINGS)).document,
        groups=GROUPS,
    )
    return drawn if request.headers.get("HX-Request") else render_template("health.html", drawn=drawn)


ROUTES = (PageRoute("GET", "/health", health),)
