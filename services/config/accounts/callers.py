"""Callers: who made a request, read from the database again in each unit of work."""

from __future__ import annotations

from services.config.model.people import SYSTEM, Person
from services.config.store import Reading
from services.config.store.definitions import people
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, refuse


def load_person(uow: Reading, caller: Caller) -> Person:
    """Who is calling, as of now: a disabled user or an ended token stops at once."""
    if caller.user == SYSTEM.user and caller.token_id is None:
        return SYSTEM
    person = people.person(uow, caller.user, caller.token_id)
    if person is None:
        raise refuse(
            Code.UNAUTHENTICATED,
            "Not signed in: the session has ended, or its user or API token is no longer good",
            subject=caller.user,
            next_step="Sign in again.",
        )
    return person
