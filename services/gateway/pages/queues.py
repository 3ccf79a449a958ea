"""Queues: what waits where, and the dead letters: read, sent again or put away, one or many."""

from __future__ import annotations

from collections.abc import Sequence

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Refused

from . import session
from .layout import is_part
from .lists import ListFilter, Listing, equal, part_of
from .routing import PageRoute
from .toasts import say

VERBS = ("requeue", "discard")
STATES = ("kept", "requeued", "discarded")
LISTING = Listing(
    address="/queues",
    kind=Kind.DEAD_LETTERS,
    noun="letter",
    order="-when",
    columns={"when": "_createTimeInMicros", "queue": "queue", "type": "type"},
    search=part_of("queue", "type", "subject", "reason"),
    filters=(ListFilter("state", "State", equal("state"), {state: state for state in STATES}),),
)


def queues() -> str:
    session.demand_administrator()
    drawn = render_template("_queues.html", broker=session.context().look_at_broker())
    return drawn if is_part() else _page(drawn)


def act() -> str | AnyResponse:
    verb, failed = request.form.get("verb", ""), []
    for id in request.form.getlist("id") if verb in VERBS else ():
        try:
            session.act(Act(kind=Kind.DEAD_LETTERS, verb=verb, id=id))
        except Refused as error:
            failed.append(error.problem)
    if not failed:
        say({"requeue": "Requeued.", "discard": "Discarded."}.get(verb, ""))
        return redirect("/queues#dead")
    session.demand_administrator()
    return _page(render_template("_queues.html", broker=session.context().look_at_broker()), failed)


def show(id: str) -> str:
    letter = session.get(Get(kind=Kind.DEAD_LETTERS, id=id)).document
    return render_template("dead_letter.html", letter=letter)


def _page(drawn: str, problems: Sequence[object] = ()) -> str:
    view = LISTING.view({"state": STATES[0], **request.args})
    page = session.find(view.find())
    return render_template(
        "queues.html",
        view=view,
        drawn=drawn,
        problems=problems,
        rows=page.documents,
        total=page.total,
        state=view.terms["state"],
    )


ROUTES = (
    PageRoute("GET", "/queues", queues),
    PageRoute("POST", "/queues/dead", act),
    PageRoute("GET", "/queues/dead/<id>", show),
)
