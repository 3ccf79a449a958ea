"""Queues: what waits where, and the dead letters: read, sent again or put away, one or many."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.app_context import AppContext
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Refused

from .common import caller, demand_administrator, page_number, signed_in

PAGE = 50
VERBS = ("requeue", "discard")
STATES = ("kept", "requeued", "discarded")


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/queues` and below."""
    blueprint = Blueprint("queues", __name__)
    session = signed_in(parts)
    blueprint.add_app_template_filter(plot)

    @blueprint.get("/queues")
    @session
    def queues() -> str:
        demand_administrator(parts)
        drawn = render_template("_queues.html", broker=parts.look_at_broker())
        return drawn if request.headers.get("HX-Request") else _page(parts, drawn)

    @blueprint.post("/queues/dead")
    @session
    def act() -> str | AnyResponse:
        verb, failed = request.form.get("verb", ""), []
        for id in request.form.getlist("id") if verb in VERBS else ():
            try:
                parts.desk.act(caller(), Act(kind=Kind.DEAD_LETTERS, verb=verb, id=id))
            except Refused as error:
                failed.append(error.problem)
        if not failed:
            return redirect("/queues#dead")
        demand_administrator(parts)
        return _page(parts, render_template("_queues.html", broker=parts.look_at_broker()), failed)

    @blueprint.get("/queues/dead/<id>")
    @session
    def one(id: str) -> str:
        letter = parts.desk.get(caller(), Get(kind=Kind.DEAD_LETTERS, id=id)).document
        return render_template("dead_letter.html", letter=letter)

    return blueprint


def _page(parts: AppContext, drawn: str, problems: Sequence[object] = ()) -> str:
    number = page_number()
    state = request.args.get("state", "kept")
    state = state if state in STATES else "kept"
    ask = Find(kind=Kind.DEAD_LETTERS, filter=f"state eq '{state}'", top=PAGE, skip=number * PAGE)
    found = parts.desk.find(caller(), ask)
    return render_template(
        "queues.html",
        drawn=drawn,
        problems=problems,
        rows=found.documents,
        total=found.total,
        page=number,
        more=(number + 1) * PAGE < found.total,
        state=state,
        states=STATES,
    )


def plot(depths: Sequence[int]) -> str:
    """The points of a line, 100 wide and 20 high, its top the highest value; empty for less than two."""
    if len(depths) < 2:
        return ""
    top = max(1, *depths)
    step = 100 / (len(depths) - 1)
    return " ".join(f"{index * step:.1f},{19 - 18 * depth / top:.1f}" for index, depth in enumerate(depths))
