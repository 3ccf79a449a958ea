"""One shape for every kind of resource that the gateway asks for, and the desk that hands a request to its kind.

A resource authorises inside the transaction it was given; it never opens one of its own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.config.catalog.read_only import with_source
from services.config.resource import Prepares, Resource
from services.config.store import Reading, Store
from services.config.store import answers as answers_store
from shared.contracts.base import Json
from shared.contracts.bounds import MAX_ANSWER_BYTES, MAX_DEPTH, excess, is_within, size_of
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, refuse
from shared.grammar.cutting import cut, cut_deep

_DEEPEST = 2 * MAX_DEPTH
"""Of a document, whose values within the bound are some levels down; a message is read to 200 levels."""

if TYPE_CHECKING:
    from services.config.model.people import Person

LoadPerson = Callable[[Reading, Caller], "Person"]


@dataclass(frozen=True)
class ResourceDispatcher:
    """All kinds, and how to learn who asks."""

    store: Store
    resources: Mapping[Kind, Resource]
    load_person: LoadPerson

    def find(self, ask: Find, caller: Caller | None) -> Page:
        """Answer `catalog.find`."""
        with self.store.read() as uow:
            page = self._of(ask.kind).find(uow, self.load_person(uow, caller or ANONYMOUS), ask)
            documents = with_source(uow, ask.kind, page.documents)
        return page.model_copy(update={"documents": _within(documents)})

    def get(self, ask: Get, caller: Caller | None) -> Document:
        """Answer `catalog.get`."""
        with self.store.read() as uow:
            answer = self._of(ask.kind).get(uow, self.load_person(uow, caller or ANONYMOUS), ask)
            documents = with_source(uow, ask.kind, (answer.document,))
        return answer.model_copy(update={"document": _within(documents)[0]})

    def act(self, ask: Act, caller: Caller | None, command_id: str | None) -> Document:
        """Do `catalog.act` once per command id; the same command of the same caller gets the first answer again."""
        resource = self._of(ask.kind)
        scope = _scope(ask, (caller or ANONYMOUS).user, command_id) if command_id else None
        hashes = ask.hashes if ask.kind in _MINTED else {}
        if isinstance(resource, Prepares):
            with self.store.read() as reading:
                if scope and (answer := answers_store.find_answer(reading, scope)) is not None:
                    return answer
                prepared = resource.prepare(reading, self.load_person(reading, caller or ANONYMOUS), ask)
            ask = prepared()
        with self.store.write() as uow:
            if scope and (answer := answers_store.find_answer(uow, scope)) is not None:
                return answer
            person = self.load_person(uow, caller or ANONYMOUS)
            document = resource.act(uow, person, ask)
            answer = document.model_copy(update={"hashes": hashes})
            if scope:
                answers_store.keep_answer(uow, scope, answer)
            return answer

    def _of(self, kind: Kind) -> Resource:
        resource = self.resources.get(kind)
        if resource is None:
            raise refuse(Code.UNSUPPORTED, f"{kind.value} cannot be asked for", subject=kind.value)
        return resource


def _within(documents: Sequence[Json]) -> tuple[Json, ...]:
    """The documents as one answer can bring them; no row is so large or so deep that it takes the others along."""
    share = MAX_ANSWER_BYTES // max(1, len(documents))
    if all(is_within(document, share, _DEEPEST, sys.maxsize) for document in documents):
        return tuple(documents)
    whole = tuple(document if _is_shallow(document) else cut_deep(document, _DEEPEST) for document in documents)
    sizes = [size_of(document) for document in whole]
    if sum(sizes) <= MAX_ANSWER_BYTES:
        return whole
    return tuple(
        cut(document, share) if size > share else document for document, size in zip(whole, sizes, strict=True)
    )


def _is_shallow(document: Json) -> bool:
    return not excess(document, max_nodes=sys.maxsize, max_depth=_DEEPEST)


_MINTED = frozenset({Kind.TOKENS, Kind.WEBHOOKS, Kind.GIT_WEBHOOKS})
"""Kinds for which the gateway mints tokens, so that it must know whether those that it has just minted were kept."""


def _scope(ask: Act, user: str, command_id: str) -> str:
    """The key of a kept answer: one id that is used for another command, or by another caller, is another key.

    Inputs do not count: a nested run that a second runner asks for again is the same command, whatever it has resolved.
    """
    command = (user, command_id, ask.kind.value, ask.verb, ask.id, ask.project, ask.name, ask.body.get("name"))
    return hashlib.sha256(json.dumps(command, default=str).encode()).hexdigest()
