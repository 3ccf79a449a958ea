"""One shape for every kind of resource that the gateway asks for, and the desk that hands a request to its kind.

A resource authorises inside the transaction it was given; it never opens one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, Refused, refuse

from .store import Reading, Store, UnitOfWork
from .store import answers as answers_store

if TYPE_CHECKING:
    from .people import Person

T = TypeVar("T")
LoadPerson = Callable[[Reading, Caller], "Person"]


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


@dataclass(frozen=True)
class Desk:
    """All kinds, and how to learn who asks."""

    store: Store
    resources: Mapping[Kind, Resource]
    load_person: LoadPerson

    def find(self, ask: Find, caller: Caller | None) -> Page:
        """Answer `catalog.find`."""
        with self.store.read() as uow:
            return self._of(ask.kind).find(uow, self.load_person(uow, caller or ANONYMOUS), ask)

    def get(self, ask: Get, caller: Caller | None) -> Document:
        """Answer `catalog.get`."""
        with self.store.read() as uow:
            return self._of(ask.kind).get(uow, self.load_person(uow, caller or ANONYMOUS), ask)

    def act(self, ask: Act, caller: Caller | None, command_id: str | None) -> Document:
        """Do `catalog.act` once per command id; a repeated command gets the first answer again."""
        resource = self._of(ask.kind)
        scope = f"{(caller or ANONYMOUS).user}:{command_id}" if command_id else None
        if isinstance(resource, Prepares):
            with self.store.read() as reading:
                if scope and (known := answers_store.find_answer(reading, scope)) is not None:
                    return known
                prepared = resource.prepare(reading, self.load_person(reading, caller or ANONYMOUS), ask)
            ask = prepared()
        with self.store.write() as uow:
            if scope and (known := answers_store.find_answer(uow, scope)) is not None:
                return known
            person = self.load_person(uow, caller or ANONYMOUS)
            document = resource.act(uow, person, ask)
            if scope:
                answers_store.keep_answer(uow, scope, document)
            return document

    def _of(self, kind: Kind) -> Resource:
        resource = self.resources.get(kind)
        if resource is None:
            raise refuse(Code.UNSUPPORTED, f"{kind.value} cannot be asked for", subject=kind.value)
        return resource


def chosen(verbs: Mapping[str, T], ask: Act) -> T:
    """What a kind does for a verb; refuses one that it does not have."""
    found = verbs.get(ask.verb)
    if found is None:
        raise unsupported(ask.kind, ask.verb, tuple(verbs))
    return found


def unsupported(kind: Kind, verb: str, known: tuple[str, ...]) -> Refused:
    """The refusal of a verb that a kind does not have; the caller raises it."""
    can = ", ".join(known) if known else "nothing but reading"
    return refuse(Code.UNSUPPORTED, f"{kind.value} cannot {verb}; it can: {can}", subject=kind.value)
