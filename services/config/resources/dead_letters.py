"""The kind `dead-letters`: messages that nobody could work on, kept, looked at, sent again or discarded."""

from __future__ import annotations

import json
import re
from uuid import UUID

from pydantic import ValidationError

from services.config.catalog.documents import link
from services.config.model.people import Person
from services.config.pushes.deliveries import Deliveries
from services.config.resource import unsupported
from services.config.runs import protocol
from services.config.runs.batch import RunBatch
from services.config.store import Reading, Store, UnitOfWork, Work
from services.config.store import dead_letters as stored
from services.config.store.dead_letters import KeptLetter
from shared.bus import DeadLetter
from shared.contracts.base import Json, Message
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.pushes import HookReceived
from shared.contracts.times import micros, wire_time
from shared.contracts.topics import BY_TYPE, HOOK_RECEIVED, RUN_EXECUTION, RUN_REPORT, RUNS, Topic
from shared.process.ids import derived_id
from shared.process.logging import get_logger

log = get_logger()

_IDS = UUID("3f8b8bd6-6a0e-5a34-9a7c-1f5b8a0f3d11")
_MAX_BODY = 1024 * 1024


def keep_letter(store: Store, dead: DeadLetter) -> None:
    """Put a dead letter in its table; a dead run message or report fails its execution, which frees its place."""
    body = dead.body[:_MAX_BODY].decode("utf-8", "replace").replace("\x00", "\ufffd")
    with store.write(Work.UPKEEP) as uow:
        letter = KeptLetter(
            id=derived_id(f"{dead.queue}/{dead.message_id}/{dead.reason}", _IDS) if dead.message_id else _by_body(dead),
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
    log.warning("letter.kept", queue=dead.queue, type=dead.type, subject=dead.subject, reason=dead.reason)


def _by_body(dead: DeadLetter) -> str:
    return derived_id(f"{dead.queue}/{dead.reason}/{dead.body[:_MAX_BODY].hex()}", _IDS)


def _fail_run(uow: UnitOfWork, letter: KeptLetter) -> None:
    data = _data(letter)
    execution_id = str(data.get("execution_id") or letter.subject)
    dispatch = data.get("dispatch")
    with RunBatch(uow) as movement:
        run = movement.run(execution_id)
        if run is not None:
            dispatch_number = dispatch if isinstance(dispatch, int) else None
            movement.apply(run, protocol.dead_lettered(run.holding, dispatch_number, letter.reason, uow.now))


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
        letters, total = stored.page(uow, ask)
        return Page(documents=tuple(document(letter) for letter in letters), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One, with its body."""
        person.demand_administrator("see dead letters")
        letter = _locate(uow, ask.id)
        return Document(document={**document(letter), "body": letter.body, "headers": dict(letter.headers)})

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Requeue or discard."""
        person.demand_administrator("deal with dead letters")
        letter = _locate(uow, ask.id)
        if ask.verb in ("discard", "delete"):
            stored.set_state(uow, letter.id, stored.DISCARDED, person.user)
        elif ask.verb == "requeue":
            self._requeue(uow, letter)
            stored.set_state(uow, letter.id, stored.REQUEUED, person.user)
        else:
            raise unsupported(Kind.DEAD_LETTERS, ask.verb, ("requeue", "discard"))
        return Document(document=document(_locate(uow, letter.id)))

    def _requeue(self, uow: UnitOfWork, letter: KeptLetter) -> None:
        topic, message = _message(letter)
        if topic is HOOK_RECEIVED and isinstance(message, HookReceived):
            # As of today: what was pushed meanwhile counts, and an old push does not pass for a new one.
            with RunBatch(uow) as movement:
                self._receiver.receive(movement, message)
        elif topic is RUN_EXECUTION:
            raise refuse(
                Code.CONFLICT,
                "The execution has ended with this message",
                subject=letter.subject,
                next_step="Rerun it.",
            )
        else:
            uow.outbox(topic, message, letter.subject)


def _message(letter: KeptLetter) -> tuple[Topic, Message]:
    topic = BY_TYPE.get(letter.type)
    try:
        if topic is not None:
            return topic, topic.model.model_validate(_data(letter))
    except ValidationError as error:
        raise refuse(
            Code.CONFLICT, f"It still cannot be read: {error.errors()[0]['msg']}", subject=letter.id
        ) from error
    raise refuse(Code.CONFLICT, f"Nobody knows messages of type {letter.type or '(none)'}", subject=letter.id)


def _locate(uow: Reading, letter_id: str) -> KeptLetter:
    letter = stored.find_letter(uow, letter_id)
    if letter is None:
        raise refuse(Code.NOT_FOUND, f"There is no dead letter {letter_id}", subject=letter_id)
    return letter


def document(letter: KeptLetter) -> Json:
    """What pages and commands show."""
    return {
        "id": letter.id,
        "queue": letter.queue,
        "reason": letter.reason,
        "type": letter.type,
        "subject": letter.subject,
        "messageId": letter.message_id,
        "history": list(letter.history),
        "state": letter.state,
        "handledBy": letter.handled_by,
        "handledAt": wire_time(letter.handled_at),
        "createdAt": wire_time(letter.at),
        "_link": link("dead-letters", letter.id),
        "_createTimeInMicros": micros(letter.at),
    }
