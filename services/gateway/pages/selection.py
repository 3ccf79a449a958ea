"""Acting on the rows that were chosen in a list: each by itself, and one sentence on how many were taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.problems import Refused

from .lists import Listing
from .sign_in import own_address
from .toasts import Undo, say

MOST = 200
"""Rows that one form acts on."""


@dataclass(frozen=True, slots=True)
class ChosenVerb:
    """What can be done to chosen rows."""

    act: Callable[[str], object]
    """Does it to the row of this id; raises `Refused` when that is not possible."""
    sentence: str
    """What is said afterwards, such as `{} canceled.`, of "3 executions"."""
    back: str = ""
    """The verb that takes it back; empty where nothing does."""
    link: str = ""
    """Where what it did is seen; empty for the whole list."""
    word: str = ""


def act_on_chosen(listing: Listing, verbs: Mapping[str, ChosenVerb]) -> AnyResponse:
    """Carry the form's verb out on each of its rows, as far as that is possible, and return to the list."""
    verb = verbs.get(request.form.get("verb", ""))
    ids = list(dict.fromkeys(request.form.getlist("id")))[:MOST] if verb else []
    taken: list[str] = []
    refusals: list[str] = []
    for id in ids:
        assert verb is not None
        try:
            verb.act(id)
            taken.append(id)
        except Refused as refused:
            refusals.append(refused.problem.message)
    if verb and taken:
        undo = Undo(request.path, (("verb", verb.back), *(("id", id) for id in taken))) if verb.back else None
        sentence = verb.sentence.format(listing.counted(len(taken)))
        link, word = verb.link or listing.address, verb.word or f"All {listing.nouns}"
        say(sentence, link, word, undo=undo, failed=_left_out(listing, refusals))
    elif refusals:
        say("", failed=_left_out(listing, refusals))
    back = own_address(request.form.get("back", ""))
    return redirect(back if back.startswith(listing.address) else listing.address)


def _left_out(listing: Listing, refusals: list[str]) -> str:
    return f"{listing.counted(len(refusals))} not changed: {refusals[0]}" if refusals else ""
