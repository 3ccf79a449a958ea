"""Asking and being answered: requests over direct reply-to, on a channel that both publishes and consumes."""

from __future__ import annotations

import math
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pika.exceptions

from shared.contracts.base import Message
from shared.contracts.problems import Problem, Refused
from shared.contracts.topics import Topic
from shared.process.clock import monotonic
from shared.process.logging import get_logger

from . import topology, wire
from .link import Link
from .outcomes import NotAsked, RequestTimeout, Unavailable
from .refusals import Refusals, Route

REPLY_TO = "amq.rabbitmq.reply-to"
_SWEEP_S = 0.1
_LAST_ANSWERS_S = 60.0
"""A channel that was changed stays open for so long: its requests may still be answered."""

log = get_logger(part="bus")


@dataclass(slots=True)
class _Asked:
    future: Future[Message]
    topic: Topic
    timeout_s: float
    give_up_at: float
    doubt_at: float

    @property
    def route(self) -> Route:
        return topology.exchange_of(self.topic), self.topic.routing_key


class Requester:
    """The requests of one process that wait for their answers."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: Any = None
        self._asked: dict[str, _Asked] = {}
        self.ready = False
        self._refusals = Refusals(link, self._change_channel, answered=True)
        link.add_user(self)

    @property
    def trouble(self) -> str:
        """That requests keep getting no answer though somebody takes them; empty when they get one."""
        return self._refusals.trouble

    @property
    def usable(self) -> bool:
        return self.ready and not self._link.blocked

    def ask(
        self, topic: Topic, parcel: wire.Parcel, timeout_s: float, doubt_after_s: float = math.inf
    ) -> Future[Message]:
        """Send a request packed with REPLY_TO; the future gives the answer or raises why there is none.

        One that is still unanswered after `doubt_after_s` counts as refused by the channel; its answer may still come.
        """
        future: Future[Message] = Future()
        future.set_running_or_notify_cancel()
        if not self.ready:
            why = self._link.why_down or "connecting"
            future.set_exception(NotAsked(f"{topic.name} was not asked: the broker is away ({why})"))
        elif self._link.blocked:
            future.set_exception(NotAsked(f"{topic.name} was not asked: the broker is short of memory or disk"))
        else:
            at = monotonic()
            request = _Asked(future, topic, timeout_s, at + timeout_s, at + min(timeout_s, doubt_after_s))
            self._link.submit(lambda: self._ask(parcel, request))
        return future

    # Everything below runs on the I/O thread.

    def on_up(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._opened)

    def on_down(self, reason: str) -> None:
        self.ready, self._channel = False, None
        self._fail_all(f"the connection was lost while waiting ({reason})")

    def _opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._closed)
        channel.add_on_return_callback(self._on_return)

        def consuming(_frame: Any) -> None:
            self._channel, self.ready = channel, True

        channel.basic_consume(REPLY_TO, self._on_reply, auto_ack=True, callback=consuming)

    def _closed(self, channel: Any, reason: Any) -> None:
        if channel is not self._channel:
            return
        self.ready, self._channel = False, None
        self._fail_all(f"the channel was closed ({reason})")
        self._link.open_channel_again(channel, reason, self._opened)

    def _change_channel(self) -> None:
        old, connection = self._channel, self._channel.connection if self._channel is not None else None
        if connection is None or not connection.is_open:
            return
        self.ready, self._channel = False, None

        def close_old() -> None:
            if old.is_open:
                old.close()

        self._link.later(_LAST_ANSWERS_S, close_old)
        connection.channel(on_open_callback=self._opened)

    def _ask(self, parcel: wire.Parcel, request: _Asked) -> None:
        try:
            if self._channel is None:
                raise pika.exceptions.ChannelWrongStateError(self._link.why_down or "the channel is closed")
            self._channel.basic_publish(
                *request.route,
                parcel.body,
                parcel.properties,
                mandatory=True,
            )
        except Exception as error:
            request.future.set_exception(NotAsked(f"{request.topic.name} was not asked: {error}"))
            return
        if not self._asked:
            self._link.later(_SWEEP_S, self._sweep)
        self._asked[parcel.message_id] = request

    def _on_reply(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        request = self._asked.pop(properties.correlation_id or "", None)
        if request is None:
            self._refusals.forget()  # The asker gave up: a slow answer and not a lost one.
            return
        self._refusals.accepted(request.route)
        answer = wire.unpack_reply(request.topic, body)
        if isinstance(answer, Problem):
            request.future.set_exception(Refused(answer))
        else:
            request.future.set_result(answer)

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        request = self._asked.pop(properties.correlation_id or "", None)
        if request is not None:
            request.future.set_exception(NotAsked(f"{request.topic.name} was not asked: no queue takes it"))
            self._link.declare_again(lambda: None)

    def _sweep(self) -> None:
        at = monotonic()
        for request in self._asked.values():
            if request.doubt_at <= at:
                request.doubt_at = math.inf
                if not self._link.blocked:
                    self._refusals.refused(request.route, 0)
        for key in [key for key, request in self._asked.items() if request.give_up_at <= at]:
            request = self._asked.pop(key)
            request.future.set_exception(
                RequestTimeout(f"{request.topic.name}: no answer within {request.timeout_s:g} s")
            )
        if self._asked:
            self._link.later(_SWEEP_S, self._sweep)

    def _fail_all(self, reason: str) -> None:
        waiting, self._asked = self._asked, {}
        for request in waiting.values():
            request.future.set_exception(Unavailable(f"{request.topic.name}: {reason}"))
