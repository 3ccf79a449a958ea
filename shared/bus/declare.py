"""Declares the broker's exchanges and queues, idempotently, at every connect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from shared.process.logging import get_logger

from . import topology

_REFUSED_ACCESS, _REFUSED_ARGUMENTS = 403, 406
_NEXT_STEPS = {
    _REFUSED_ACCESS: "Check the user's permissions on the virtual host.",
    _REFUSED_ARGUMENTS: "A queue of that name exists with other arguments; drain and delete it on the broker.",
}
_WAIT = "The others work; it is declared again until it can be. Look whether the node that holds it is away."

log = get_logger(part="bus")


class Declaration:
    """Declares everything on channels of its own, and then calls `then`. All of it on the I/O thread.

    A queue that the broker refuses is a trouble of that queue: the others are declared all the same. Without its
    exchanges, or without the right to declare, a process must not begin, and the connection is closed, to be made again
    later.
    """

    def __init__(self, connection: Any, then: Callable[[], None]) -> None:
        self._connection = connection
        self._then = then
        self._steps: deque[tuple[str, Callable[[Any, Callable[[Any], None]], None]]] = deque()
        self._refused: dict[str, str] = {}
        self._finished = False
        for exchange, kind in topology.EXCHANGES.items():
            self._steps.append((exchange, partial(_declare_exchange, exchange, kind)))
        for queue in topology.queues():
            self._steps.append((queue.name, partial(_declare_queue, queue)))
        self._open()

    @property
    def trouble(self) -> str:
        """What could not be declared, with the broker's reason; empty when all is there."""
        return "; ".join(f"Queue {name} cannot be used: {reason}" for name, reason in self._refused.items())

    def _open(self) -> None:
        self._connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._closed)
        self._go_on(channel)

    def _go_on(self, channel: Any) -> None:
        if self._steps:
            self._steps[0][1](channel, lambda _frame: self._done(channel))
            return
        self._finished = True
        channel.close()
        self._then()

    def _done(self, channel: Any) -> None:
        self._steps.popleft()
        self._go_on(channel)

    def _closed(self, _channel: Any, reason: Any) -> None:
        code = getattr(reason, "reply_code", None)
        if self._finished or code is None or not self._connection.is_open:
            return
        name, _ = self._steps.popleft()
        refusal = str(getattr(reason, "reply_text", reason))
        log.error("queue.not-declared", name=name, reason=refusal, next_step=_NEXT_STEPS.get(code, _WAIT))
        if code == _REFUSED_ACCESS or name in topology.EXCHANGES:
            self._connection.close()
            return
        self._refused[name] = refusal
        self._open()


def _declare_exchange(name: str, kind: str, channel: Any, then: Callable[[Any], None]) -> None:
    channel.exchange_declare(name, exchange_type=kind, durable=True, callback=then)


def _declare_queue(queue: topology.QueueSpec, channel: Any, then: Callable[[Any], None]) -> None:
    """pika sends the next call when the last was answered, so the last one's answer speaks for all."""
    channel.queue_declare(
        queue.name, durable=True, arguments=queue.arguments, callback=None if queue.bindings else then
    )
    for position, (exchange, key) in enumerate(queue.bindings, start=1):
        is_last = position == len(queue.bindings)
        channel.queue_bind(queue.name, exchange, routing_key=key, callback=then if is_last else None)
