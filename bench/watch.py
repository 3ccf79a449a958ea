"""Hears Portside's public events as any outsider may: a queue of its own, bound to the topic exchange."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pika

EXCHANGE = "portside.events"


class Watch:
    """Counts the messages of one routing key; when the last of them came is a time of the monotonic clock."""

    def __init__(self, amqp_url: str, routing_key: str) -> None:
        self.subjects: list[str] = []
        self.last_at = 0.0
        self._changed = threading.Condition()
        self._connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        self._channel = self._connection.channel()
        queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._channel.queue_bind(queue, EXCHANGE, routing_key)
        self._channel.basic_consume(queue, self._heard, auto_ack=True)
        self._thread = threading.Thread(target=self._channel.start_consuming, daemon=True)
        self._thread.start()

    def wait(self, count: int, limit_s: float = 120.0) -> list[str]:
        """The subjects of this many messages since the last `forget`, in the order in which they came."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.subjects) >= count, limit_s):
                raise TimeoutError(f"{len(self.subjects)} of {count} events within {limit_s:.0f} s")
            return list(self.subjects)

    def forget(self) -> None:
        """Restart the counts."""
        with self._changed:
            self.subjects.clear()

    def close(self) -> None:
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(5)
        self._connection.close()

    def _heard(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        at = time.monotonic()
        with self._changed:
            self.subjects.append(json.loads(body)["subject"])
            self.last_at = at
            self._changed.notify_all()


def waiting_in(amqp_url: str, queue: str) -> int:
    """How many messages wait in a queue and are with no consumer, by a passive declaration."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)
    finally:
        connection.close()


def purge(amqp_url: str, *queues: str) -> None:
    """Throw away what waits in these queues."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    for queue in queues:
        connection.channel().queue_purge(queue)
    connection.close()
