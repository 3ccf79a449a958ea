"""Queues: what waits where, and the dead letters: read, sent again or put away, one or many."""

from __future__ import annotations

from collections.abc import Sequence

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Refused

from . import session
from .layout import page_number
from .routing import PageRoute

PAGE = 50
VERBS = ("requeue", "discard")
STATES = ("kept", "requeued", "discarded")


def queues() -> str:
    session.demand_administrator()
    drawn = render_template("_queues.html", broker=session.context().look_at_broker())
    return drawn if request.headers.get("HX-Request") else _page(drawn)


def act() -> str | AnyResponse:
    verb, failed = request.form.get("verb", ""), []
    for id in request.form.getlist("id") if verb in VERBS else ():
        try:
            session.act(Act(kind=Kind.DEAD_LETTERS, verb=verb, id=id))
        except Refused as error:
            failed.append(error.problem)
    if not failed:
        return redirect("/queues#dead")
    session.demand_administrator()
    return _page(render_template("_queues.html", broker=session.context().look_at_broker()), failed)


def show(id: str) -> str:
    letter = session.get(Get(kind=Kind.DEAD_LETTERS, id=id)).document
    return render_template("dead_letter.html", letter=letter)


def _page(drawn: str, problems: Sequence[object] = ()) -> str:
    page_index = page_number()
    state = request.args.get("state", "kept")
    state = state if state in STATES else "kept"
    ask = Find(kind=Kind.DEAD_LETTERS, filter=f"state eq '{state}'", top=PAGE, skip=page_index * PAGE)
    page = session.find(ask)
    return render_template(
        "queues.html",
        drawn=drawn,
        problems=problems,
        rows=page.documents,
        total=page.total,
        page=page_index,
        more=(page_index + 1) * PAGE < page.total,
        state=state,
        states=STATES,
    )


ROUTES = (
    PageRoute("GET", "/queues", queues),
    PageRoute("POST", "/queues/dead", act),
    PageRoute("GET", "/queues/dead/<id>", show),
)
