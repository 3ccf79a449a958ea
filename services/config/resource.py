"""The port that every kind of resource implements for the gateway's requests.

A resource authorises inside the transaction it was given; it never opens one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar, runtime_checkable

from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, Refused, refuse

T = TypeVar("T")


class Resource(Protocol):
    """A kind: what can be asked of it and done to it. Every method raises `Refused` for what it will not do."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page of what the person may see."""
        ...

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One object, in the API's own shape."""
        ...

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A change; rows, outbox and timers belong to the transaction of `uow`."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A kind with work that is too slow for a transaction."""

    def prepare(self, uow: Reading, person: Person, ask: Act) -> Callable[[], Act]:
        """Read what that work needs; what is returned does it, outside any transaction, and gives the act to do."""
        ...


def chosen(verbs: Mapping[str, T], ask: Act) -> T:
    """What a kind does for a verb; refuses one that it does not have."""
    action = verbs.get(ask.verb)
    if action is None:
        raise unsupported(ask.kind, ask.verb, tuple(verbs))
    return action


def unsupported(kind: Kind, verb: str, verbs: tuple[str, ...]) -> Refused:
    """The refusal of a verb that a kind does not have; the caller raises it."""
    can = ", ".join(verbs) if verbs else "nothing but reading"
    return refuse(Code.UNSUPPORTED, f"{kind.value} cannot {verb}; it can: {can}", subject=kind.value)
