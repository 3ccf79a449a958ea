"""Declares the broker's exchanges and queues, idempotently, at every connect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.process.logging import get_logger

from . import topology

_REFUSED_ARGUMENTS = 406

log = get_logger(part="bus")


def declare_topology(channel: Any, then: Callable[[], None]) -> None:
    """Declare everything on a channel of its own, close that, and go on with `then`.

    pika sends the next declaration when the last one was answered. Where the broker refuses one, the connection is
    closed and made again later: without its queues a process must not begin.
    """
    done = False

    def finish(_frame: Any) -> None:
        nonlocal done
        done = True
        channel.close()
        then()

    def closed(_channel: Any, reason: Any) -> None:
        code = getattr(reason, "reply_code", None)
        if done or code is None:
            return
        log.error(
            "cannot declare",
            reason=str(getattr(reason, "reply_text", reason)),
            next_step="A queue of that name exists with other arguments; drain and delete it on the broker."
            if code == _REFUSED_ARGUMENTS
            else "Check the user's permissions on the virtual host.",
        )
        if channel.connection.is_open:
            channel.connection.close()

    channel.add_on_close_callback(closed)
    for exchange, kind in topology.EXCHANGES.items():
        channel.exchange_declare(exchange, exchange_type=kind, durable=True)
    for queue in topology.queues():
        channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
        for exchange, key in queue.bindings:
            channel.queue_bind(queue.name, exchange, routing_key=key)
    # The last answer: everything before it is there.
    channel.basic_qos(prefetch_count=1, callback=finish)
