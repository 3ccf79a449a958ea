"""A queue whose messages go to whichever worker is free: handlers in threads, outcomes as values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from shared.bus.settlement import BROKER_AWAY_S, QUARANTINE_AFTER, Disposal, handler_failed
from shared.contracts.problems import Code
from shared.contracts.topics import Topic
from shared.process import tracing
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import crash_counts, metrics, topology, wire
from .link import Link
from .outcomes import Drop, Incoming, NotConfirmed, Outcome, Retry
from .subscription import Delivery, Subscription
from .workers import Workers

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
        self._moving = threading.Lock()
        alone = topology.alone_queue(queue_name)
        self._queues = [
            _PoolQueue(link, queue_name, self._dispose, threads=threads, prefetch=max(prefetch, threads)),
            _PoolQueue(link, alone, self._dispose_alone, threads=1, prefetch=1),
        ]

    @property
    def running(self) -> bool:
        return self._queues[0].running

    def start(self) -> None:
        for queue in self._queues:
            queue.start()

    def close(self, timeout_s: float = 30.0) -> None:
        deadline = monotonic() + timeout_s
        for queue in self._queues:
            queue.begin_close()
        for queue in self._queues:
            queue.close(deadline - monotonic())

    def _dispose(self, subscription: Subscription, delivery: Delivery, deaths: int) -> None:
        if deaths:
            # The copy must not be started before the original is gone for good.
            with self._moving:
                self._disposal.set_apart(delivery)
                subscription.ack(delivery)
                subscription.settle()
        else:
            self._read(subscription, delivery)

    def _dispose_alone(self, subscription: Subscription, delivery: Delivery, deaths: int) -> None:
        with self._moving:
            pass  # Only waits: the original of this copy may be on its way out.
        if deaths >= crash_counts.DEATHS - 1:
            self._disposal.drop(delivery, crash_counts.CRASHED)
            subscription.ack(delivery)
        else:
            self._read(subscription, delivery)

    def _read(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            incoming = delivery.decoded()
        except wire.Undecodable as error:
            self._refuse(subscription, delivery, str(error))
            return
        handler = self._handlers.get(incoming.topic)
        if handler is None:
            self._refuse(subscription, delivery, f"Nobody handles {incoming.topic.type} from {self._queue_name} here.")
            return
        self._handle(subscription, delivery, incoming, handler)

    def _refuse(self, subscription: Subscription, delivery: Delivery, reason: str) -> None:
        self._disposal.drop(delivery, reason)
        subscription.ack(delivery)
        self._disposal.reply_problem(delivery, Code.INVALID, reason)

    def _handle(self, subscription: Subscription, delivery: Delivery, incoming: Incoming, handler: Handler) -> None:
        crashes, parent = delivery.count(wire.CRASHES), incoming.envelope.traceparent
        try:
            with metrics.processing(self._queue_name), tracing.processing(self._queue_name, [parent]):
                outcome = handler(incoming)
        except Exception as error:
            crashes += 1
            reason = handler_failed(incoming, error, crashes)
            outcome = Drop(reason) if crashes >= QUARANTINE_AFTER else Retry(reason=reason)
        match outcome:
            case Retry(after_s, reason):
                failures = incoming.failures + 1
                log.info("message.retried", topic=incoming.topic.name, subject=incoming.envelope.subject, reason=reason)
                self._disposal.retry(delivery, failures=failures, crashes=crashes, after_s=after_s)
            case Drop(reason):
                self._disposal.drop(delivery, reason)
        subscription.ack(delivery)
        self._disposal.answer(delivery, incoming, outcome)


class _PoolQueue(Workers):
    """The pool's queue, or the one of its suspects; what cannot be put away now is given back."""

    def __init__(
        self,
        link: Link,
        queue_name: str,
        dispose: Callable[[Subscription, Delivery, int], None],
        *,
        threads: int,
        prefetch: int,
    ) -> None:
        super().__init__(link, queue_name, threads=threads, prefetch=prefetch)
        self._dispose = dispose
        self._arrivals = crash_counts.Arrivals()

    def _arrived(self, delivery: Delivery) -> None:
        self._arrivals.add(delivery)
        super()._arrived(delivery)

    def _handle(self, delivery: Delivery) -> None:
        try:
            self._dispose(self._subscription, delivery, self._arrivals.deaths(delivery))
        except NotConfirmed as error:
            log.warning("message.not-settled", queue=self._queue_name, reason=str(error))
            self._give_back(delivery)
        except Exception:
            log.exception("worker.failed", queue=self._queue_name, reason="unexpected error outside the handler")
            self._give_back(delivery)

    def _give_back(self, delivery: Delivery) -> None:
        self._closing.wait(BROKER_AWAY_S)
        self._subscription.requeue(delivery)
