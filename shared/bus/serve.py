"""Answering requests from an RPC queue, in threads of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping

from shared.contracts.base import Message
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import Topic
from shared.process.clock import monotonic, now
from shared.process.logging import get_logger

from . import wire
from .disposal import Disposal
from .link import Link
from .outcomes import Incoming
from .subscription import Delivery, Subscription

_REPLY_WAIT_S = 2.0
"""For a connection that is just coming back; an asker waits longer than that."""

log = get_logger(part="bus")

Server = Callable[[Incoming], Message]


class RpcConsumer:
    """Closes by answering what is in hand; what only waits goes back to the queue, for another process."""

    def __init__(
        self, link: Link, disposal: Disposal, queue_name: str, handlers: Mapping[Topic, Server], *, threads: int
    ) -> None:
        self._queue_name = queue_name
        self._handlers = dict(handlers)
        self._disposal = disposal
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        # As many again wait here as are answered, so that no thread stands idle between two.
        self._subscription = Subscription(link, queue_name, prefetch=2 * threads, on_delivery=self._waiting.put)
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
            if self._closing.is_set() or not self._subscription.is_current(delivery):
                continue
            try:
                self._answer(delivery)
            except Exception:
                log.exception("cannot answer", queue=self._queue_name, message_id=delivery.properties.message_id)
            self._subscription.ack(delivery)

    def _answer(self, delivery: Delivery) -> None:
        try:
            topic, envelope, message = wire.unpack(delivery.body)
        except wire.Undecodable as error:
            log.warning("unreadable request", queue=self._queue_name, reason=str(error))
            self._disposal.reply_problem(delivery, Code.INVALID, str(error))
            return
        if envelope.deadline is not None and envelope.deadline <= now():
            return  # Nobody waits any more.
        handler = self._handlers.get(topic)
        if handler is None:
            self._disposal.reply_problem(delivery, Code.UNSUPPORTED, f"{topic.type} is not answered here.")
            return
        incoming = Incoming(
            topic,
            envelope,
            message,
            redelivered=delivery.redelivered,
            wants_reply=bool(delivery.properties.reply_to),
        )
        answer = self._handled(incoming, handler)
        self._disposal.wait_to_reply(_REPLY_WAIT_S)
        self._disposal.reply(delivery, incoming, answer)

    def _handled(self, incoming: Incoming, handler: Server) -> Message:
        try:
            return handler(incoming)
        except Refused as refused:
            return refused.problem
        except Exception:
            log.exception("handler failed", topic=incoming.topic.name, message_id=incoming.envelope.id)
            return Problem(
                code=Code.INTERNAL,
                message=f"{incoming.topic.name} failed unexpectedly; the log of {self._queue_name.partition('.')[0]} "
                "has the details.",
                subject=incoming.envelope.id,
            )
