"""Messages as bytes: an envelope in JSON, and AMQP properties that repeat its head for queue tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pika
import pydantic_core
from pydantic import ValidationError

from shared.contracts.base import Message
from shared.contracts.bounds import MAX_MESSAGE_BYTES
from shared.contracts.envelope import Caller, Envelope
from shared.contracts.problems import Code, Problem
from shared.contracts.times import rfc3339
from shared.contracts.topics import BY_TYPE, Topic
from shared.process.clock import now
from shared.process.ids import new_id

from .outcomes import TooLarge

JSON = "application/json"
PROBLEM_TYPE = "problem.v1"
REPLY_SUFFIX = ".reply"

FAILURES = "x-portside-failures"
"""How often the message went round the retry ladder."""
CRASHES = "x-portside-crashes"
"""How often its handler raised something unexpected."""
QUEUE = "x-portside-queue"
REASON = "x-portside-reason"
DIED_AT = "x-portside-died-at"
DELIVERY_COUNT = "x-delivery-count"
ACQUIRED_COUNT = "x-acquired-count"

PERSISTENT, TRANSIENT = 2, 1


class Undecodable(Exception):
    """A body that is not one of our messages; the text says why."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message ready to send."""

    message_id: str
    body: bytes
    properties: pika.BasicProperties


def pack(
    topic: Topic,
    message: Message,
    *,
    source: str,
    subject: str,
    message_id: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    traceparent: str | None = None,
    caller: Caller | None = None,
    command_id: str | None = None,
    persistent: bool = True,
    reply_to: str | None = None,
    expires_after_s: float | None = None,
) -> Parcel:
    """Put a message into its envelope. With `reply_to` the AMQP correlation id is the message's own id."""
    if not isinstance(message, topic.model):
        raise TypeError(f"{topic.type} carries {topic.model.__name__}, not {type(message).__name__}")
    message_id = message_id or new_id()
    at = now()
    head: dict[str, Any] = {
        "id": message_id,
        "source": source,
        "type": topic.type,
        "subject": subject,
        "time": rfc3339(at),
        "datacontenttype": JSON,
    }
    optional = {
        "correlationid": correlation_id,
        "causationid": causation_id,
        "traceparent": traceparent,
        "caller": caller.model_dump() if caller else None,
        "commandid": command_id,
    }
    head |= {key: value for key, value in optional.items() if value is not None}
    return Parcel(
        message_id,
        _join(head, message),
        pika.BasicProperties(
            content_type=JSON,
            type=topic.type,
            message_id=message_id,
            correlation_id=message_id if reply_to else correlation_id,
            timestamp=int(at),
            app_id=source,
            delivery_mode=PERSISTENT if persistent else TRANSIENT,
            reply_to=reply_to,
            expiration=str(max(1, int(expires_after_s * 1000))) if expires_after_s is not None else None,
        ),
    )


def _join(head: dict[str, Any], message: Message) -> bytes:
    """The bytes of a message. Raises `TooLarge` before any broker sees it."""
    # Building the envelope's model would walk the message twice; its own JSON goes in as it is.
    body = b'%b,"data":%b}' % (json.dumps(head).encode()[:-1], message.model_dump_json().encode())
    if len(body) > MAX_MESSAGE_BYTES:
        raise TooLarge(str(head["type"]), len(body))
    return body


def unpack(body: bytes) -> tuple[Topic, Envelope, Message]:
    """The message in a body. Raises Undecodable with a reason that a person can read."""
    try:
        tree = pydantic_core.from_json(body)
    except ValueError as error:
        raise Undecodable(f"The body is not JSON: {error}") from error
    try:
        envelope = Envelope.model_validate(tree)
    except ValidationError as error:
        raise Undecodable(f"The envelope is not valid: {_flaws(error)}") from error
    topic = BY_TYPE.get(envelope.type)
    if topic is None:
        raise Undecodable(f"Unknown message type {envelope.type!r}: a newer version of {envelope.source} sent it?")
    try:
        return topic, envelope, topic.model.model_validate(envelope.data)
    except ValidationError as error:
        raise Undecodable(f"{envelope.type} is not valid: {_flaws(error)}") from error


def _flaws(error: ValidationError) -> str:
    flaws = [f"{'.'.join(map(str, flaw['loc'])) or 'the whole'}: {flaw['msg']}" for flaw in error.errors()[:5]]
    more = error.error_count() - len(flaws)
    return "; ".join(flaws) + (f"; and {more} more" if more > 0 else "")


def pack_reply(
    topic: Topic, reply: Message, *, source: str, subject: str, request_id: str, correlation_id: str
) -> Parcel:
    """An answer, or a problem, for the request whose message id is `asked`."""
    is_problem = isinstance(reply, Problem)
    if not is_problem and (topic.reply is None or not isinstance(reply, topic.reply)):
        expected = topic.reply.__name__ if topic.reply else "no reply"
        raise TypeError(f"{topic.type} is answered by {expected}, not {type(reply).__name__}")
    kind = PROBLEM_TYPE if is_problem else topic.type + REPLY_SUFFIX
    return _reply(kind, reply, source=source, subject=subject, request_id=request_id, correlation_id=correlation_id)


def pack_problem(problem: Problem, *, source: str, request_id: str, correlation_id: str) -> Parcel:
    """A problem in answer to something that could not even be read."""
    return _reply(
        PROBLEM_TYPE,
        problem,
        source=source,
        subject=problem.subject,
        request_id=request_id,
        correlation_id=correlation_id,
    )


def _reply(kind: str, reply: Message, *, source: str, subject: str, request_id: str, correlation_id: str) -> Parcel:
    message_id, at = new_id(), now()
    head = {
        "id": message_id,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": rfc3339(at),
        "datacontenttype": JSON,
        "causationid": request_id,
    }
    properties = pika.BasicProperties(
        content_type=JSON,
        type=kind,
        message_id=message_id,
        correlation_id=correlation_id,
        timestamp=int(at),
        app_id=source,
        delivery_mode=TRANSIENT,
    )
    return Parcel(message_id, _join(head, reply), properties)


def unpack_reply(topic: Topic, body: bytes) -> Message:
    """The answer to a request of that topic; a `Problem` when it was refused."""
    try:
        envelope = Envelope.model_validate(pydantic_core.from_json(body))
        model = Problem if envelope.type == PROBLEM_TYPE else topic.reply
        if model is None:
            raise ValueError(f"{topic.type} has no reply")
        return model.model_validate(envelope.data)
    except ValueError as error:
        return Problem(code=Code.INTERNAL, message=f"The answer to {topic.type} cannot be read: {error}")
