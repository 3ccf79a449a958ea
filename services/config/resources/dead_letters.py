"""The kind `dead-letters`: messages that nobody could work on, kept, looked at, sent again or discarded."""

from __future__ import annotations

import json
import re
from uuid import UUID, uuid5

import structlog
from pydantic import ValidationError

from services.config.catalog.documents import link, micros, wire_time
from services.config.model.people import Person
from services.config.pushes.deliveries import Deliveries
from services.config.resource import unsupported
from services.config.runs import protocol
from services.config.runs.batch import RunBatch
from services.config.store import Reading, Store, UnitOfWork
from services.config.store import dead_letters as stored
from services.config.store.dead_letters import KeptLetter
from shared.bus import DeadLetter
from shared.contracts.base import Json, Message
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.pushes import HookReceived
from shared.contracts.topics import BY_TYPE, HOOK_RECEIVED, RUN_EXECUTION, RUN_REPORT, RUNS, Topic

log = structlog.get_logger()

_IDS = UUID("3f8b8bd6-6a0e-5a34-9a7c-1f5b8a0f3d11")
_MAX_BODY = 1024 * 1024


def keep_letter(store: Store, dead: DeadLetter) -> None:
    """Put a dead letter in its table; a dead run message or report fails its execution, which frees its place."""
    body = dead.body[:_MAX_BODY].decode("utf-8", "replace").replace("\x00", "\ufffd")
    with store.write() as uow:
        letter = KeptLetter(
            id=str(uuid5(_IDS, f"{dead.queue}/{dead.message_id}/{dead.reason}")) if dead.message_id else _by_body(dead),
            at=uow.now,
            queue=dead.queue,
            reason=dead.reason,
            type=dead.type,
            subject=dead.subject,
            message_id=dead.message_id,
            body=body,
            history=list(dead.history),
            headers={name: str(value) for name, value in dead.headers.items()},
            state=stored.KEPT,
            handled_by="",
            handled_at=None,
        )
        if stored.add(uow, letter) and (dead.queue == RUNS.name or dead.type == RUN_EXECUTION.type):
            _fail_run(uow, letter)
        elif dead.type == RUN_REPORT.type:
            _fail_reporter(uow, dead)
    log.warning("dead-letter", queue=dead.queue, type=dead.type, subject=dead.subject, reason=dead.reason)


def _by_body(dead: DeadLetter) -> str:
    return str(uuid5(_IDS, f"{dead.queue}/{dead.reason}/{dead.body[:_MAX_BODY].hex()}"))


def _fail_run(uow: UnitOfWork, letter: KeptLetter) -> None:
    data = _data(letter)
    execution_id = str(data.get("execution_id") or letter.subject)
    dispatch = data.get("dispatch")
    with RunBatch(uow) as movement:
        run = movement.run(execution_id)
        if run is not None:
            number = dispatch if isinstance(dispatch, int) else None
            movement.apply(run, protocol.dead_lettered(run.holding, number, letter.reason, uow.now))


_HEAD_OF_A_REPORT = re.compile(
    rb'"data":\{"execution_id":"([^"]+)","attempt":(\d{1,9}),"runner":"[^"]*","events":\[(?:\{"seq":(\d{1,9}),)?'
)
"""As the model writes it: the rest of a report that is dead cannot be read, or nobody may be able to work on it."""


def _fail_reporter(uow: UnitOfWork, dead: DeadLetter) -> None:
    head = _HEAD_OF_A_REPORT.search(dead.body[:10_000])
    if head is None:
        return
    execution_id, attempt, first_seq = head[1].decode("utf-8", "replace"), int(head[2]), int(head[3] or 0)
    with RunBatch(uow) as movement:
        run = movement.run(execution_id)
        if run is not None:
            movement.apply(run, protocol.unreadable(run.holding, attempt, first_seq, dead.reason, uow.now))


def _data(letter: KeptLetter) -> Json:
    try:
        envelope = json.loads(letter.body)
        data = envelope["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


class DeadLetters:
    """For administrators."""

    def __init__(self, receiver: Deliveries) -> None:
        self._receiver = receiver

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page, newest first, without bodies."""
        person.demand_administrator("see dead letters")
        found, total = stored.page(uow, ask)
        return Page(documents=tuple(document(one) for one in found), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One, with its body."""
        person.demand_administrator("see dead letters")
        one = _locate(uow, ask.id)
        return Document(document={**document(one), "body": one.body, "headers": dict(one.headers)})

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Requeue or discard."""
        person.demand_administrator("deal with dead letters")
        one = _locate(uow, ask.id)
        if ask.verb in ("discard", "delete"):
            stored.set_state(uow, one.id, stored.DISCARDED, person.user)
        elif ask.verb == "requeue":
            self._requeue(uow, one)
            stored.set_state(uow, one.id, stored.REQUEUED, person.user)
        else:
            raise unsupported(Kind.DEAD_LETTERS, ask.verb, ("requeue", "discard"))
        return Document(document=document(_locate(uow, one.id)))

    def _requeue(self, uow: UnitOfWork, one: KeptLetter) -> None:
        topic, message = _message(one)
        if topic is HOOK_RECEIVED and isinstance(message, HookReceived):
            # As of today: what was pushed meanwhile counts, and an old push does not pass for a new one.
            with RunBatch(uow) as movement:
                self._receiver.receive(movement, message)
        elif topic is RUN_EXECUTION:
            raise refuse(
                Code.CONFLICT, "The execution has ended with this message", subject=one.subject, next_step="Rerun it."
            )
        else:
            uow.outbox(topic, message, one.subject)


def _message(one: KeptLetter) -> tuple[Topic, Message]:
    topic = BY_TYPE.get(one.type)
    try:
        if topic is not None:
            return topic, topic.model.model_validate(_data(one))
    except ValidationError as error:
        raise refuse(Code.CONFLICT, f"It still cannot be read: {error.errors()[0]['msg']}", subject=one.id) from error
    raise refuse(Code.CONFLICT, f"Nobody knows messages of type {one.type or '(none)'}", subject=one.id)


def _locate(uow: Reading, number: str) -> KeptLetter:
    one = stored.find_letter(uow, number)
    if one is None:
        raise refuse(Code.NOT_FOUND, f"There is no dead letter {number}", subject=number)
    return one


def document(one: KeptLetter) -> Json:
    """What pages and commands show."""
    return {
        "id": one.id,
        "queue": one.queue,
        "reason": one.reason,
        "type": one.type,
        "subject": one.subject,
        "messageId": one.message_id,
        "history": list(one.history),
        "state": one.state,
        "handledBy": one.handled_by,
        "handledAt": wire_time(one.handled_at),
        "createdAt": wire_time(one.at),
        "_link": link("dead-letters", one.id),
        "_createTimeInMicros": micros(one.at),
    }
