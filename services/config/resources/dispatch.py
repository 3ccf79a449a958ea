"""One shape for every kind of resource that the gateway asks for, and the desk that hands a request to its kind.

A resource authorises inside the transaction it was given; it never opens one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.config.resource import Prepares, Resource
from services.config.store import Reading, Store
from services.config.store import answers as answers_store
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, refuse

if TYPE_CHECKING:
    from services.config.model.people import Person

LoadPerson = Callable[[Reading, Caller], "Person"]


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
