"""Takes away the queues of earlier releases, once nobody answers from them and they are empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts.topics import Queue
from shared.process.logging import get_logger

from . import topology
from .link import NOT_FOUND, Link

_LOOK_S, _LOOK_FOR_NEW_S = 20.0, 600.0
"""Between two looks at a queue that is there, which is longer than a process of the earlier release takes to reconnect,
and at one that is gone, which such a process declares again."""

log = get_logger(part="bus")


class Retirement:
    """Looks at each retired queue on a channel of its own.

    While a process of the earlier release consumes one, its bindings stay, and requests come to both queues. Without a
    consumer it is unbound first: what is left in it expires with its deadline, and an empty queue is deleted.
    """

    def __init__(self, link: Link, retired: Mapping[str, Queue]) -> None:
        self._link = link
        self._retired = dict(retired)
        self._connection: Any = None

    def on_up(self, connection: Any) -> None:
        self._connection = connection
        for name in self._retired:
            self._later(name, connection, _LOOK_S)

    def on_down(self, _reason: str) -> None:
        self._connection = None

    def _later(self, name: str, connection: Any, wait_s: float) -> None:
        self._link.later(wait_s, lambda: self._look(name, connection))

    def _look(self, name: str, connection: Any) -> None:
        if connection is self._connection and connection.is_open:
            connection.channel(on_open_callback=lambda channel: self._examine(name, channel))

    def _examine(self, name: str, channel: Any) -> None:
        def closed(_channel: Any, reason: Any) -> None:
            # Anything but "not found" means that it is in use again, or not empty yet.
            is_gone = getattr(reason, "reply_code", None) == NOT_FOUND
            self._later(name, channel.connection, _LOOK_FOR_NEW_S if is_gone else _LOOK_S)

        def counted(frame: Any) -> None:
            if frame.method.consumer_count:
                channel.close()
                return
            successor = self._retired[name]
            for exchange, key in topology.bindings_of(successor) + topology.moved_bindings_of(successor):
                channel.queue_unbind(name, exchange, key)
            channel.queue_delete(name, if_unused=True, if_empty=True, callback=deleted)

        def deleted(_frame: Any) -> None:
            log.info("queue.deleted", queue=name)
            channel.close()

        channel.add_on_close_callback(closed)
        channel.queue_declare(name, passive=True, callback=counted)
