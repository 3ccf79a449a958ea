"""Answering requests from an RPC queue, in threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from shared.bus.settlement import Disposal
from shared.contracts.base import Message
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import Topic
from shared.process.logging import get_logger
from shared.process.metrics import Stopwatch

from . import metrics, wire
from .link import Link
from .outcomes import Incoming
from .subscription import Delivery
from .workers import Workers

_REPLY_WAIT_S = 2.0
"""For a connection that is just coming back; an asker waits longer than that."""

log = get_logger(part="bus")

Server = Callable[[Incoming], "Message | Future[Message]"]
"""Answers at once, or later: a future holds its request, and no thread. Raises, or resolves to, `Refused`."""


class RpcConsumer(Workers):
    """Answers each request while somebody waits for it."""

    def __init__(
        self,
        link: Link,
        disposal: Disposal,
        queue_name: str,
        handlers: Mapping[Topic, Server],
        *,
        threads: int,
        deferred: int,
        on_arrival: Callable[[Incoming], None] | None,
        priority: int,
        moved: Sequence[tuple[str, str]],
    ) -> None:
        # As many again wait here as are answered, so that no thread is idle between two.
        super().__init__(link, queue_name, threads=threads, prefetch=2 * threads + deferred, priority=priority)
        self._moved = moved
        self._handlers = dict(handlers)
        self._disposal = disposal
        self._on_arrival = on_arrival

    @property
    def heard_until(self) -> float:
        """In monotonic seconds: `on_arrival` was called for all that had reached the queue by then."""
        return self._subscription.heard_until

    def listen_on(self) -> None:
        """Move `heard_until`, soon, if nothing is left in the queue."""
        self._subscription.listen_on()

    def _prepare(self, channel: Any) -> str:
        """Unbind what an earlier release binds. Its processes bind it again as they connect: both queues answer."""
        for exchange, key in self._moved:
            channel.queue_unbind(self._queue_name, exchange, key)
        return self._queue_name

    def _arrived(self, delivery: Delivery) -> None:
        if self._on_arrival is not None:
            try:
                self._on_arrival(delivery.decoded())
            except wire.Undecodable:
                log.debug("request.unreadable-on-arrival", queue=self._queue_name)
        super()._arrived(delivery)

    def _handle(self, delivery: Delivery) -> None:
        try:
            incoming = self._readable(delivery)
        except Exception:
            log.exception("request.not-answered", queue=self._queue_name, message_id=delivery.properties.message_id)
            incoming = None
        if incoming is None:
            self._subscription.ack(delivery)
            return
        began = Stopwatch()
        answer = _called(lambda: self._handlers[incoming.topic](incoming))
        metrics.watch_handling(answer, self._queue_name, began)
        answer.add_done_callback(lambda done: self._end(delivery, incoming, done))

    def _readable(self, delivery: Delivery) -> Incoming | None:
        """The request, if somebody waits for it and it can be answered here; who asks amiss hears why."""
        if delivery.is_stale:
            return None
        try:
            incoming = delivery.decoded()
        except wire.Undecodable as error:
            log.warning("request.unreadable", queue=self._queue_name, reason=str(error))
            self._disposal.reply_problem(delivery, Code.INVALID, str(error))
            return None
        if incoming.topic not in self._handlers:
            self._disposal.reply_problem(delivery, Code.UNSUPPORTED, f"{incoming.topic.type} is not answered here.")
            return None
        if incoming.envelope.service not in incoming.topic.senders:
            senders = " or ".join(incoming.topic.senders)
            why = f"{incoming.topic.type} comes from {senders}, and this one came from {incoming.envelope.source}."
            self._disposal.reply_problem(delivery, Code.FORBIDDEN, why)
            return None
        return incoming

    def _end(self, delivery: Delivery, incoming: Incoming, done: Future[Message]) -> None:
        try:
            answer = self._result(incoming, done)
            self._disposal.wait_to_reply(_REPLY_WAIT_S)
            self._disposal.reply(delivery, incoming, answer)
        except Exception:
            log.exception("request.not-answered", queue=self._queue_name, message_id=delivery.properties.message_id)
        self._subscription.ack(delivery)

    def _result(self, incoming: Incoming, done: Future[Message]) -> Message:
        try:
            return done.result()
        except Refused as refused:
            return refused.problem
        except Exception:
            log.exception("request.failed", topic=incoming.topic.name, message_id=incoming.envelope.id)
            return Problem(
                code=Code.INTERNAL,
                message=f"{incoming.topic.name} failed unexpectedly; the log of {self._queue_name.partition('.')[0]} "
                "has the details.",
                subject=incoming.envelope.id,
            )


def _called(handler: Callable[[], Message | Future[Message]]) -> Future[Message]:
    """What a handler answers, as a future in any case."""
    future: Future[Message] = Future()
    try:
        answer = handler()
    except Exception as error:
        future.set_exception(error)
        return future
    if isinstance(answer, Future):
        return answer
    future.set_result(answer)
    return future
