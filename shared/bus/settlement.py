"""What becomes of a delivery in the end: answered, sent round the retry ladder, or laid with the dead letters.

Everything here may wait for a confirm and so never runs on an I/O thread.
"""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import pika

from shared.bus.outcomes import Ack, Answer, Drop, Fail, Incoming, NotConfirmed, Outcome, Retry, TooLarge
from shared.bus.publisher import Publisher
from shared.bus.subscription import Delivery
from shared.contracts.base import Message
from shared.contracts.problems import Code, Problem
from shared.process.clock import monotonic, now
from shared.process.logging import get_logger

from . import topology, wire

QUARANTINE_AFTER = 3
"""Unexpected exceptions from one message's handler."""
BROKER_AWAY_S = 1.0
"""How long what could not be put away waits for the next try."""
_CONFIRM_S = 5.0
_LONGEST_REASON = 2000
_COUNTED_BY_BROKER = (wire.DELIVERY_COUNT, wire.ACQUIRED_COUNT)

log = get_logger(part="bus")


class Disposal:
    """Ends deliveries of one queue."""

    def __init__(self, publisher: Publisher, queue: str, source: str) -> None:
        self._publisher = publisher
        self._queue = queue
        self._source = source

    def drop(self, delivery: Delivery, reason: str) -> None:
        """To the dead letters, confirmed. Raises NotConfirmed, and then the delivery must not be acknowledged."""
        log.error(
            "message.quarantined",
            queue=self._queue,
            type=delivery.properties.type,
            message_id=delivery.properties.message_id,
            reason=reason,
        )
        headers = {wire.QUEUE: self._queue, wire.REASON: reason[:_LONGEST_REASON], wire.DIED_AT: int(now())}
        self._send(topology.DEAD, self._queue, delivery, headers, mandatory=True)

    def retry(self, delivery: Delivery, *, failures: int, crashes: int, after_s: float | None) -> None:
        """To the delay queue that brings it back, confirmed. Raises NotConfirmed."""
        rung = topology.rung_for(failures - 1, after_s)
        headers = {wire.FAILURES: failures, wire.CRASHES: crashes}
        self._send("", topology.retry_queue(self._queue, rung), delivery, headers, mandatory=True)

    def set_apart(self, delivery: Delivery) -> None:
        """To the queue whose messages are handled alone, confirmed. Raises NotConfirmed."""
        self._send("", topology.alone_queue(self._queue), delivery, {}, mandatory=True)

    def answer(self, delivery: Delivery, incoming: Incoming, outcome: Outcome) -> None:
        """Answer the sender with what an outcome says; one to be retried says nothing yet."""
        match outcome:
            case Answer(message):
                self.reply(delivery, incoming, message)
            case Fail(problem):
                self.reply(delivery, incoming, problem)
            case Drop(reason):
                self.reply_problem(delivery, Code.INTERNAL, reason)
            case Ack() | Retry():
                pass

    def reply(self, delivery: Delivery, incoming: Incoming, answer: Message) -> None:
        """Answer the sender, if it asked. Not confirmed: a lost answer is asked for again."""
        properties = delivery.properties
        if not properties.reply_to:
            return
        try:
            parcel = wire.pack_reply(
                incoming.topic,
                answer,
                source=self._source,
                subject=incoming.envelope.subject,
                request_id=incoming.envelope.id,
                correlation_id=properties.correlation_id or "",
            )
        except TypeError as error:
            log.error("answer.wrong", topic=incoming.topic.name, reason=str(error))
            problem = Problem(code=Code.INTERNAL, message=str(error), subject=incoming.envelope.id)
            parcel = self._problem(properties, problem)
        except TooLarge as error:
            log.warning("answer.too-large", topic=incoming.topic.name, reason=str(error))
            parcel = self._problem(properties, error.problem)
        self._publisher.send("", properties.reply_to, parcel.body, parcel.properties)

    def wait_to_reply(self, limit_s: float) -> None:
        """Wait until a reply has a chance to leave, at most so long."""
        deadline = monotonic() + limit_s
        while not self._publisher.usable and monotonic() < deadline:
            time.sleep(0.02)

    def reply_problem(self, delivery: Delivery, code: Code, message: str) -> None:
        """Answer a delivery that could not be read or handled."""
        properties = delivery.properties
        if properties.reply_to:
            problem = Problem(code=code, message=message, subject=properties.message_id or "")
            parcel = self._problem(properties, problem)
            self._publisher.send("", properties.reply_to, parcel.body, parcel.properties)

    def _problem(self, properties: Any, problem: Problem) -> wire.Parcel:
        return wire.pack_problem(
            problem,
            source=self._source,
            request_id=properties.message_id or "",
            correlation_id=properties.correlation_id or "",
        )

    def _send(self, exchange: str, key: str, delivery: Delivery, headers: dict[str, Any], *, mandatory: bool) -> None:
        old = delivery.properties
        kept = {name: value for name, value in (old.headers or {}).items() if name not in _COUNTED_BY_BROKER}
        properties = pika.BasicProperties(
            content_type=old.content_type,
            type=old.type,
            message_id=old.message_id,
            correlation_id=old.correlation_id,
            timestamp=old.timestamp,
            app_id=old.app_id,
            reply_to=old.reply_to,
            delivery_mode=wire.PERSISTENT,
            headers=kept | headers,
        )
        subject = f"{old.type or 'a message'} {old.message_id or ''}".strip()
        future = self._publisher.publish(
            exchange, key, delivery.body, properties, mandatory=mandatory, timeout_s=_CONFIRM_S, subject=subject
        )
        try:
            future.result(_CONFIRM_S * 2)
        except FutureTimeout as error:
            raise NotConfirmed(f"{subject} was not confirmed in time") from error


def handler_failed(incoming: Incoming, error: Exception, times: int) -> str:
    """Log what a handler raised unexpectedly, from the `except` block; the reason for people."""
    log.exception(
        "message.failed",
        topic=incoming.topic.name,
        subject=incoming.envelope.subject,
        message_id=incoming.envelope.id,
        times=times,
    )
    return f"Its handler failed {times} times, last with {type(error).__name__}: {error}"
