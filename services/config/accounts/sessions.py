"""Sessions: where somebody is signed in, by address and browser, and how one is ended from afar."""

from __future__ import annotations

from services.config.catalog import audit
from services.config.catalog.documents import LINK_BASE
from services.config.model.definitions import Token
from services.config.model.people import Person
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.times import micros, wire_time

_KINDS = ("session", "refresh")


class AccountSessions:
    """The kind `sessions`: one's own, in browsers and by password over the API."""

    def __init__(self) -> None:
        self._verbs = {"delete": self._end, "end-others": self._end_others}

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page of those that still let in."""
        column = people.SESSIONS.column
        values, total = people.SESSIONS.page(
            uow,
            ask,
            column("user_id") == person.user_id,
            column("kind").in_(_KINDS),
            column("revoked_at").is_(None),
            column("expires_at") > uow.now,
        )
        return Page(documents=tuple(_document(person, value) for value in values), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One session."""
        return Document(document=_document(person, _locate(uow, person, ask)))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """End one, or `end-others`: all but the one that asks."""
        person.demand_whole("end sessions")
        return chosen(self._verbs, ask)(uow, person, ask)

    def _end(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        session = _locate(uow, person, ask)
        document = _document(person, session)
        people.TOKENS.delete(uow, id=session.id)
        audit.record(uow, person, "delete", Kind.SESSIONS, document, None)
        return Document(document=document)

    def _end_others(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        people.revoke_tokens(uow, person.user_id, but=person.token_id, kinds=_KINDS)
        audit.record(uow, person, "end-others", Kind.SESSIONS, None, {"id": person.user_id, "name": person.user})
        return Document()


def _locate(uow: Reading, person: Person, ask: Act | Get) -> Token:
    session = people.good_token(uow, ask.id, person.user_id)
    if session is None or session.kind not in _KINDS:
        raise refuse(Code.NOT_FOUND, f"you have no session with the id {ask.id}", subject=ask.id)
    return session


def _document(person: Person, session: Token) -> Json:
    return {
        "id": session.id,
        "kind": "SESSION",
        "name": session.name,
        "user": person.user,
        "address": session.address,
        "browser": session.browser,
        "provider": session.provider,
        "current": session.id == person.token_id,
        "createdAt": wire_time(session.created_at),
        "expiresAt": wire_time(session.expires_at),
        "lastUsedAt": wire_time(session.last_used_at),
        "_createTimeInMicros": micros(session.created_at),
        "_expireTimeInMicros": micros(session.expires_at),
        "_link": f"{LINK_BASE}/{Kind.SESSIONS.value}/{session.id}",
    }
