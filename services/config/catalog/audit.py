"""The audit log: who changed what, when, before and after. Takes wire documents, which hold no secrets."""

from __future__ import annotations

from typing import Any

from services.config.model.definitions import AuditEntry
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings as store
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import micros, wire_time
from shared.grammar.manifests import shown_pipeline

from .documents import link


def record(uow: UnitOfWork, person: Person, action: str, kind: Kind, before: Json | None, after: Json | None) -> None:
    """One change, in the transaction that makes it."""
    subject = after or before or {}
    store.record(
        uow,
        AuditEntry(
            at=uow.now,
            user=person.user,
            action=action,
            kind=kind.value,
            object_id=str(subject.get("id", "")),
            project=subject.get("project"),
            name=str(subject.get("name", "")),
            before=_shown(before),
            after=_shown(after),
        ),
    )


def _shown(document: Json | None) -> Json | None:
    """Secrets of others arrive masked; those written into a pipeline's manifests are its author's text."""
    return shown_pipeline(document) if document and "stages" in document else document


class Audit:
    """The kind `audit`: read only, by administrators of the installation or, for their project, of a project."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page, newest first."""
        values, total = store.AUDIT.page(uow, ask, *_seen_by(person))
        return Page(documents=tuple(_document(value) for value in values), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One line."""
        entries = store.AUDIT.all(uow, *_seen_by(person), store.AUDIT.column("id") == whole_number(ask.id, 18), limit=1)
        if not entries:
            raise refuse(Code.NOT_FOUND, f"there is no audit entry {ask.id}", subject=ask.id)
        return Document(document=_document(entries[0]))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Nothing: the log is only ever added to."""
        raise unsupported(ask.kind, ask.verb, ())


def _seen_by(person: Person) -> tuple[Any, ...]:
    if person.administers:
        return ()
    administered = [project for project in person.project_roles if person.may(project, Right.RESTRICTED)]
    if not administered:
        raise refuse(
            Code.FORBIDDEN,
            f"{person.user} may not read the audit log: that needs to be an administrator of a project",
            subject=person.user,
            next_step="Ask an administrator of this installation.",
        )
    return (store.AUDIT.column("project").in_(administered),)


def _document(change: AuditEntry) -> Json:
    return {
        "id": str(change.id),
        "kind": "AUDIT",
        "at": wire_time(change.at),
        "createdAt": wire_time(change.at),
        "_createTimeInMicros": micros(change.at),
        "user": change.user,
        "action": change.action,
        "objectKind": change.kind,
        "objectId": change.object_id,
        "project": change.project,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "_link": link(Kind.AUDIT.value, str(change.id)),
    }
