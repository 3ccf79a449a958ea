"""Queues: what waits where, and the dead letters: read, sent again or put away, one or many."""

from __future__ import annotations

from collections.abc import Callable

from flask import render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.catalog import Act, Get, Kind

from . import queue_words, selection, session
from .layout import is_part
from .lists import ListFilter, Listing, equal, part_of
from .routing import PageRoute
from .selection import ChosenVerb

STATES = ("kept", "requeued", "discarded")
LISTING = Listing(
    address="/queues",
    kind=Kind.DEAD_LETTERS,
    noun="dead letter",
    order="-when",
    columns={"when": "_createTimeInMicros", "queue": "queue", "type": "type"},
    search=part_of("queue", "type", "subject", "reason"),
    filters=(ListFilter("state", "State", equal("state"), {state: state for state in STATES}),),
)


def queues() -> str:
    session.demand_administrator()
    broker = session.context().look_at_broker()
    drawn = render_template("_queues.html", broker=broker, rows=queue_words.rows(broker))
    return drawn if is_part() else _page(drawn)


def act() -> AnyResponse:
    def send(verb: str) -> Callable[[str], object]:
        return lambda id: session.act(Act(kind=Kind.DEAD_LETTERS, verb=verb, id=id))

    return selection.act_on_chosen(
        LISTING,
        {
            "requeue": ChosenVerb(send("requeue"), "{} requeued."),
            "discard": ChosenVerb(send("discard"), "{} discarded."),
        },
    )


def show(id: str) -> str:
    letter = session.get(Get(kind=Kind.DEAD_LETTERS, id=id)).document
    return render_template("dead_letter.html", letter=letter)


def _page(drawn: str) -> str:
    view = LISTING.view({"state": STATES[0], **request.args})
    page = session.find(view.find())
    return render_template(
        "queues.html",
        view=view,
        drawn=drawn,
        rows=page.documents,
        total=page.total,
        state=view.terms["state"],
    )


ROUTES = (
    PageRoute("GET", "/queues", queues),
    PageRoute("POST", "/queues/dead", act),
    PageRoute("GET", "/queues/dead/<id>", show),
)
