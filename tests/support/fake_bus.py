"""What every stand-in for the bus does as the real one: a message travels as its bytes, and so does its answer."""

from __future__ import annotations

from shared.bus import wire
from shared.contracts.base import Message
from shared.contracts.envelope import Caller, Envelope
from shared.contracts.problems import Problem, Refused
from shared.contracts.topics import BY_TYPE, Mode, Service, Topic


def carry(
    topic: Topic,
    message: Message,
    *,
    sender: Service,
    subject: str = "",
    caller: Caller | None = None,
    command_id: str | None = None,
    reply_to: str | None = None,
) -> tuple[Envelope, Message]:
    """The envelope and the message as a receiver reads them.

    Raises `TypeError` for a topic that is not in the table, for a message of another model than the topic's, and for a
    request by a service that it is not answered for; `TooLarge` and `Undecodable` as the bus does.
    """
    if BY_TYPE.get(topic.type) is not topic:
        raise TypeError(f"{topic.type} is not in the table of topics")
    if sender not in topic.senders and any(queue.mode is Mode.RPC for queue in topic.queues):
        raise TypeError(f"{topic.type} is sent by {', '.join(topic.senders)}, not by {sender}")
    parcel = wire.pack(
        topic,
        message,
        source=f"portside/{sender}/test",
        subject=subject,
        caller=caller,
        command_id=command_id,
        reply_to=reply_to,
    )
    _, envelope, arrived = wire.unpack(parcel.body)
    return envelope, arrived


def carry_back(topic: Topic, reply: Message, *, request_id: str) -> Message:
    """The answer as the asker reads it.

    Raises `Refused` for a problem, `TypeError` for another type than the topic's.
    """
    parcel = wire.pack_reply(
        topic, reply, source="portside/test", subject="", request_id=request_id, correlation_id=request_id
    )
    answer = wire.unpack_reply(topic, parcel.body)
    if isinstance(answer, Problem):
        raise Refused(answer)
    return answer
