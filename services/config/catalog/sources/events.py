"""The kinds `git-events` and `gerrit-events`: what servers announced, and whether it fits a trigger."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.config.catalog import look_timer
from services.config.catalog.base import demand, visible
from services.config.catalog.context import new_id
from services.config.catalog.documents import link, stamps
from services.config.model.definitions import GitWebhook, SourceEvent
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import projects
from services.config.store.definitions.sources import GIT_WEBHOOKS, SOURCE_EVENTS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.times import micros

from .fields import NO_PUSH_STARTS_ANYTHING, warning
from .gerrit import GerritTriggers, record_by_hand
from .judgement import fits

MAX_FILES = 1_000
_SHOWN: dict[str, dict[str, Any]] = {
    "git": {
        "commitId": "", "httpUrl": "", "repo": "", "serverURL": "", "serverWebhookId": "", "subject": "",
        "targetBranch": "",
    },
    "gerrit": {
        "actionTaken": "", "branch": "", "changeId": "", "changeNumber": 0, "gerritProject": "", "listener": "",
        "patchSetNumber": 0, "properties": {}, "subject": "", "triggerType": "", "type": "",
    },
}  # fmt: skip
"""The fields of their own in the documents of either source, with their empty values."""


class SourceEvents:
    """Events of one source, newest first."""

    def __init__(self, kind: Kind, source: str, triggers: GerritTriggers) -> None:
        self.kind = kind
        self.source = source
        self._triggers = triggers
        self._verbs = {
            "create": self._create,
            "receive": self._receive,
            "rerun": self._judge_again,
            "resume": self._judge_again,
            "delete": self._delete,
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        mine = SOURCE_EVENTS.column("source") == self.source
        values, total = SOURCE_EVENTS.page(uow, ask, mine, *visible(uow, person, SOURCE_EVENTS))
        return Page(documents=tuple(self._documents(uow, values)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One event."""
        return Document(document=self._document(uow, self._locate(uow, person, ask.id)))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Record, judge again or delete."""
        return chosen(self._verbs, ask)(uow, person, ask)

    def _create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        if self.source != "gerrit":
            raise refuse(Code.UNSUPPORTED, "Git events come from a Git server", next_step="Push to its repository.")
        return record_by_hand(uow, person, self._triggers, ask)

    def _receive(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A Git server's push, let in by the secure token of its webhook."""
        webhook = GIT_WEBHOOKS.one(uow, id=ask.id) if self.source == "git" else None
        if webhook is None or not hmac.compare_digest(webhook.token_hash, ask.hashes.get("secretToken", "")):
            raise refuse(Code.FORBIDDEN, "The token belongs to no webhook of this address")
        event = SOURCE_EVENTS.insert(uow, _git_event(uow.now, webhook, ask.body))
        look_timer.pushed(uow, webhook, ask.body)
        return Document(document=self._document(uow, event))

    def _judge_again(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        event = self._locate(uow, person, ask.id)
        demand(uow, person, event.project, Right.EXECUTE, f"judge {self.source} events again")
        webhook = GIT_WEBHOOKS.one(uow, id=event.trigger_id) if self.source == "git" else None
        again = replace(event, updated_at=uow.now)
        if webhook is not None:
            again = replace(
                again, message=_message(webhook, event.tree), pipeline=webhook.pipeline, trigger=webhook.name
            )
        return Document(document=self._document(uow, SOURCE_EVENTS.update(uow, again)))

    def _delete(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        event = self._locate(uow, person, ask.id)
        demand(uow, person, event.project, Right.EDIT, f"delete {self.source} events")
        document = self._document(uow, event)
        SOURCE_EVENTS.delete(uow, id=event.id)
        return Document(document=document)

    def _locate(self, uow: Reading, person: Person, event_id: str) -> SourceEvent:
        event = SOURCE_EVENTS.one(uow, id=event_id, source=self.source)
        if event is None or not person.may(event.project, Right.READ):
            raise self._missing(event_id)
        return event

    def _missing(self, event_id: str) -> Refused:
        return refuse(Code.NOT_FOUND, f"there is no {self.source} event {event_id}", subject=event_id)

    def _document(self, uow: Reading, event: SourceEvent) -> Json:
        return self._documents(uow, [event])[0]

    def _documents(self, uow: Reading, events: Sequence[SourceEvent]) -> list[Json]:
        ids = projects.ids(uow, [event.project for event in events])
        return [self._shown(event, ids.get(event.project, "")) for event in events]

    def _shown(self, event: SourceEvent, project_id: str) -> Json:
        word = f"{self.source.upper()}_EVENT"
        return {
            "project": event.project,
            "kind": word,
            "id": event.id,
            "name": event.trigger,
            "description": "",
            "version": "1",
            "tags": [],
            "_link": link(self.kind.value, event.id),
            "_projectId": project_id,
            **stamps(event.received_at, event.updated_at, event.owner, event.owner),
            "timeStampInMicros": micros(event.received_at),
            "createdOn": micros(event.received_at),
            "owner": event.owner,
            "pipeline": event.pipeline,
            "trigger": event.trigger,
            "executionIndex": 0,
            "executionLink": "",
            "executionStatus": "",
            "message": event.message,
            **{key: event.tree.get(key, empty) for key, empty in _SHOWN[self.source].items()},
            "_warnings": [warning(word, event.trigger, "", NO_PUSH_STARTS_ANYTHING)],
        }


def _git_event(now: float, webhook: GitWebhook, push: Json) -> SourceEvent:
    names = (*_SHOWN["git"], "eventCategory")
    tree = {**{name: str(push.get(name) or "") for name in names}, "files": list(push.get("files") or ())[:MAX_FILES]}
    return SourceEvent(
        id=new_id(),
        source="git",
        project=webhook.project,
        trigger_id=webhook.id,
        trigger=webhook.name,
        pipeline=webhook.pipeline,
        owner=str(push.get("owner") or ""),
        message=_message(webhook, tree),
        received_at=now,
        updated_at=now,
        tree=tree,
    )


def _message(webhook: GitWebhook, push: Json) -> str:
    return f"{fits(webhook, push)[1]} {NO_PUSH_STARTS_ANYTHING}"
