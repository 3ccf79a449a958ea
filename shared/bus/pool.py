"""A queue whose messages go to whichever worker is free: handlers in threads, outcomes as values."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext

from shared.contracts.problems import Code
from shared.contracts.topics import Topic
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import suspects, wire
from .disposal import Disposal
from .link import Link
from .outcomes import Ack, Answer, Drop, Fail, Incoming, NotConfirmed, Outcome, Retry
from .subscription import Delivery, Subscription

QUARANTINE_AFTER = 3
"""Unexpected exceptions from one message's handler."""
_BROKER_AWAY_S = 1.0

log = get_logger(part="bus")

Handler = Callable[[Incoming], Outcome]


class PoolConsumer:
    """Closes by finishing what is in hand; what only waits goes back to the queue."""

    def __init__(
        self,
        link: Link,
        disposal: Disposal,
        queue_name: str,
        handlers: Mapping[Topic, Handler],
        *,
        threads: int,
        prefetch: int,
    ) -> None:
        self._queue_name = queue_name
        self._handlers = dict(handlers)
        self._disposal = disposal
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._survivors = suspects.Survivors()
        self._alone = threading.Lock()
        self._closing = threading.Event()
        self._subscription = Subscription(
            link, queue_name, prefetch=max(prefetch, threads), on_delivery=self._waiting.put
        )
        self._threads = [
            threading.Thread(target=self._work, name=f"{queue_name}-{number}", daemon=True) for number in range(threads)
        ]

    @property
    def running(self) -> bool:
        return self._subscription.consuming

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._subscription.start()

    def close(self, timeout_s: float = 30.0) -> None:
        self._closing.set()
        for _ in self._threads:
            self._waiting.put(None)
        deadline = monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        self._subscription.stop()

    def _work(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            # Not started yet: the channel's end gives it back.
            if self._closing.is_set() or not self._subscription.is_current(delivery):
                continue
            try:
                self._dispose(delivery)
            except NotConfirmed as error:
                log.warning("cannot put away", queue=self._queue_name, reason=str(error))
                self._closing.wait(_BROKER_AWAY_S)
                self._subscription.requeue(delivery)
            except Exception:
                log.exception("worker failed", queue=self._queue_name, reason="unexpected error outside the handler")
                self._closing.wait(_BROKER_AWAY_S)
                self._subscription.requeue(delivery)

    def _dispose(self, delivery: Delivery) -> None:
        if suspects.is_guilty(delivery):
            self._disposal.drop(delivery, suspects.CRASHED)
            self._subscription.ack(delivery)
            return
        if self._survivors.has(delivery):
            self._subscription.ack(delivery)
            return
        try:
            topic, envelope, message = wire.unpack(delivery.body)
        except wire.Undecodable as error:
            self._refuse(delivery, str(error))
            return
        handler = self._handlers.get(topic)
        if handler is None:
            self._refuse(delivery, f"Nobody handles {topic.type} from {self._queue_name} here.")
            return
        incoming = Incoming(
            topic,
            envelope,
            message,
            redelivered=delivery.redelivered,
            failures=delivery.count(wire.FAILURES),
            wants_reply=bool(delivery.properties.reply_to),
        )
        suspect = suspects.is_suspect(delivery)
        with self._alone if suspect else nullcontext():
            if suspect:
                strikes = delivery.count(wire.STRIKES) + 1
                self._disposal.put_aside(delivery, strikes=strikes, delay_queue=True)
                self._subscription.ack(delivery)
            self._handle(delivery, incoming, handler)
            if suspect:
                self._survivors.add(delivery)

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        self._disposal.drop(delivery, reason)
        self._subscription.ack(delivery)
        self._disposal.reply_problem(delivery, Code.INVALID, reason)

    def _handle(self, delivery: Delivery, incoming: Incoming, handler: Handler) -> None:
        crashes = delivery.count(wire.CRASHES)
        try:
            outcome = handler(incoming)
        except Exception as error:
            crashes += 1
            log.exception(
                "handler failed",
                topic=incoming.topic.name,
                subject=incoming.envelope.subject,
                message_id=incoming.envelope.id,
                times=crashes,
            )
            reason = f"Its handler failed {crashes} times, last with {type(error).__name__}: {error}"
            outcome = Drop(reason) if crashes >= QUARANTINE_AFTER else Retry(reason=reason)
        match outcome:
            case Retry(after_s, reason):
                failures = incoming.failures + 1
                log.info("retry", topic=incoming.topic.name, subject=incoming.envelope.subject, reason=reason)
                self._disposal.retry(delivery, failures=failures, crashes=crashes, after_s=after_s)
            case Drop(reason):
                self._disposal.drop(delivery, reason)
        self._subscription.ack(delivery)
        match outcome:
            case Answer(message):
                self._disposal.reply(delivery, incoming, message)
            case Fail(problem):
                self._disposal.reply(delivery, incoming, problem)
            case Drop(reason):
                self._disposal.reply_problem(delivery, Code.INTERNAL, reason)
            case Ack() | Retry():
                pass
