"""What a handler gets, what it may answer, and how sending can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.base import Message
from shared.contracts.bounds import MAX_MESSAGE_BYTES
from shared.contracts.envelope import Envelope
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import Topic


@dataclass(frozen=True, slots=True)
class Incoming:
    """A decoded message on its way to a handler."""

    topic: Topic
    envelope: Envelope
    message: Message
    redelivered: bool = False
    """Somebody had it before and did not finish: it may have been handled already."""
    failures: int = 0
    """How often a handler has sent it round the retry ladder."""
    wants_reply: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """Done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Done, and this is the reply where one was asked for."""

    message: Message


@dataclass(frozen=True, slots=True)
class Fail:
    """Done, and the reply is a problem; the asker gets it as `Refused`."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Retry:
    """Again later, on the ladder 1 s, 10 s, 1 min, 10 min; `after_s` picks the first rung that is long enough."""

    after_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Never again: to the dead letters with this reason."""

    reason: str


Outcome = Ack | Answer | Fail | Retry | Drop


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody could handle."""

    queue: str
    """Where it died."""
    reason: str
    body: bytes
    type: str = ""
    subject: str = ""
    message_id: str = ""
    history: tuple[str, ...] = ()
    """What happened to it, a line each, oldest last."""
    headers: Mapping[str, Any] = field(default_factory=dict)


class StopConsuming(Exception):
    """Raised by a batch handler that cannot continue now: nothing is acknowledged, and the batch is tried again."""

    def __init__(self, reason: str, again_after_s: float = 5.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again_after_s = again_after_s


class TooLarge(Refused):
    """A message that no broker would take, or an answer: it was not sent, and to send it again cannot help."""

    def __init__(self, type_: str, size: int) -> None:
        most = MAX_MESSAGE_BYTES // 2**20
        super().__init__(
            Problem(
                code=Code.INVALID,
                message=f"{type_} would take {size / 2**20:.1f} MiB, and a message takes at most {most} MiB.",
                subject=type_,
                next_step="Send or ask for less at a time.",
            )
        )


class NotConfirmed(Exception):
    """The broker did not confirm a message. It may have arrived all the same: sending it again is harmless."""


class Unavailable(Exception):
    """A request could not be sent, or its answer can no longer arrive: the broker is away."""


class NotAsked(Unavailable):
    """A request did not leave, or came back unread: nobody will carry it out."""


class RequestTimeout(Exception):
    """Nobody answered in time. A command may still be carried out: repeat it with the same command id."""
