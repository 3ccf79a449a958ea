"""Broadcasts: every process hears them in order, may miss some, and learns when it may have."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pika

from shared.bus.link import Link
from shared.bus.outcomes import Incoming
from shared.bus.subscription import Delivery, Subscription
from shared.contracts.topics import Topic
from shared.process.ids import new_id
from shared.process.logging import get_logger

from . import topology, wire

_GAP = object()
_PROBE = "probe"

log = get_logger(part="bus")

Listener = Callable[[Incoming], None]


class NewsConsumer:
    """Has an exclusive queue that the broker deletes with the connection."""

    def __init__(
        self,
        link: Link,
        name: str,
        instance: str,
        handlers: Mapping[Topic, Listener],
        on_gap: Callable[[], None] | None,
    ) -> None:
        self._name = name
        self._instance = instance
        self._handlers = dict(handlers)
        self._on_gap = on_gap
        self._waiting: queue.SimpleQueue[Delivery | object | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._probe_key = ""
        self._subscription = Subscription(
            link,
            name,
            prefetch=0,
            on_delivery=self._put,
            auto_ack=True,
            prepare=self._declare,
            on_subscribed=lambda: self._waiting.put(_GAP),
            probe=self._probe,
        )
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def running(self) -> bool:
        return self._subscription.consuming

    def start(self) -> None:
        self._thread.start()
        self._subscription.start()

    def close(self, timeout_s: float = 30.0) -> None:
        self._closing.set()
        self._waiting.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        self._subscription.stop()

    def _declare(self, channel: Any) -> str:
        # A new name each time: the broker may still hold the queue of a connection that it has not missed yet.
        name = f"{self._name}.{self._instance}.{new_id()[-12:]}"
        channel.queue_declare(name, exclusive=True, auto_delete=True, arguments=topology.NEWS_ARGUMENTS)
        self._probe_key = f"{_PROBE}.{name}"
        channel.add_on_return_callback(lambda returning, *_: returning.close())
        channel.queue_bind(name, topology.EVENTS, routing_key=self._probe_key)
        for topic in self._handlers:
            channel.queue_bind(name, topology.exchange_of(topic), routing_key=topic.routing_key)
        return name

    def _probe(self, channel: Any) -> None:
        """A queue that lost its bindings with a deleted exchange gets nothing, silently: a message to itself comes back
        as unroutable, or closes the channel where there is no exchange at all.
        """
        properties = pika.BasicProperties(type=_PROBE, delivery_mode=wire.TRANSIENT)
        channel.basic_publish(topology.EVENTS, self._probe_key, b"", properties, mandatory=True)

    def _put(self, delivery: Delivery) -> None:
        if delivery.properties.type == _PROBE:
            return
        if self._waiting.qsize() < topology.NEWS_MAX_LENGTH:
            self._waiting.put(delivery)
        else:
            # A listener this slow has lost the thread: it starts again from what is true now.
            self._waiting = queue.SimpleQueue()
            self._waiting.put(_GAP)

    def _work(self) -> None:
        while not self._closing.is_set():
            item = self._waiting.get()
            if item is None:
                return
            try:
                if isinstance(item, Delivery):
                    self._hear(item)
                elif self._on_gap is not None:
                    self._on_gap()
            except Exception:
                log.exception("listener.failed", name=self._name)

    def _hear(self, delivery: Delivery) -> None:
        try:
            incoming = delivery.decoded()
        except wire.Undecodable as error:
            log.warning("broadcast.unreadable", name=self._name, reason=str(error))
            return
        handler = self._handlers.get(incoming.topic)
        if handler is not None:
            handler(incoming)
