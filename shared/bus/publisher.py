"""Publishing with confirms, many outstanding at a time, and sending without where a loss is allowed."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import pika
import pika.exceptions

from shared.process.clock import monotonic
from shared.process.logging import get_logger

from .link import Link
from .outcomes import NotConfirmed
from .refusals import Refusals, Route

MOST_OUTSTANDING = 20_000
_SWEEP_S = 0.25

log = get_logger(part="bus")


@dataclass(slots=True)
class _Pending:
    future: Future[None]
    message_id: str
    what: str
    give_up_at: float
    route: Route
    size: int


class Publisher:
    """Two channels of one link: one with confirms, one without."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._confirmed: Any = None
        self._plain: Any = None
        self._next_tag = 1
        self._pending: dict[int, _Pending] = {}
        self._returned: Counter[str] = Counter()
        self.ready = False
        self._refusals = Refusals(link, self._change_channel)
        link.add_user(self)

    @property
    def trouble(self) -> str:
        """That the broker keeps refusing messages; empty when it accepts them."""
        return self._refusals.trouble

    @property
    def usable(self) -> bool:
        """Whether publishing has a chance now."""
        return self.ready and not self._link.blocked

    @property
    def outstanding(self) -> int:
        return len(self._pending)

    def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: pika.BasicProperties,
        *,
        mandatory: bool,
        timeout_s: float,
        subject: str,
    ) -> Future[None]:
        """Send and resolve on the broker's confirm; NotConfirmed otherwise. From any thread."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        refusal = self._refusal()
        if refusal:
            future.set_exception(NotConfirmed(f"{subject} was not sent: {refusal}"))
            return future
        pending = _Pending(
            future,
            properties.message_id or "",
            subject,
            monotonic() + timeout_s,
            (exchange, routing_key),
            len(body),
        )
        self._link.submit(lambda: self._publish(exchange, routing_key, body, properties, mandatory, pending))
        return future

    def send(self, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties) -> None:
        """Send without a confirm; silently lost while the broker is away. From any thread."""
        if self.usable:
            self._link.submit(lambda: self._send(exchange, routing_key, body, properties))

    def _refusal(self) -> str:
        if not self.ready:
            return f"the broker is away ({self._link.why_down or 'connecting'})"
        if self._link.blocked:
            return "the broker is short of memory or disk and takes nothing"
        if len(self._pending) >= MOST_OUTSTANDING:
            return f"{MOST_OUTSTANDING} messages already wait for their confirm"
        return ""

    # Everything below runs on the I/O thread.

    def on_up(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._confirmed_opened)
        connection.channel(on_open_callback=self._plain_opened)

    def on_down(self, reason: str) -> None:
        self.ready = False
        self._confirmed = self._plain = None
        self._fail_all(f"the connection was lost before the confirm ({reason})")

    def _confirmed_opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._closed)
        channel.add_on_return_callback(self._on_return)

        def selected(_frame: Any) -> None:
            self._confirmed, self._next_tag = channel, 1
            self.ready = True

        channel.confirm_delivery(self._on_confirm, callback=selected)

    def _plain_opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._closed)
        self._plain = channel

    def _closed(self, channel: Any, reason: Any) -> None:
        """The channel alone: the broker cannot take a message, or has refused messages for too long."""
        if channel is self._plain:
            self._plain, opened = None, self._plain_opened
        elif channel is self._confirmed:
            self._confirmed, opened, self.ready = None, self._confirmed_opened, False
            self._fail_all(f"the channel was closed ({reason})")
        else:
            return
        self._link.open_channel_again(channel, reason, opened)

    def _change_channel(self) -> None:
        if self._confirmed is not None and self._confirmed.is_open:
            self._confirmed.close(reply_text="refused messages for too long")

    def _publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: pika.BasicProperties,
        mandatory: bool,
        pending: _Pending,
    ) -> None:
        try:
            if self._confirmed is None:
                raise pika.exceptions.ChannelWrongStateError(self._link.why_down or "the channel is closed")
            self._confirmed.basic_publish(exchange, routing_key, body, properties, mandatory)
        except Exception as error:
            # A frame that cannot even be encoded has used no tag.
            pending.future.set_exception(NotConfirmed(f"{pending.what} was not sent: {error}"))
            return
        if not self._pending:
            self._link.later(_SWEEP_S, self._sweep)
        self._pending[self._next_tag] = pending
        self._next_tag += 1

    def _send(self, exchange: str, routing_key: str, body: bytes, properties: pika.BasicProperties) -> None:
        if self._plain is not None and self._plain.is_open:
            self._plain.basic_publish(exchange, routing_key, body, properties)

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        # It comes just before the confirm of the same message.
        self._returned[properties.message_id or ""] += 1
        log.debug("message.unroutable", routing_key=method.routing_key)
        self._link.declare_again(lambda: None)

    def _on_confirm(self, frame: Any) -> None:
        tag, acked = frame.method.delivery_tag, frame.method.NAME == "Basic.Ack"
        if frame.method.multiple:
            # Tags are in order: the oldest come first.
            tags = (
                list(takewhile(lambda pending_tag: pending_tag <= tag, self._pending)) if tag else list(self._pending)
            )
        else:
            tags = [tag]
        for confirmed_tag in tags:
            pending = self._pending.pop(confirmed_tag, None)
            if pending is not None:
                self._settle(pending, acked)
            elif acked:
                self._refusals.forget()  # It was given up: a slow broker and not a refusing one.

    def _settle(self, pending: _Pending, acked: bool) -> None:
        if self._returned and self._returned[pending.message_id]:
            self._returned -= Counter([pending.message_id])
            pending.future.set_exception(NotConfirmed(f"{pending.what} was returned: no queue takes it"))
        elif acked:
            self._refusals.accepted(pending.route)
            pending.future.set_result(None)
        else:
            self._refusals.refused(pending.route, pending.size)
            depth = self._refusals.words(pending.route)
            pending.future.set_exception(NotConfirmed(f"{pending.what} was refused by the broker: {depth}"))

    def _sweep(self) -> None:
        at = monotonic()
        for tag in [tag for tag, pending in self._pending.items() if pending.give_up_at <= at]:
            pending = self._pending.pop(tag)
            if not self._link.blocked:
                self._refusals.refused(pending.route, pending.size)
            pending.future.set_exception(NotConfirmed(f"{pending.what} was not confirmed in time"))
        if self._pending:
            self._link.later(_SWEEP_S, self._sweep)

    def _fail_all(self, reason: str) -> None:
        pending, self._pending = self._pending, {}
        self._returned.clear()
        for entry in pending.values():
            entry.future.set_exception(NotConfirmed(f"{entry.what}: {reason}"))
